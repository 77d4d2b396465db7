/* The coordinator: memory, threads, clocks, the once-a-second line, the stop. It never measures. */
#include "futex.h"
#include "spin.h"
#include "tsc.h"
#include "tsc_clock.h"
#include "random.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WORKER_STACK (128u << 10)

static int fail(struct ss_spin *s, int error, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	int n = vsnprintf(s->region->message, sizeof s->region->message, format, list);
	va_end(list);
	if (n > 0 && (size_t)n < sizeof s->region->message)
		snprintf(s->region->message + n, sizeof s->region->message - (size_t)n, ": %s", strerror(-error));
	s->region->error = error;
	__atomic_store_n(&s->region->state, SS_FAILED, __ATOMIC_RELEASE);
	return error;
}

static void lay_out(struct ss_spin *s, uint32_t stride)
{
	const struct ss_spin_options *o = &s->options;
	struct ss_region *r = s->region;
	*r = (struct ss_region){
		.version = SS_REGION_VERSION, .header_size = sizeof *r, .region_size = s->region_size, .threads = s->count,
		.thread_stride = stride, .threads_offset = SS_REGION_PAGE, .gap_capacity = o->gap_capacity,
		.gap_size = sizeof(struct ss_gap), .fast_offset = sizeof(struct ss_thread), .fast_len = SS_FAST_LEN,
		.hist_len = SS_HIST_LEN, .hist_sub_bits = SS_HIST_SUB_BITS, .pid = getpid(), .stop_thread = -1, .stop_gap = -1,
		.seed = o->seed, .burst_ns = o->burst_ns, .max_sleep_ns = o->max_sleep_ns, .duration_ns = o->duration_ns,
		.threshold_ns = o->threshold_ns, .max_gap_ns = o->max_gap_ns, .control = (uint32_t)o->have_control,
	};
	r->run_offset = r->fast_offset + (uint32_t)sizeof(uint64_t) * SS_FAST_LEN;
	r->wake_offset = r->run_offset + (uint32_t)sizeof(uint64_t) * SS_HIST_LEN;
	r->gaps_offset = r->wake_offset + (uint32_t)sizeof(uint64_t) * SS_HIST_LEN;
	uint64_t random = o->seed;
	for (uint32_t i = 0; i < s->count; i++) {
		struct ss_thread *b = ss_region_thread(r, i);
		s->workers[i] = (struct ss_worker){
			.spin = s, .block = b, .index = i, .fast = ss_thread_at(b, r->fast_offset),
			.run = ss_thread_at(b, r->run_offset), .wake = ss_thread_at(b, r->wake_offset),
			.gaps = ss_thread_at(b, r->gaps_offset), .source = {.schedstat_fd = -1, .stat_fd = -1},
			.control = i >= o->threads,
		};
		if (s->workers[i].control)
			continue;
		b->sleep_ns = o->fixed_sleep_ns ? o->fixed_sleep_ns : o->max_sleep_ns ? ss_next_random(&random) % o->max_sleep_ns : 0;
	}
	__atomic_store_n(&r->magic, SS_REGION_MAGIC, __ATOMIC_RELEASE);
}

