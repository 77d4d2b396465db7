/* What one measuring thread does: burst, sleep, burst, sleep. */
#include "futex.h"
#include "histogram.h"
#include "spin_block.h"
#include "tsc.h"
#include "tsc_clock.h"
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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
		ss_spin_stall(w, last, to.tsc);
	w->in_burst = 0;

	ss_write_begin(b);
	if (!b->first_tsc)
		SET(b->first_tsc, from.tsc);
	SET(b->last_tsc, to.tsc);
	ADD(b->bursts, 1);
	ADD(b->wall_ticks, to.tsc - from.tsc);
	ADD(b->cpu_ns, to.evidence.cpu_ns - from.evidence.cpu_ns);
	ADD(b->run_delay_ns, to.evidence.run_delay - from.evidence.run_delay);
	ADD(b->nivcsw, to.evidence.nivcsw - from.evidence.nivcsw);
	ADD(b->nvcsw, to.evidence.nvcsw - from.evidence.nvcsw);
	ss_write_end(b);
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
	w->cpu = cpu;
	ss_write_begin(b);
	SET(b->cpu, cpu);
	if (cpu != cpu_before)
		ADD(b->migrations, 1);
	ADD(b->wakeups, 1);
	ADD(b->lateness_ticks, ticks);
	ADD(w->wake[ss_hist_index(ticks)], 1);
	ss_spin_note_max(w, ticks);
	if (ticks >= s->threshold_ticks) {
		ADD(b->wake_count, 1);
		ADD(b->wake_ticks, ticks);
		if (ticks > b->wake_max)
			SET(b->wake_max, ticks);
	}
	ss_write_end(b);
	uint64_t delay = ss_evidence_run_delay(&w->source) - w->before.run_delay;
	ADD(b->wake_delay_ns, delay);
	if (ticks >= s->threshold_ticks) {
		ADD(b->record_count, 1);
		ss_spin_record(w, SS_KIND_WAKE, 0, woken - ticks, woken, cpu_before, cpu);
	}
	/* Preempted between the wake-up and here: a gap outside bursts. */
	uint64_t now = ss_tsc();
	if ((int64_t)(now - woken) > 0 && now - woken >= s->threshold_ticks + w->record_cost)
		ss_spin_stall(w, woken, now);
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

void *ss_spin_worker(void *argument)
{
	struct ss_worker *w = argument;
	struct ss_spin *s = w->spin;
	struct ss_thread *b = w->block;

	if (w->control)
		snprintf(b->comm, sizeof b->comm, "spin-control");
	else
		snprintf(b->comm, sizeof b->comm, "spin-%02u", w->index);
	prctl(PR_SET_NAME, b->comm);
	prctl(PR_SET_TIMERSLACK, 1);
	b->tid = (int32_t)syscall(SYS_gettid);
	w->error = ss_spin_place(w);
	if (!w->error) {
		w->error = ss_evidence_open(&w->source, (int)s->hypervisor);
		w->lacks = "counters";
	}
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
	if (!ss_evidence_forceidle(&b->forceidle_ns))
		b->evidence |= SS_EVIDENCE_FORCEIDLE;
	SET(b->state, SS_THREAD_DONE);
	ss_evidence_close(&w->source);
	return NULL;
}
