#include "tsc_clock.h"
#include "tsc.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

struct ss_pair ss_clock_pair(clockid_t clock, int tries)
{
	struct ss_pair best = {.width = UINT64_MAX};
	for (int i = 0; i < tries; i++) {
		struct timespec now;
		uint32_t cpu_before, cpu_after;
		uint64_t before = ss_tsc_cpu(&cpu_before);
		clock_gettime(clock, &now);
		uint64_t after = ss_tsc_cpu(&cpu_after);
		if (cpu_before != cpu_after || after - before >= best.width)
			continue;
		best.width = after - before;
		best.tsc = before + best.width / 2;
		best.ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	}
	return best;
}

double ss_tsc_slope(struct ss_pair from, struct ss_pair to)
{
	return (double)(to.tsc - from.tsc) * 1e9 / (double)(to.ns - from.ns);
}

static void cpu_facts(struct ss_tsc_info *info)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;
	if (__get_cpuid(0x80000007u, &a, &b, &c, &d))
		info->invariant = d >> 8 & 1;
	if (__get_cpuid(0x80000001u, &a, &b, &c, &d))
		info->has_tscp = d >> 27 & 1;
	if (__get_cpuid(1, &a, &b, &c, &d))
		info->hypervisor = c >> 31 & 1;
#else
	info->invariant = 1; /* the architecture fixes the counter's rate */
	info->has_tscp = 1;
	info->hypervisor = access("/proc/device-tree/hypervisor", F_OK) == 0;
#endif
	int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, info->clocksource, sizeof info->clocksource - 1);
	close(fd);
	info->clocksource[n < 0 ? 0 : n] = 0;
	info->clocksource[strcspn(info->clocksource, "\n")] = 0;
}

int ss_tsc_calibrate(struct ss_tsc_info *info, uint32_t brackets, uint64_t bracket_ns, struct pollfd *cancels, nfds_t cancel_count)
{
	*info = (struct ss_tsc_info){.brackets = brackets};
	if (!brackets || !bracket_ns)
		return -EINVAL;
	cpu_facts(info);
	if (!info->has_tscp)
		return -ENOTSUP;
	struct ss_pair pairs[33];
	if (brackets > 32)
		return -EINVAL;
	pairs[0] = ss_clock_pair(CLOCK_MONOTONIC_RAW, 64);
	for (uint32_t i = 1; i <= brackets; i++) {
		struct timespec wait = {(time_t)(bracket_ns / 1000000000u), (long)(bracket_ns % 1000000000u)};
		int cancelled = ppoll(cancels, cancel_count, &wait, NULL) > 0;
		pairs[i] = ss_clock_pair(CLOCK_MONOTONIC_RAW, 64);
		if (cancelled)
			info->brackets = brackets = i;
	}
	info->first = pairs[0];
	info->last = pairs[brackets];
	info->hz = ss_tsc_slope(info->first, info->last);
	for (uint32_t i = 1; i <= brackets; i++) {
		double off = fabs(ss_tsc_slope(pairs[i - 1], pairs[i]) / info->hz - 1) * 1e6;
		if (off > info->residual_ppm)
			info->residual_ppm = off;
	}
	return 0;
}