static int open_in(const char *directory, const char *name)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int ss_spin_open(struct ss_spin *s, const struct ss_spin_options *options, char *message, size_t message_size)
{
	memset(s, 0, sizeof *s);
	s->options = *options;
	s->marker_fd = s->tracing_on_fd = s->signal_fd = -1;
	atomic_store(&s->elected, -1);
	size_t stride = sizeof(struct ss_thread) + sizeof(uint64_t) * (SS_FAST_LEN + 2 * SS_HIST_LEN) +
			(size_t)options->gap_capacity * sizeof(struct ss_gap);
	stride = (stride + SS_REGION_PAGE - 1) & ~(size_t)(SS_REGION_PAGE - 1);
	s->count = options->threads + (options->have_control ? 1 : 0);
	s->region_size = SS_REGION_PAGE + stride * s->count;
	int fd = -1;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (options->shm[0]) {
		fd = open(options->shm, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ftruncate(fd, (off_t)s->region_size) < 0) {
			int error = -errno;
			snprintf(message, message_size, "--shm %.200s: %s", options->shm, strerror(-error));
			if (fd >= 0)
				close(fd);
			ss_spin_close(s);
			return error;
		}
	}
	s->region = mmap(NULL, s->region_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	int error = -errno;
	if (fd >= 0)
		close(fd);
	if (s->region == MAP_FAILED) {
		s->region = NULL;
		snprintf(message, message_size, "cannot map %zu bytes for the results: %s", s->region_size, strerror(-error));
		ss_spin_close(s);
		return error;
	}
	s->workers = calloc(s->count, sizeof *s->workers);
	if (!s->workers) {
		snprintf(message, message_size, "no memory for %u threads", options->threads);
		ss_spin_close(s);
		return -ENOMEM;
	}
	lay_out(s, (uint32_t)stride);
	return 0;
}

void ss_spin_close(struct ss_spin *s)
{
	int *fds[] = {&s->marker_fd, &s->tracing_on_fd, &s->wake_fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	if (s->region)
		munmap(s->region, s->region_size);
	free(s->workers);
	s->region = NULL;
	s->workers = NULL;
}

void ss_spin_stop(struct ss_spin *s, enum ss_stop reason)
{
	uint32_t running = SS_STOP_NONE;
	if (!atomic_compare_exchange_strong(&s->stop, &running, (uint32_t)reason))
		return;
	ss_futex_wake(&s->stop);
	uint64_t one = 1;
	if (write(s->wake_fd, &one, sizeof one) < 0)
		return; /* the counter is full: the coordinator is awake */
}

static int open_trace(struct ss_spin *s)
{
	if (!s->options.trace[0])
		return 0;
	s->marker_fd = open_in(s->options.trace, "trace_marker");
	if (s->marker_fd < 0)
		return fail(s, s->marker_fd, "cannot open %.120s/trace_marker", s->options.trace);
	s->tracing_on_fd = open_in(s->options.trace, "tracing_on");
	if (s->tracing_on_fd < 0)
		return fail(s, s->tracing_on_fd, "cannot open %.120s/tracing_on", s->options.trace);
	/* The first write is the slow one (12 us against 0.4), so it is made now. */
	char text[64];
	int n = snprintf(text, sizeof text, "schedscope: spin pid=%d\n", (int)getpid());
	if (write(s->marker_fd, text, (size_t)n) < 0)
		s->region->trace_error = -errno; /* tracing_on is 0: said, not fatal */
	return 0;
}

static int start_threads(struct ss_spin *s, uint32_t *started)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* workers inherit it: no signal ever lands in a measuring thread */
	int rc = 0;
	for (*started = 0; *started < s->count && !rc;) {
		rc = -pthread_create(&s->workers[*started].thread, &attr, ss_spin_worker, &s->workers[*started]);
		if (!rc)
			++*started;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	while (atomic_load(&s->ready) < *started)
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	if (!rc)
		return 0;
	s->region->error = rc;
	snprintf(s->region->message, sizeof s->region->message,
		 "cannot start thread %u of %u: %s; remedy: fewer threads, or a higher limit (pids.max of the cgroup, ulimit -u, "
		 "kernel.threads-max)", *started + 1, s->count, strerror(-rc));
	__atomic_store_n(&s->region->state, SS_FAILED, __ATOMIC_RELEASE);
	return rc;
}

static void add_anchor(struct ss_region *r, uint32_t *stride, uint32_t *turn)
{
	if ((*turn)++ % *stride)
		return;
	if (r->anchor_count == SS_ANCHORS) {
		for (uint32_t i = 0; i < SS_ANCHORS / 2; i++)
			r->anchors[i] = r->anchors[2 * i];
		r->anchor_count = SS_ANCHORS / 2;
		*stride *= 2;
	}
	struct ss_pair pair = ss_clock_pair(CLOCK_MONOTONIC, 8);
	if (pair.width == UINT64_MAX)
		return;
	r->anchors[r->anchor_count] = (struct ss_anchor){pair.tsc, pair.ns};
	__atomic_store_n(&r->anchor_count, r->anchor_count + 1, __ATOMIC_RELEASE);
}

/*
 * The longest gap of the report interval that just ended. A thread that was writing at the very moment may be late, so the
 * interval before is looked at once more.
 */
static void report(struct ss_spin *s, uint64_t *reported)
{
	uint64_t ended = atomic_fetch_add(&s->interval, 1), max = 0, late = 0;
	for (uint32_t i = 0; i < s->options.threads; i++) {
		const struct ss_thread *b = s->workers[i].block;
		uint64_t at = __atomic_load_n(&b->interval, __ATOMIC_RELAXED);
		if (at >= ended && b->interval_max[ended & 3] > max)
			max = b->interval_max[ended & 3];
		if (ended && at + 1 >= ended && b->interval_max[(ended - 1) & 3] > late && at < ended + 3)
			late = b->interval_max[(ended - 1) & 3];
	}
	if (late > *reported && late > max)
		max = late;
	*reported = max;
	if (s->lines)
		fprintf(s->lines, "Max latency: %.0f ms (%llu ticks, %u online)\n", (double)max * s->ns_per_tick / 1e6,
			(unsigned long long)max, s->options.threads);
}

static uint64_t mono_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void coordinate(struct ss_spin *s, uint64_t started_ns)
{
	uint64_t next = started_ns + 1000000000u, reported = 0;
	uint32_t stride = 1, turn = 0;
	while (!atomic_load(&s->stop)) {
		uint64_t now = mono_ns();
		if (now >= next) {
			add_anchor(s->region, &stride, &turn);
			report(s, &reported);
			next += 1000000000u * (1 + (now - next) / 1000000000u);
		}
		if (now >= s->run_end_ns) {
			ss_spin_stop(s, SS_STOP_DURATION);
			break;
		}
		if (s->options.parent && getppid() != s->options.parent) {
			ss_spin_stop(s, SS_STOP_SIGNAL);
			break;
		}
		uint64_t wait = (next < s->run_end_ns ? next : s->run_end_ns) - now;
		struct timespec timeout = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
		struct pollfd fds[] = {{.fd = s->wake_fd, .events = POLLIN}, {.fd = s->signal_fd, .events = POLLIN}};
		ppoll(fds, 2, &timeout, NULL);
		if (fds[1].revents & POLLIN)
			ss_spin_stop(s, SS_STOP_SIGNAL);
	}
}

/*
 * So that the threads measured cannot keep their coordinator from stopping them; no matter if refused. After they were started,
 * for they inherit it, and only in a program of our own.
 */
static void go_first(const struct ss_spin *s)
{
	if (s->signal_fd < 0)
		return;
	if (s->options.policy == SS_POLICY_DEADLINE)
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	else if (s->options.policy == SCHED_FIFO || s->options.policy == SCHED_RR)
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = s->options.priority + 1});
	else
		setpriority(PRIO_PROCESS, 0, -10);
}

