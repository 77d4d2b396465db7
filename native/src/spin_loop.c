/*
 * The sampling loop, and what is done with a sample that came late.
 *
 * A sample is a counter read, a subtraction and one increment of a counter in the first-level cache; no system call,
 * no division, no allocation. Whatever took SS_FAST_LEN ticks or more leaves the loop.
 *
 * Which CPU a gap began on: the loop reads the counter without the CPU number (half the price), but to move to another CPU
 * a thread has to be off its CPU for far longer than SS_FAST_LEN ticks, so each move passes through account(), and the
 * CPU read by the stall before is the one on which this stall began.
 */
#include "histogram.h"
#include "spin_block.h"
#include "tsc.h"
#include "tsc_clock.h"
#include <errno.h>
#include <unistd.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The first thread past maxGap stops the tracer while the buffer still holds what happened. */
static int elect(struct ss_worker *w, int kind, uint64_t start, uint64_t end)
{
	struct ss_spin *s = w->spin;
	int32_t nobody = -1;
	if (w->control || atomic_load_explicit(&s->stop, memory_order_relaxed) ||
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

void ss_spin_record(struct ss_worker *w, int kind, uint32_t flags, uint64_t start, uint64_t end, uint32_t cpu_before,
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
	/* The gap that ended the run stays: what its thread still finds is the end of the run. */
	if (!stop && s->region->stop_thread == (int32_t)w->index && s->region->stop_gap == (int32_t)place)
		return;
	ss_write_begin(b);
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
	ss_write_end(b);
	if (stop)
		ss_spin_stop(s, SS_STOP_MAXGAP);
}

void ss_spin_note_max(struct ss_worker *w, uint64_t ticks)
{
	struct ss_thread *b = w->block;
	uint64_t interval = atomic_load_explicit(&w->spin->interval, memory_order_relaxed);
	if (interval != b->interval) {
		SET(b->interval, interval);
		SET(b->interval_max[interval & 3], 0);
	}
	if (ticks > b->interval_max[interval & 3])
		SET(b->interval_max[interval & 3], ticks);
}

/* An interval of at least SS_FAST_LEN ticks between two samples. Returns 1 if it was written down. */
static int account(struct ss_worker *w, uint64_t start, uint64_t end, uint32_t cpu_after, uint32_t flags)
{
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;
	uint32_t cpu_before = w->cpu;
	w->cpu = cpu_after;
	ss_write_begin(b);
	SET(b->cpu, cpu_after);
	if (cpu_before != cpu_after)
		ADD(b->migrations, 1);
	if (unlikely((int64_t)(end - start) < 0)) {
		ADD(b->warp_count, 1);
		if (start - end > b->warp_max)
			SET(b->warp_max, start - end);
		ss_write_end(b);
		return 0;
	}
	uint64_t ticks = end - start;
	ss_spin_note_max(w, ticks);
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
		ss_write_end(b);
		return 0;
	}
	if (w->in_burst) {
		ADD(b->run_count, 1);
		ADD(b->run_ticks, ticks);
		if (ticks > b->run_max)
			SET(b->run_max, ticks);
	}
	ss_write_end(b);
	ss_spin_record(w, SS_KIND_RUN, flags | (w->in_burst ? 0 : SS_GAP_OUTSIDE), start, end, cpu_before, cpu_after);
	return 1;
}

uint64_t ss_spin_stall(struct ss_worker *w, uint64_t start, uint64_t end)
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
		return ss_spin_stall(w, before, samples[3]);
	w->fast[samples[3] - before]++;
	uint64_t now = ss_tsc(), cost = now - samples[3];
	if (cost >= w->record_cost + w->spin->threshold_ticks && (int64_t)cost > 0)
		return ss_spin_stall(w, samples[3], now);
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
