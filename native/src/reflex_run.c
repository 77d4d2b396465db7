/* The coordinator of a reflex run: pipes, threads, the time, the stop. It takes no part in the rounds. */
#include "evidence.h"
#include "futex.h"
#include "reflex.h"
#include "spin_region.h"
#include "random.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHILD_STACK (64u << 10)

static uint64_t mono_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The number in a file of /proc/sys/kernel, `otherwise` if there is none. */
static uint64_t kernel_number(const char *path, uint64_t otherwise)
{
	unsigned long long value;
	FILE *file = fopen(path, "re");
	if (!file)
		return otherwise;
	if (fscanf(file, "%llu", &value) != 1)
		value = otherwise;
	fclose(file);
	return value;
}

/* What the machine allows is asked first, for a run that fails half-way has started thousands of threads. */
static int check_limits(uint32_t children, char *message, size_t message_size)
{
	uint64_t threads = kernel_number("/proc/sys/kernel/threads-max", UINT64_MAX);
	uint64_t pids = kernel_number("/proc/sys/kernel/pid_max", UINT64_MAX);
	uint64_t most = threads < pids ? threads : pids;
	if (children >= most) {
		snprintf(message, message_size, "%u children are more threads than this kernel allows: %llu (kernel.threads-max, kernel.pid_max)",
			 children, (unsigned long long)most);
		return -EAGAIN;
	}
	struct rlimit files;
	/* Two ends for each pipe, one file of evidence for each thread, and what is open already. */
	uint64_t need = 3 * (uint64_t)children + 64;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	if (files.rlim_cur < need && files.rlim_max >= need) {
		files.rlim_cur = need;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur < need) {
		snprintf(message, message_size, "%u children need %llu open files and %llu are allowed: raise it with ulimit -Hn", children,
			 (unsigned long long)need, (unsigned long long)files.rlim_max);
		return -EMFILE;
	}
	return 0;
}

static int open_pipes(struct ss_reflex *r, char *message, size_t message_size)
{
	uint32_t n = r->options.children;
	for (uint32_t i = 0; i < n; i++)
		if (pipe2(&r->pipes[2 * i], O_CLOEXEC) < 0) {
			int error = -errno;
			snprintf(message, message_size, "cannot open pipe %u of %u: %s", i + 1, n, strerror(-error));
			return error;
		}
	uint64_t random = r->options.seed;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t successor = (i + r->options.active) % n; /* set s is s, s + a, s + 2a ... */
		r->children[i] = (struct ss_reflex_child){
			.reflex = r, .index = i, .read_fd = r->pipes[2 * i], .write_fd = r->pipes[2 * successor + 1],
			.random = ss_next_random(&random) | 1,
		};
	}
	return 0;
}

int ss_reflex_open(struct ss_reflex *r, const struct ss_reflex_options *options, char *message, size_t message_size)
{
	memset(r, 0, sizeof *r);
	r->options = *options;
	r->signal_fd = -1;
	r->wake_fd = -1;
	int rc = check_limits(options->children, message, message_size);
	if (rc < 0)
		return rc;
	r->pipes = malloc(2 * sizeof *r->pipes * options->children);
	r->children = aligned_alloc(_Alignof(struct ss_reflex_child), sizeof *r->children * options->children);
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r->pipes || !r->children || r->wake_fd < 0) {
		rc = r->pipes && r->children ? -EMFILE : -ENOMEM;
		snprintf(message, message_size, "no memory or files for %u children", options->children);
	}
	if (r->pipes)
		memset(r->pipes, 0xff, 2 * sizeof *r->pipes * options->children); /* -1 */
	if (!rc)
		rc = open_pipes(r, message, message_size);
	if (rc < 0)
		ss_reflex_close(r);
	return rc;
}

void ss_reflex_close(struct ss_reflex *r)
{
	for (uint32_t i = 0; r->pipes && i < 2 * r->options.children; i++)
		if (r->pipes[i] >= 0)
			close(r->pipes[i]);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	free(r->pipes);
	free(r->children);
	r->pipes = NULL;
	r->children = NULL;
	r->wake_fd = -1;
}

void ss_reflex_stop(struct ss_reflex *r, enum ss_reflex_reason reason)
{
	uint32_t running = SS_REFLEX_NONE;
	if (!atomic_compare_exchange_strong(&r->stop, &running, (uint32_t)reason))
		return;
	uint64_t one = 1;
	if (write(r->wake_fd, &one, sizeof one) < 0)
		return; /* the counter is full: the coordinator is awake */
}

static int fail(struct ss_reflex *r, int error, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(r->message, sizeof r->message, format, list);
	va_end(list);
	return error;
}