int ss_spin_run(struct ss_spin *s)
{
	struct ss_region *r = s->region;
	struct ss_tsc_info info;
	uint32_t started = 0;
	__atomic_store_n(&r->state, SS_CALIBRATING, __ATOMIC_RELEASE);
	struct pollfd fds[] = {{.fd = s->wake_fd, .events = POLLIN}, {.fd = s->signal_fd, .events = POLLIN}};
	int rc = ss_tsc_calibrate(&info, s->options.brackets, s->options.bracket_ns, fds, 2);
	if (rc)
		return fail(s, rc, "cannot calibrate the cycle counter");
	r->hz = info.hz;
	r->residual_ppm = info.residual_ppm;
	r->invariant = info.invariant;
	r->hypervisor = s->hypervisor = info.hypervisor;
	r->brackets = info.brackets;
	memcpy(r->clocksource, info.clocksource, sizeof r->clocksource);
	snprintf(r->method, sizeof r->method, "monotonic_raw_brackets");
	s->ns_per_tick = 1e9 / info.hz;
	double ticks_per_ns = info.hz / 1e9;
	r->threshold_ticks = s->threshold_ticks = (uint64_t)((double)s->options.threshold_ns * ticks_per_ns);
	r->max_gap_ticks = s->max_gap_ticks = (uint64_t)((double)s->options.max_gap_ns * ticks_per_ns);
	uint64_t floor_ns = s->options.threshold_ns < 10000 ? s->options.threshold_ns : 10000;
	r->audit_floor_ticks = s->audit_floor_ticks = (uint64_t)((double)floor_ns * ticks_per_ns);
	s->burst_ticks = (uint64_t)((double)s->options.burst_ns * ticks_per_ns);
	rc = open_trace(s);
	if (!rc && (rc = ss_spin_join(&s->options)))
		rc = fail(s, rc, "cannot enter the cgroup %.150s", s->options.groups[0]);
	if (!rc)
		rc = start_threads(s, &started);
	for (uint32_t i = 0; i < started && !rc; i++)
		if (s->workers[i].error) {
			rc = r->error = s->workers[i].error;
			ss_spin_why(s, i, r->message, sizeof r->message);
			__atomic_store_n(&r->state, SS_FAILED, __ATOMIC_RELEASE);
		}
	go_first(s);
	r->locked = mlock(r, s->region_size) == 0;

	struct ss_pair begin = ss_clock_pair(CLOCK_MONOTONIC, 64);
	r->start = (struct ss_anchor){begin.tsc, begin.ns};
	uint64_t duration = s->options.duration_ns ? s->options.duration_ns : UINT64_MAX / 4;
	s->run_end_ns = begin.ns + duration;
	double ticks = (double)duration * ticks_per_ns;
	s->run_end_tsc = begin.tsc + (ticks < 9e18 ? (uint64_t)ticks : (uint64_t)9e18);
	if (rc)
		ss_spin_stop(s, SS_STOP_SIGNAL);
	else
		__atomic_store_n(&r->state, SS_RUNNING, __ATOMIC_RELEASE);
	atomic_store(&s->go, 1);
	ss_futex_wake(&s->go);
	if (!rc)
		coordinate(s, begin.ns);
	/*
	 * A thread sees the stop when it runs next, which behind seven others of its CPU takes a while. Who interrupts a run does not want to
	 * wait for that; if the system allows, the threads go first now. Not at the other stops: it would shorten their last gaps.
	 */
	if (atomic_load(&s->stop) == SS_STOP_SIGNAL)
		for (uint32_t i = 0; i < started; i++)
			pthread_setschedparam(s->workers[i].thread, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	for (uint32_t i = 0; i < started; i++)
		pthread_join(s->workers[i].thread, NULL);
	if (rc)
		return rc;

	struct ss_pair end = ss_clock_pair(CLOCK_MONOTONIC, 64), raw = ss_clock_pair(CLOCK_MONOTONIC_RAW, 64);
	r->end = (struct ss_anchor){end.tsc, end.ns};
	r->hz_refined = ss_tsc_slope(info.first, raw);
	uint64_t width = begin.width > end.width ? begin.width : end.width;
	r->pair_ns = (double)width / 2 * s->ns_per_tick;
	r->stop_reason = atomic_load(&s->stop);
	__atomic_store_n(&r->state, SS_DONE, __ATOMIC_RELEASE);
	return 0;
}
