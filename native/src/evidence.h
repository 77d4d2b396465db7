/* What the kernel counts about the calling thread without any permission: read only when a gap was found. */
#ifndef SS_EVIDENCE_H
#define SS_EVIDENCE_H

#include <stdint.h>

struct ss_evidence {
	uint64_t mono_ns; /* CLOCK_MONOTONIC when the rest was read */
	uint64_t run_delay; /* ns */
	uint64_t cpu_ns;
	uint64_t nivcsw;
	uint64_t nvcsw;
};

struct ss_evidence_source {
	int schedstat_fd; /* -1: the kernel has none */
	int stat_fd;      /* -1: no steal to expect, or no /proc/stat */
	uint32_t have;    /* SS_EVIDENCE_* */
	uint32_t cpus;
	uint64_t *steal; /* last reading of each CPU, ns */
	char *text;
	uint32_t text_size;
};

/* Opens the files of the calling thread, reads each once. Steal only if `steal`. Returns 0 or -ENOMEM. */
int ss_evidence_open(struct ss_evidence_source *source, int steal);

void ss_evidence_close(struct ss_evidence_source *source);

/* ns that the calling thread has waited on run queues; 0 without schedstat. */
uint64_t ss_evidence_run_delay(const struct ss_evidence_source *source);

/* All but steal. */
void ss_evidence_read(const struct ss_evidence_source *source, struct ss_evidence *now);

/* Reads every CPU's steal; returns what `cpu` has got since the previous reading, in ns. */
uint64_t ss_evidence_steal(struct ss_evidence_source *source, uint32_t cpu);

/*
 * core_forceidle_sum of the calling thread, ns: the time in which it kept other hardware threads of its core idle. Returns 0, or -ENODATA where
 * the kernel does not count it (no CONFIG_SCHED_CORE, or kernel.sched_schedstats is 0).
 */
int ss_evidence_forceidle(uint64_t *forceidle_ns);

/* CLOCK_THREAD_CPUTIME_ID in ns. */
uint64_t ss_thread_cpu_ns(void);

#endif
