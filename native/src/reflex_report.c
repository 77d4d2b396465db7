#include "reflex.h"
#include "spin_region.h"
#include <inttypes.h>

void ss_reflex_json(FILE *out, const struct ss_reflex *r)
{
	const struct ss_reflex_options *o = &r->options;
	struct ss_reflex_sums s = ss_reflex_sum(r);
	fprintf(out,
		"{\"schema\":\"schedscope-reflex/1\",\"children\":%u,\"active\":%u,\"weight\":%u,\"compute_us\":%.17g,\"duration_ns\":%" PRIu64
		",\"seed\":%" PRIu64 ",\"loops_per_us\":%.17g,\"stopped\":\"%s\",\"start_ns\":%" PRIu64 ",\"stop_ns\":%" PRIu64
		",\"rounds\":%" PRIu64 ",\"yields\":%" PRIu64 ",\"passes\":%" PRIu64 ",\"nvcsw\":%" PRIu64 ",\"nivcsw\":%" PRIu64
		",\"cpu_ns\":%" PRIu64 ",\"run_delay_ns\":%" PRIu64 ",\"schedstat\":%s,\"runnable\":%.17g,\"us_per_round\":%.17g,"
		"\"per_child\":[",
		o->children, o->active, o->weight, o->compute_us, o->duration_ns, o->seed, r->loops_per_us,
		atomic_load(&r->stop) == SS_REFLEX_DURATION ? "duration" : "signal", r->start_ns, r->stop_ns, s.rounds, s.yields,
		s.passes, s.nvcsw, s.nivcsw, s.cpu_ns, s.run_delay_ns, s.have & SS_EVIDENCE_SCHEDSTAT ? "true" : "false", s.runnable,
		s.us_per_round);
	for (uint32_t i = 0; i < r->started; i++) {
		const struct ss_reflex_child *c = &r->children[i];
		fprintf(out,
			"%s{\"tid\":%d,\"rounds\":%" PRIu64 ",\"yields\":%" PRIu64 ",\"passes\":%" PRIu64 ",\"nvcsw\":%" PRIu64
			",\"nivcsw\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 ",\"run_delay_ns\":%" PRIu64 "}",
			i ? "," : "", c->tid, c->rounds, c->yields, c->passes, c->nvcsw, c->nivcsw, c->cpu_ns, c->run_delay_ns);
	}
	fputs("]}\n", out);
}

void ss_reflex_text(FILE *out, const struct ss_reflex *r)
{
	const struct ss_reflex_options *o = &r->options;
	struct ss_reflex_sums s = ss_reflex_sum(r);
	if (o->output == 2) {
		fprintf(out, "%u,   %u,   %.2f\n", o->children, o->active, s.us_per_round);
		return;
	}
	fprintf(out, "%.2f us/round: %" PRIu64 " rounds of %u children in %u active sets in %.3f s\n", s.us_per_round, s.rounds, o->children,
		o->active, (double)(r->stop_ns - r->start_ns) / 1e9);
	if (o->quiet)
		return;
	double rounds = s.rounds ? (double)s.rounds : 1;
	fprintf(out, "asked per round: %.3f yields, %.3f blocks; real: %.3f blocks, %.3f other switches\n", (double)s.yields / rounds,
		(double)s.passes / rounds, (double)s.nvcsw / rounds, (double)s.nivcsw / rounds);
	if (s.nvcsw)
		fprintf(out, "switches per wake-up: %.3f\n", (double)(s.nvcsw + s.nivcsw) / (double)s.nvcsw);
	if (s.have & SS_EVIDENCE_SCHEDSTAT)
		fprintf(out, "runnable in the mean: %.2f of %u active\n", s.runnable, o->active);
}
