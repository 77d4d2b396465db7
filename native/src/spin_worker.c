/*
 * What one measuring thread does: burst, sleep, burst, sleep.
 *
 * A sample is a counter read, a subtraction and one increment of a counter in the first-level cache; no system call,
 * no division, no allocation. Whatever took SS_FAST_LEN ticks or more leaves the loop.
 *
 * Which CPU a gap began on: the loop reads the counter without the CPU number (half the price), but to move to another CPU
 * a thread has to be off its CPU for far longer than SS_FAST_LEN ticks, so each move passes through account(), and the
 * CPU read by the stall before is the one on which this stall began.
 */
#include "futex.h"
#include "histogram.h"
#include "spin.h"
#include "tsc.h"
#include "tsc_clock.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Plain counters with one writer: a reader of the region may look at any time, so each store is whole. */
#define ADD(field, n) __atomic_store_n(&(field), (field) + (n), __ATOMIC_RELAXED)
#define SET(field, n) __atomic_store_n(&(field), (n), __ATOMIC_RELAXED)

static void write_begin(struct ss_thread *b)
{
	__atomic_store_n(&b->seq, b->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void write_end(struct ss_thread *b)
{
	__atomic_store_n(&b->seq, b->seq + 1, __ATOMIC_RELEASE);
}

/* The first thread past maxGap stops the tracer while the buffer still holds what happened. */
static int elect(struct ss_worker *w, int kind, uint64_t start, uint64_t end)
{
	struct ss_spin *s = w->spin;
	int32_t nobody = -1;
	if (atomic_load_explicit(&s->stop, memory_order_relaxed) ||
	    !atomic_compare_exchange_strong(&s->elected, &nobody, (int32_t)w->index))
		return 0;
	char text[200];
	int n = snprintf(text, sizeof text, "schedscope: diff: %llums tid=%d thread=%u kind=%s start_tsc=%llu end_tsc=%llu\n",
			 (unsigned long long)((double)(end - start) * s->ns_per_tick / 1e6), w->block->tid, w->index,
			 kind == SS_KIND_WAKE ? "wake" : "run", (unsigned long long)start, (unsigned long long)end);
	if (s->marker_fd >= 0 && write(s->marker_fd, text, (size_t)n) < 0)
		s->region->trace_error = -errno;
	if (s->tracing_on_fd >= 0 && write(s->tracing_on_fd, "0", 1) < 0)
		s->region->trace_error = -errno;
	return 1;
}

static void record(struct ss_worker *w, int kind, uint32_t flags, uint64_t start, uint64_t end, uint32_t cpu_before,
		   uint32_t cpu_after)
{
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;
	uint64_t ticks = end - start;
	int stop = s->max_gap_ticks && ticks > s->max_gap_ticks && elect(w, kind, start, end);

	struct ss_pair pair = ss_clock_pair(CLOCK_MONOTONIC, 2);
	if (pair.width == UINT64_MAX) /* moved between two readings, twice */
		pair = ss_clock_pair(CLOCK_MONOTONIC, 16);
	struct ss_evidence now = w->before;
	ss_evidence_read(&w->source, &now);
	uint64_t steal = ss_evidence_steal(&w->source, cpu_after);

	int64_t end_ns = (int64_t)pair.ns - (int64_t)((double)(int64_t)(pair.tsc - end) * s->ns_per_tick);
	struct ss_gap gap = {
		.start_tsc = start, .end_tsc = end,
		.start_ns = (uint64_t)(end_ns - (int64_t)((double)ticks * s->ns_per_tick)), .end_ns = (uint64_t)end_ns,
		.tid = b->tid, .thread = (uint16_t)w->index, .kind = (uint8_t)kind, .flags = (uint8_t)flags,
		.cpu_before = (uint16_t)cpu_before, .cpu_after = (uint16_t)cpu_after,
		.nivcsw = (uint32_t)(now.nivcsw - w->before.nivcsw), .nvcsw = (uint32_t)(now.nvcsw - w->before.nvcsw),
		.run_delay = now.run_delay - w->before.run_delay, .cpu_ns = now.cpu_ns - w->before.cpu_ns, .steal = steal,
		.minor = (uint64_t)((double)w->minor_ticks * s->ns_per_tick), .wall = now.mono_ns - w->before.mono_ns,
	};
	w->before = now;
	w->minor_ticks = 0;

	/* A ring, because the newest gaps are those of which a trace still holds the cause; the last place is for the longest dropped. */
	uint32_t ring = s->options.gap_capacity - 1;
	uint64_t place = b->gap_count % ring;
	write_begin(b);
	if (b->gap_count >= ring) {
		struct ss_gap *old = &w->gaps[place], *kept = &w->gaps[ring];
		if (b->gap_count > ring)
			ADD(b->overflow, 1);
		if (b->gap_count == ring || old->end_tsc - old->start_tsc > kept->end_tsc - kept->start_tsc) {
			*kept = *old;
			kept->flags |= SS_GAP_OVERFLOW;
		}
	}
	w->gaps[place] = gap;
	__atomic_store_n(&b->gap_count, b->gap_count + 1, __ATOMIC_RELEASE);
	if (stop) {
		s->region->stop_thread = (int32_t)w->index;
		s->region->stop_gap = (int32_t)place;
	}
	write_end(b);
	if (stop)
		ss_spin_stop(s, SS_STOP_MAXGAP);
}

/* An interval of at least SS_FAST_LEN ticks between two samples. Returns 1 if it was written down. */
static int account(struct ss_worker *w, uint64_t start, uint64_t end, uint32_t cpu_after, uint32_t flags)
{
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;
	uint32_t cpu_before = w->cpu;
	w->cpu = cpu_after;
	write_begin(b);
	SET(b->cpu, cpu_after);
	if (cpu_before != cpu_after)
		ADD(b->migrations, 1);
	if (unlikely((int64_t)(end - start) < 0)) {
		ADD(b->warp_count, 1);
		if (start - end > b->warp_max)
			SET(b->warp_max, start - end);
		write_end(b);
		return 0;
	}
	uint64_t ticks = end - start, interval = atomic_load_explicit(&s->interval, memory_order_relaxed);
	if (interval != b->interval) {
		SET(b->interval, interval);
		SET(b->interval_max[interval & 3], 0);
	}
	if (ticks > b->interval_max[interval & 3])
		SET(b->interval_max[interval & 3], ticks);
	if (w->in_burst) {
		ADD(w->run[ss_hist_index(ticks)], 1);
		ADD(b->stall_count, 1);
		ADD(b->stall_ticks, ticks);
		if (ticks >= s->audit_floor_ticks) {
			ADD(b->audit_count, 1);
			ADD(b->audit_ticks, ticks);
		}
	}
	if (ticks < s->threshold_ticks) {
		w->minor_ticks += ticks;
		write_end(b);
		return 0;
	}
	if (w->in_burst) {
		ADD(b->run_count, 1);
		ADD(b->run_ticks, ticks);
		if (ticks > b->run_max)
			SET(b->run_max, ticks);
	}
	write_end(b);
	record(w, SS_KIND_RUN, flags | (w->in_burst ? 0 : SS_GAP_OUTSIDE), start, end, cpu_before, cpu_after);
	return 1;
}

/*
 * Accounts for [start, end] and for what happened meanwhile. Writing a gap down costs a few microseconds, in which
 * the thread can be preempted as well: that is a gap too. Returns the tick from which sampling goes on.
 */
static uint64_t stall(struct ss_worker *w, uint64_t start, uint64_t end)
{
	uint32_t cpu, flags = 0;
	uint64_t after = ss_tsc_cpu(&cpu);
	for (;;) {
		int written = account(w, start, end, cpu, flags);
		after = ss_tsc_cpu(&cpu);
		uint64_t cost = after - end;
		ADD(w->block->record_count, (uint64_t)written);
		if (likely(cost < (written ? w->record_cost : 0) + w->spin->threshold_ticks || (int64_t)cost < 0)) {
			ADD(w->block->record_ticks, cost);
			return after;
		}
		start = end;
		end = after;
		flags = SS_GAP_RECORD;
	}
}

/* Four samples of which at least one came late. */
static __attribute__((noinline)) uint64_t stalls(struct ss_worker *w, uint64_t before, const uint64_t samples[4])
{
	uint32_t cpu;
	for (int i = 0; i < 3; i++) {
		uint64_t ticks = samples[i] - before;
		if (ticks < SS_FAST_LEN) {
			w->fast[ticks]++;
		} else {
			ss_tsc_cpu(&cpu);
			ADD(w->block->record_count, (uint64_t)account(w, before, samples[i], cpu, 0));
		}
		before = samples[i];
	}
	if (samples[3] - before >= SS_FAST_LEN)
		return stall(w, before, samples[3]);
	w->fast[samples[3] - before]++;
	uint64_t now = ss_tsc(), cost = now - samples[3];
	if (cost >= w->record_cost + w->spin->threshold_ticks && (int64_t)cost > 0)
		return stall(w, samples[3], now);
	ADD(w->block->record_ticks, cost);
	return now;
}

void ss_spin_until(struct ss_worker *worker, uint64_t until, uint64_t *last)
{
	/*
	 * Means: for each sample, fast[sample - before]++. Four samples are taken before any is counted, because the counter
	 * read waits for the increment before it: 1.1 times the period of a bare loop instead of 1.4.
	 */
	uint64_t *fast = worker->fast, before = *last;
	_Atomic uint32_t *stop = &worker->spin->stop;
	do {
		uint64_t t1 = ss_tsc(), t2 = ss_tsc(), t3 = ss_tsc(), t4 = ss_tsc();
		uint64_t d1 = t1 - before, d2 = t2 - t1, d3 = t3 - t2, d4 = t4 - t3;
		if (likely((d1 | d2 | d3 | d4) < SS_FAST_LEN)) {
			fast[d1]++;
			fast[d2]++;
			fast[d3]++;
			fast[d4]++;
			before = t4;
		} else {
			before = stalls(worker, before, (uint64_t[]){t1, t2, t3, t4});
		}
	} while (likely(before < until) && likely(!atomic_load_explicit(stop, memory_order_relaxed)));
	*last = before;
}

struct reading {
	uint64_t tsc;
	struct ss_evidence evidence;
};

/* Wall, CPU and waiting time at one instant: again until nothing came in between, the best of ten at worst. */
static struct reading read_all(struct ss_worker *w)
{
	struct reading best = {0};
	uint64_t width = UINT64_MAX;
	for (int i = 0; i < 10 && width > w->record_cost; i++) {
		struct reading now = {.evidence = w->before};
		uint64_t before = ss_tsc();
		ss_evidence_read(&w->source, &now.evidence);
		now.tsc = ss_tsc();
		if (now.tsc - before < width) {
			width = now.tsc - before;
			now.tsc = before; /* the CPU time is read first */
			best = now;
		}
	}
	return best;
}

static void burst(struct ss_worker *w)
{
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;
	uint64_t last, end;

	ss_evidence_steal(&w->source, w->cpu);
	struct reading from = read_all(w);
	w->before = from.evidence;
	w->minor_ticks = 0;
	w->in_burst = 1;
	SET(b->state, SS_THREAD_SPINNING);
	last = from.tsc;
	end = from.tsc + s->burst_ticks;
	if (end > s->run_end_tsc)
		end = s->run_end_tsc;
	ss_spin_until(w, end, &last);
	struct reading to = read_all(w);
	if (to.tsc - last >= s->threshold_ticks + w->record_cost)
		stall(w, last, to.tsc);
	w->in_burst = 0;

	write_begin(b);
	ADD(b->bursts, 1);
	ADD(b->wall_ticks, to.tsc - from.tsc);
	ADD(b->cpu_ns, to.evidence.cpu_ns - from.evidence.cpu_ns);
	ADD(b->run_delay_ns, to.evidence.run_delay - from.evidence.run_delay);
	ADD(b->nivcsw, to.evidence.nivcsw - from.evidence.nivcsw);
	ADD(b->nvcsw, to.evidence.nvcsw - from.evidence.nvcsw);
	write_end(b);
	w->before = to.evidence;
	w->minor_ticks = 0;
}

/* Sleeps to an absolute time; how late the first instruction after it comes is a gap of kind wake. */
static void sleep_until(struct ss_worker *w, uint64_t deadline_ns)
{
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;
	uint32_t cpu_before = w->cpu, cpu;
	SET(b->state, SS_THREAD_SLEEPING);
	int rc;
	do
		rc = ss_futex_wait(&s->stop, SS_STOP_NONE, deadline_ns);
	while (rc == -EINTR);
	uint64_t woken = ss_tsc_cpu(&cpu);
	if (rc != -ETIMEDOUT)
		return; /* the run was stopped */
	struct ss_pair pair = ss_clock_pair(CLOCK_MONOTONIC, 2);
	if (pair.width == UINT64_MAX)
		pair = ss_clock_pair(CLOCK_MONOTONIC, 16);
	double late_ns = (double)(int64_t)(pair.ns - deadline_ns) - (double)(int64_t)(pair.tsc - woken) * s->ns_per_tick;
	uint64_t ticks = late_ns > 0 ? (uint64_t)(late_ns / s->ns_per_tick) : 0;
	uint64_t interval = atomic_load_explicit(&s->interval, memory_order_relaxed);
	w->cpu = cpu;
	write_begin(b);
	SET(b->cpu, cpu);
	if (cpu != cpu_before)
		ADD(b->migrations, 1);
	ADD(b->wakeups, 1);
	ADD(b->lateness_ticks, ticks);
	ADD(w->wake[ss_hist_index(ticks)], 1);
	if (interval != b->interval) {
		SET(b->interval, interval);
		SET(b->interval_max[interval & 3], 0);
	}
	if (ticks > b->interval_max[interval & 3])
		SET(b->interval_max[interval & 3], ticks);
	if (ticks >= s->threshold_ticks) {
		ADD(b->wake_count, 1);
		ADD(b->wake_ticks, ticks);
		if (ticks > b->wake_max)
			SET(b->wake_max, ticks);
	}
	write_end(b);
	uint64_t delay = ss_evidence_run_delay(&w->source) - w->before.run_delay;
	ADD(b->wake_delay_ns, delay);
	if (ticks >= s->threshold_ticks) {
		ADD(b->record_count, 1);
		record(w, SS_KIND_WAKE, 0, woken - ticks, woken, cpu_before, cpu);
	}
	/* Preempted between the wake-up and here: a gap outside bursts. */
	uint64_t now = ss_tsc();
	if ((int64_t)(now - woken) > 0 && now - woken >= s->threshold_ticks + w->record_cost)
		stall(w, woken, now);
}

/* Everything that can be slow the first time is done once before the run. */
static void warm_up(struct ss_worker *w)
{
	struct ss_evidence now = {0};
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < 32; i++) {
		uint64_t before = ss_tsc();
		ss_clock_pair(CLOCK_MONOTONIC, 2);
		ss_evidence_read(&w->source, &now);
		ss_evidence_steal(&w->source, 0);
		uint64_t cost = ss_tsc() - before;
		if (cost < best)
			best = cost;
	}
	w->record_cost = best * 8; /* cold caches after a real gap */
	w->before = now;
	memset(w->fast, 0, SS_FAST_LEN * sizeof *w->fast);
	memset(w->run, 0, SS_HIST_LEN * sizeof *w->run);
	memset(w->wake, 0, SS_HIST_LEN * sizeof *w->wake);
	memset(w->gaps, 0, w->spin->options.gap_capacity * sizeof *w->gaps);
}

/* CPU number `turn` of the set, round and round. */
static int nth_cpu(const cpu_set_t *set, uint32_t turn)
{
	turn %= (uint32_t)CPU_COUNT(set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && !turn--)
			return cpu;
	return -1;
}

static int place(struct ss_worker *w)
{
	const struct ss_spin_options *o = &w->spin->options;
	cpu_set_t set;
	if (o->have_cpus)
		set = o->cpus;
	else if (sched_getaffinity(0, sizeof set, &set) < 0)
		return -errno;
	if (o->pin) {
		int cpu = nth_cpu(&set, w->index);
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	if ((o->have_cpus || o->pin) && sched_setaffinity(0, sizeof set, &set) < 0)
		return -errno;
	if (o->policy >= 0) {
		struct sched_param param = {.sched_priority = o->priority};
		if (sched_setscheduler(0, o->policy, &param) < 0)
			return -errno;
	}
	if (o->have_nice && setpriority(PRIO_PROCESS, 0, o->nice) < 0)
		return -errno;
	return 0;
}

void *ss_spin_worker(void *argument)
{
	struct ss_worker *w = argument;
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;

	snprintf(b->comm, sizeof b->comm, "spin-%02u", w->index);
	prctl(PR_SET_NAME, b->comm);
	prctl(PR_SET_TIMERSLACK, 1);
	b->tid = (int32_t)syscall(SYS_gettid);
	w->error = place(w);
	if (!w->error)
		w->error = ss_evidence_open(&w->source, (int)s->hypervisor);
	b->evidence = w->source.have;
	if (!w->error)
		warm_up(w);
	atomic_fetch_add(&s->ready, 1);
	while (!atomic_load(&s->go))
		ss_futex_wait(&s->go, 0, 0);

	while (!w->error && !atomic_load(&s->stop)) {
		ss_tsc_cpu(&w->cpu);
		burst(w);
		if (atomic_load(&s->stop) || ss_tsc() >= s->run_end_tsc)
			break;
		struct ss_pair now = ss_clock_pair(CLOCK_MONOTONIC, 2);
		uint64_t deadline = now.ns + b->sleep_ns;
		if (!b->sleep_ns)
			continue;
		if (deadline >= s->run_end_ns)
			deadline = 0; /* nothing more to come but the stop */
		sleep_until(w, deadline);
	}
	SET(b->state, SS_THREAD_DONE);
	ss_evidence_close(&w->source);
	return NULL;
}
