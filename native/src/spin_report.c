#include "histogram.h"
#include "spin.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const kinds[] = {"run", "wake"};
static const char *const reasons[] = {"none", "duration", "maxGap", "signal"};

static double hz_of(const struct ss_region *r)
{
	return r->hz_refined > 0 ? r->hz_refined : r->hz;
}

static const struct ss_gap *gaps_of(const struct ss_region *r, const struct ss_thread *b)
{
	return ss_thread_at(b, r->gaps_offset);
}

/* Places of the thread's list that are in use. */
static uint64_t listed(const struct ss_region *r, const struct ss_thread *b)
{
	return b->gap_count < r->gap_capacity ? b->gap_count : r->gap_capacity;
}

static void json_buckets(FILE *out, const char *name, const uint64_t *fast, const uint64_t *hist)
{
	fprintf(out, "\"%s\":[", name);
	const char *comma = "";
	for (uint32_t i = 0; fast && i < SS_FAST_LEN; i++)
		if (fast[i]) {
			fprintf(out, "%s[%u,%" PRIu64 "]", comma, i, fast[i]);
			comma = ",";
		}
	for (uint32_t i = 0; i < SS_HIST_LEN; i++)
		if (hist[i]) {
			fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", comma, ss_hist_lower(i), hist[i]);
			comma = ",";
		}
	fputc(']', out);
}

static void json_gap(FILE *out, const struct ss_gap *g, double ns_per_tick)
{
	fprintf(out,
		"{\"ts_ns\":%" PRIu64 ",\"dur_ns\":%.0f,\"tid\":%d,\"thread\":%u,\"kind\":\"%s\",\"cpu_before\":%u,\"cpu_after\":%u,"
		"\"start_tsc\":%" PRIu64 ",\"end_tsc\":%" PRIu64 ",\"nivcsw\":%u,\"nvcsw\":%u,\"run_delay_ns\":%" PRIu64
		",\"cpu_ns\":%" PRIu64 ",\"steal_ns\":%" PRIu64 ",\"minor_ns\":%" PRIu64 ",\"wall_ns\":%" PRIu64 ",\"flags\":%u}",
		g->start_ns, (double)(g->end_tsc - g->start_tsc) * ns_per_tick, g->tid, g->thread, kinds[g->kind], g->cpu_before,
		g->cpu_after, g->start_tsc, g->end_tsc, g->nivcsw, g->nvcsw, g->run_delay, g->cpu_ns, g->steal, g->minor, g->wall, g->flags);
}

void ss_spin_json(FILE *out, const struct ss_region *r)
{
	double ns = 1e9 / hz_of(r);
	fprintf(out,
		"{\"schema\":\"schedscope-spin/1\",\"threads\":%u,\"seed\":%" PRIu64 ",\"burst_ns\":%" PRIu64 ",\"max_sleep_ns\":%" PRIu64
		",\"duration_ns\":%" PRIu64 ",\"threshold_ns\":%" PRIu64 ",\"max_gap_ns\":%" PRIu64 ",\"stopped\":\"%s\",\"stop_thread\":%d,\"control\":%s,"
		"\"tsc\":{\"hz\":%.3f,\"method\":\"%s\",\"brackets\":%u,\"residual_ppm\":%.3f,\"hz_before\":%.3f,\"invariant\":%s,"
		"\"clocksource\":\"%s\"},\"hypervisor\":%s,\"locked\":%s,\"clock\":{\"start\":[%" PRIu64 ",%" PRIu64 "],\"end\":[%" PRIu64
		",%" PRIu64 "],\"pair_ns\":%.1f},\"per_thread\":[",
		r->threads, r->seed, r->burst_ns, r->max_sleep_ns, r->duration_ns, r->threshold_ns, r->max_gap_ns,
		reasons[r->stop_reason & 3], r->stop_thread, r->control ? "true" : "false", hz_of(r), r->method, r->brackets, r->residual_ppm, r->hz,
		r->invariant ? "true" : "false", r->clocksource, r->hypervisor ? "true" : "false", r->locked ? "true" : "false",
		r->start.tsc, r->start.mono_ns, r->end.tsc, r->end.mono_ns, r->pair_ns);
	for (uint32_t i = 0; i < r->threads; i++) {
		const struct ss_thread *b = ss_region_thread(r, i);
		fprintf(out,
			"%s{\"tid\":%d,\"comm\":\"%s\",\"sleep_ns\":%" PRIu64 ",\"bursts\":%" PRIu64 ",\"wall_ns\":%.0f,\"cpu_ns\":%" PRIu64
			",\"run_delay_ns\":%" PRIu64 ",\"nivcsw\":%" PRIu64 ",\"nvcsw\":%" PRIu64 ",\"run_gaps\":%" PRIu64
			",\"run_gap_ns\":%.0f,\"run_gap_max_ns\":%.0f,\"wake_gaps\":%" PRIu64 ",\"wake_gap_ns\":%.0f,\"wake_gap_max_ns\":%.0f,"
			"\"wakeups\":%" PRIu64 ",\"stall_ns\":%.0f,\"audit_ns\":%.0f,\"warp\":%" PRIu64 ",\"overflow\":%" PRIu64
			",\"migrations\":%" PRIu64
			",\"group\":%d,\"cookie\":\"%#" PRIx64 "\",\"cookie_errno\":%d,\"forceidle_ns\":%" PRId64 ",",
			i ? "," : "", b->tid, b->comm, b->sleep_ns, b->bursts, (double)b->wall_ticks * ns, b->cpu_ns, b->run_delay_ns,
			b->nivcsw, b->nvcsw, b->run_count, (double)b->run_ticks * ns, (double)b->run_max * ns, b->wake_count,
			(double)b->wake_ticks * ns, (double)b->wake_max * ns, b->wakeups, (double)b->stall_ticks * ns,
			(double)b->audit_ticks * ns, b->warp_count, b->overflow, b->migrations, (int)b->group - 1, b->cookie, -b->cookie_error,
			b->evidence & SS_EVIDENCE_FORCEIDLE ? (int64_t)b->forceidle_ns : -1);
		json_buckets(out, "run_ticks", ss_thread_at(b, r->fast_offset), ss_thread_at(b, r->run_offset));
		fputc(',', out);
		json_buckets(out, "wake_ticks", NULL, ss_thread_at(b, r->wake_offset));
		fputc('}', out);
	}
	fputs("],\"gaps\":[", out);
	const char *comma = "";
	for (uint32_t i = 0; i < r->threads; i++) {
		const struct ss_thread *b = ss_region_thread(r, i);
		for (uint64_t k = 0; k < listed(r, b); k++) {
			fputs(comma, out);
			json_gap(out, &gaps_of(r, b)[k], ns);
			comma = ",";
		}
	}
	fputs("]}\n", out);
}