static int start_threads(struct ss_reflex *r)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rc = 0;
	uint32_t n = r->options.children;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CHILD_STACK);
	if (r->options.have_cpus)
		pthread_attr_setaffinity_np(&attr, sizeof r->options.cpus, &r->options.cpus);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: no signal ever lands in a child */
	for (r->started = 0; r->started < n && !rc && !atomic_load(&r->stop);) {
		struct ss_reflex_child *c = &r->children[r->started];
		rc = -pthread_create(&c->thread, &attr, ss_reflex_child_main, c);
		if (!rc)
			r->started++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	while (atomic_load(&r->ready) < r->started)
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	if (!rc)
		return 0;
	return fail(r, rc, rc == -EAGAIN ? "cannot start thread %u of %u: a limit on threads is reached (pids.max of the cgroup, ulimit -u)"
					 : rc == -EINVAL && r->options.have_cpus ? "cannot start thread %u of %u: none of the CPUs asked for may be used"
					 : "cannot start thread %u of %u", r->started + 1, n);
}

/* On a machine that has no CPU for the children a short run waits so long for its first round, looking so often. */
#define FIRST_ROUND_NS 10000000000u
#define LOOK_NS 5000000u

/* Sleeps until the run is over by time, by a stop or by a signal. */
static void coordinate(struct ss_reflex *r)
{
	uint64_t end = r->start_ns + r->options.duration_ns, last = end + FIRST_ROUND_NS;
	while (!atomic_load(&r->stop)) {
		uint64_t now = mono_ns();
		if (now >= end && now < last && !atomic_load(&r->begun))
			end = now + LOOK_NS;
		if (now >= end) {
			ss_reflex_stop(r, SS_REFLEX_DURATION);
			break;
		}
		struct timespec timeout = {(time_t)((end - now) / 1000000000u), (long)((end - now) % 1000000000u)};
		struct pollfd fds[] = {{.fd = r->wake_fd, .events = POLLIN}, {.fd = r->signal_fd, .events = POLLIN}};
		ppoll(fds, 2, &timeout, NULL);
		if (fds[1].revents & POLLIN)
			ss_reflex_stop(r, SS_REFLEX_SIGNAL);
	}
}

/* A byte into every pipe frees whoever reads; there is room, for a set's token is one byte. */
static void release(struct ss_reflex *r)
{
	for (uint32_t i = 0; i < r->options.children; i++) {
		r->children[i].released_ns = mono_ns();
		while (write(r->pipes[2 * i + 1], "s", 1) < 0 && errno == EINTR)
			;
	}
}

int ss_reflex_run(struct ss_reflex *r)
{
	const struct ss_reflex_options *o = &r->options;
	int old_priority = 0;
	r->loops_per_us = o->compute_us <= 0 ? 0 : o->loops_per_us > 0 ? o->loops_per_us : ss_reflex_calibrate();
	int rc = start_threads(r);
	/* So that those measured cannot keep their coordinator from stopping them; no matter if refused. After they were started, for
	   they inherit it, and only in a program of our own. */
	if (r->own_process) {
		old_priority = getpriority(PRIO_PROCESS, 0);
		setpriority(PRIO_PROCESS, 0, -10);
	}
	if (rc < 0)
		ss_reflex_stop(r, SS_REFLEX_SIGNAL);
	r->start_ns = mono_ns();
	atomic_store(&r->go, 1);
	ss_futex_wake(&r->go);
	coordinate(r);
	r->stop_ns = mono_ns();
	release(r);
	for (uint32_t i = 0; i < r->started; i++)
		pthread_join(r->children[i].thread, NULL);
	if (r->own_process)
		setpriority(PRIO_PROCESS, 0, old_priority);
	return rc;
}

struct ss_reflex_sums ss_reflex_sum(const struct ss_reflex *r)
{
	struct ss_reflex_sums s = {.have = SS_EVIDENCE_RUSAGE | SS_EVIDENCE_SCHEDSTAT};
	double wall = (double)(r->stop_ns - r->start_ns), runnable_ns = 0;
	for (uint32_t i = 0; i < r->started; i++) {
		const struct ss_reflex_child *c = &r->children[i];
		s.rounds += c->rounds;
		s.yields += c->yields;
		s.passes += c->passes;
		s.nvcsw += c->nvcsw;
		s.nivcsw += c->nivcsw;
		s.cpu_ns += c->cpu_ns;
		s.run_delay_ns += c->run_delay_ns;
		s.have &= c->have;
		/* What it ran and waited after the stop is no part of the run: all the time since, or since its read was freed. */
		uint64_t from = c->was_blocked ? c->released_ns : r->stop_ns;
		double after = c->end_ns > from ? (double)(c->end_ns - from) : 0;
		double inside = (double)(c->cpu_ns + c->run_delay_ns) - after;
		runnable_ns += inside > 0 ? inside : 0;
	}
	s.runnable = wall > 0 ? runnable_ns / wall : 0;
	s.us_per_round = s.rounds ? wall / 1e3 / (double)s.rounds : 0;
	return s;
}
