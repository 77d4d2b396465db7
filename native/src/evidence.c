#include "evidence.h"
#include "spin_region.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t ss_thread_cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const char *number(const char *at, uint64_t *value)
{
	while (*at == ' ')
		at++;
	uint64_t n = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	*value = n;
	return at;
}

uint64_t ss_evidence_run_delay(const struct ss_evidence_source *source)
{
	/* "run_ns run_delay_ns timeslices"; the delay is charged when the thread gets the CPU, so it is up to date here. */
	char text[96];
	if (source->schedstat_fd < 0)
		return 0;
	ssize_t n = pread(source->schedstat_fd, text, sizeof text - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = 0;
	uint64_t run, delay;
	number(number(text, &run), &delay);
	return delay;
}

static uint64_t mono_ns(void)
{
	struct timespec mono;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return (uint64_t)mono.tv_sec * 1000000000u + (uint64_t)mono.tv_nsec;
}

/* Readings further apart than this do not belong together. */
#define TORN_NS 50000u

void ss_evidence_read(const struct ss_evidence_source *source, struct ss_evidence *now)
{
	struct rusage usage;
	/*
	 * Each of the readings is a system call, at whose end the thread may lose its CPU: what it then waits would be in one
	 * reading and not in the other, and would look like stolen time later. So they are taken again until they are close.
	 */
	for (int attempt = 0; attempt < 4; attempt++) {
		now->mono_ns = mono_ns();
		now->cpu_ns = ss_thread_cpu_ns();
		now->run_delay = ss_evidence_run_delay(source);
		if (getrusage(RUSAGE_THREAD, &usage) == 0) {
			now->nivcsw = (uint64_t)usage.ru_nivcsw;
			now->nvcsw = (uint64_t)usage.ru_nvcsw;
		}
		if (mono_ns() - now->mono_ns < TORN_NS)
			return;
	}
}

uint64_t ss_evidence_steal(struct ss_evidence_source *source, uint32_t cpu)
{
	if (source->stat_fd < 0)
		return 0;
	ssize_t n = pread(source->stat_fd, source->text, source->text_size - 1, 0);
	if (n <= 0)
		return 0;
	source->text[n] = 0;
	uint64_t delta = 0, grain = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	/* cpuN user nice system idle iowait irq softirq steal ... */
	for (const char *line = strstr(source->text, "\ncpu"); line; line = strstr(line, "\ncpu")) {
		uint64_t id, value = 0;
		line = number(line + 4, &id);
		for (int field = 0; field < 8; field++)
			line = number(line, &value);
		value *= grain;
		if (id >= source->cpus)
			continue;
		if (id == cpu)
			delta = value - source->steal[id];
		source->steal[id] = value;
	}
	return delta;
}

int ss_evidence_forceidle(uint64_t *forceidle_ns)
{
	/* A line "core_forceidle_sum    :    123.456789", in ms. The file is longer than what may be read at once. */
	static const char name[] = "\ncore_forceidle_sum";
	char text[8192];
	size_t length = 0;
	int fd = open("/proc/thread-self/sched", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENODATA;
	for (ssize_t n; length < sizeof text - 1 && (n = read(fd, text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)n;
	close(fd);
	text[length] = 0;
	const char *line = strstr(text, name), *colon = line ? strchr(line, ':') : NULL;
	if (!colon)
		return -ENODATA;
	uint64_t ms, ns = 0;
	const char *dot = number(colon + 1, &ms);
	if (*dot == '.')
		number(dot + 1, &ns);
	*forceidle_ns = ms * 1000000u + ns;
	return 0;
}

int ss_evidence_open(struct ss_evidence_source *source, int steal)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	*source = (struct ss_evidence_source){.schedstat_fd = -1, .stat_fd = -1, .have = SS_EVIDENCE_RUSAGE};
	source->schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (source->schedstat_fd >= 0)
		source->have |= SS_EVIDENCE_SCHEDSTAT;
	if (steal)
		source->stat_fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	if (source->stat_fd < 0)
		return 0;
	source->have |= SS_EVIDENCE_STEAL;
	source->cpus = cpus > 0 ? (uint32_t)cpus : 1;
	source->text_size = 256 * (source->cpus + 2); /* the CPU lines come first, the rest is not needed */
	source->steal = calloc(source->cpus, sizeof *source->steal);
	source->text = malloc(source->text_size);
	if (!source->steal || !source->text) {
		ss_evidence_close(source);
		return -ENOMEM;
	}
	memset(source->text, 0, source->text_size);
	ss_evidence_steal(source, 0);
	return 0;
}

void ss_evidence_close(struct ss_evidence_source *source)
{
	if (source->schedstat_fd >= 0)
		close(source->schedstat_fd);
	if (source->stat_fd >= 0)
		close(source->stat_fd);
	free(source->steal);
	free(source->text);
	*source = (struct ss_evidence_source){.schedstat_fd = -1, .stat_fd = -1};
}