static uint64_t median_period(const struct ss_region *r, const struct ss_thread *b)
{
	const uint64_t *fast = ss_thread_at(b, r->fast_offset);
	uint64_t total = 0, seen = 0;
	for (uint32_t i = 0; i < SS_FAST_LEN; i++)
		total += fast[i];
	for (uint32_t i = 0; i < SS_FAST_LEN; i++)
		if ((seen += fast[i]) * 2 >= total)
			return i;
	return 0;
}

void ss_spin_text(FILE *out, const struct ss_region *r)
{
	double ns = 1e9 / hz_of(r);
	uint64_t wall = 0, cpu = 0, delay = 0, audit = 0, gaps = 0, overflow = 0, warp = 0;
	fprintf(out, "\n%-9s %8s %7s %9s %12s %10s %7s %10s\n", "thread", "tid", "bursts", "run gaps", "sum ms", "max ms", "late",
		"max ms");
	for (uint32_t i = 0; i < r->threads; i++) {
		const struct ss_thread *b = ss_region_thread(r, i);
		fprintf(out, "%-9s %8d %7" PRIu64 " %9" PRIu64 " %12.3f %10.3f %7" PRIu64 " %10.3f\n", b->comm, b->tid, b->bursts,
			b->run_count, (double)b->run_ticks * ns / 1e6, (double)b->run_max * ns / 1e6, b->wake_count,
			(double)b->wake_max * ns / 1e6);
		if (r->control && i == r->threads - 1)
			continue; /* its gaps are the machine's: not in the sums */
		wall += b->wall_ticks;
		cpu += b->cpu_ns;
		delay += b->run_delay_ns;
		audit += b->audit_ticks;
		gaps += listed(r, b);
		overflow += b->overflow;
		warp += b->warp_count;
	}
	const struct ss_thread *first = ss_region_thread(r, 0);
	if (first->cookie_state == SS_COOKIE_REFUSED)
		fprintf(out, "\nno core-scheduling cookies: %s\n",
			first->cookie_error == -EINVAL	 ? "the kernel was built without CONFIG_SCHED_CORE (EINVAL)"
			: first->cookie_error == -ENODEV ? "the machine has no SMT (ENODEV)"
							 : strerror(-first->cookie_error));
	double off = (double)wall * ns - (double)cpu;
	fprintf(out, "\nin bursts: wall %.3f ms, off CPU %.3f ms, run_delay %.3f ms, gaps over %.0f us %.3f ms\n", (double)wall * ns / 1e6,
		off / 1e6, (double)delay / 1e6, (double)r->audit_floor_ticks * ns / 1e3, (double)audit * ns / 1e6);
	fprintf(out, "%" PRIu64 " gaps over the threshold listed, %" PRIu64 " given way to newer ones, %" PRIu64 " counter warps, period %" PRIu64
		" ticks\n", gaps, overflow, warp, median_period(r, ss_region_thread(r, 0)));
	fprintf(out, "counter %.6f MHz (%s, residual %.2f ppm, before the run %.6f), invariant %s, clocksource %s, memory %s\n",
		hz_of(r) / 1e6, r->method, r->residual_ppm, r->hz / 1e6, r->invariant ? "yes" : "NO", r->clocksource,
		r->locked ? "locked" : "not locked");
}
