/* The spin core: N threads that watch the counter for the moments in which they did not run. */
#ifndef SS_SPIN_H
#define SS_SPIN_H

#include "evidence.h"
#include "spin_region.h"
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define SS_MAX_THREADS 4096u
#define SS_MAX_NICES 64u
#define SS_MAX_GROUPS 16u
#define SS_MAX_PLACES 64u
#define SS_GROUP_PATH 512u
#define SS_POLICY_DEADLINE 6 /* SCHED_DEADLINE, which older C libraries do not name */

struct ss_spin_options {
	uint32_t threads;
	uint64_t burst_ns;
	uint64_t max_sleep_ns;
	uint32_t duty; /* percent of the time that a thread spins, 0: by max_sleep_ns */
	uint64_t fixed_sleep_ns; /* 0: each thread its own random time below max_sleep_ns */
	uint64_t duration_ns;  /* 0: until max_gap or a stop */
	uint64_t threshold_ns;
	uint64_t max_gap_ns;   /* 0: never stops for a gap */
	uint64_t seed;
	uint32_t gap_capacity;
	uint32_t brackets;
	uint64_t bracket_ns;
	int have_cpus, pin;
	cpu_set_t cpus;
	int policy;   /* SCHED_*, -1: as inherited */
	int priority;
	uint64_t runtime_ns, deadline_ns, period_ns; /* of SS_POLICY_DEADLINE */
	uint32_t nice_count; /* 0: as inherited; thread i has nice[i % nice_count] */
	int nice[SS_MAX_NICES];
	uint32_t group_count; /* 0: as inherited; thread i goes into group i % group_count */
	char groups[SS_MAX_GROUPS][SS_GROUP_PATH]; /* directories of cgroups with the cpu controller */
	int cookies; /* threads get core-scheduling cookies */
	uint32_t trust_count; /* 0: threads 2i and 2i+1 share one; else those of which trust[i % trust_count] is the same */
	int32_t trust[SS_MAX_PLACES]; /* -1: none */
	uint32_t place_count; /* 0: by have_cpus and pin; thread i runs on CPU place[i % place_count] only */
	uint32_t place[SS_MAX_PLACES];
	int have_control;
	uint32_t control_cpu;
	int json;
	int bench_loop;
	int32_t parent; /* 0: none; else end when this process ends */
	char shm[4096];   /* "": private memory */
	char trace[4096]; /* a tracefs instance's directory, "": none */
};

/* Parses argv[1..]. Returns 0, 1 for --help, negative errno with the reason in `message`. */
int ss_spin_parse(struct ss_spin_options *options, int argc, char **argv, char *message, size_t message_size);

struct ss_worker;

struct ss_spin {
	/* Read in every turn of every worker's loop and written twice in a run: alone in its line. */
	_Alignas(128) _Atomic uint32_t stop; /* enum ss_stop; futex */
	_Alignas(128) _Atomic uint32_t go;   /* futex */
	_Atomic uint32_t ready;
	_Atomic int32_t elected; /* -1 or the thread that stops the run */
	_Atomic uint64_t interval;
	uint64_t run_end_tsc;
	uint64_t run_end_ns;
	double ns_per_tick;
	uint64_t threshold_ticks, max_gap_ticks, audit_floor_ticks, burst_ticks;
	int marker_fd, tracing_on_fd; /* -1: none */
	int wake_fd;                  /* eventfd: a worker tells the coordinator to look */
	int signal_fd;                /* -1: signals are not ours (thread isolation) */
	uint32_t hypervisor;
	struct ss_region *region;
	size_t region_size;
	struct ss_worker *workers;
	uint32_t count; /* of workers: the threads measured, and the control if there is one */
	struct ss_spin_options options;
	FILE *lines; /* once-a-second lines, NULL: none */
};

struct ss_worker {
	struct ss_spin *spin;
	struct ss_thread *block;
	uint64_t *fast, *run, *wake;
	struct ss_gap *gaps;
	struct ss_evidence_source source;
	struct ss_evidence before; /* as of the previous reading */
	uint64_t minor_ticks;      /* stalls since then that were below the threshold */
	uint64_t record_cost;      /* ticks to write a gap down, warm */
	uint32_t index;
	uint32_t cpu;
	int in_burst;
	int control; /* watches an idle CPU for what befalls the whole machine */
	int error;
	const char *lacks; /* what the error was about */
	_Atomic uint32_t cookie_done; /* its cookie is settled, either way */
	pthread_t thread;
};

/* Maps the region. Returns 0 or negative errno with the reason in region->message or `message`. */
int ss_spin_open(struct ss_spin *spin, const struct ss_spin_options *options, char *message, size_t message_size);

/*
 * Puts the calling thread where and how its worker's options say. Returns 0 or negative errno, with worker->lacks naming what it
 * could not get. A cookie that it could not get is no error: its block says why.
 */
int ss_spin_place(struct ss_worker *worker);

/* Makes this process a member of the groups' domain where cgroup v2 wants that first. Returns 0 or negative errno. */
int ss_spin_join(const struct ss_spin_options *options);

/* Writes the sentence about an error of worker `index` with what would help, if that is known. */
void ss_spin_why(const struct ss_spin *spin, uint32_t index, char *text, size_t size);

/* Whether an error means that the machine lacks or forbids something, rather than that the work failed. */
int ss_spin_lacking(int error);

/* Starts the threads, waits until the run ends, leaves results in the region. Returns 0 or negative errno. */
int ss_spin_run(struct ss_spin *spin);

/* Ends a run from any thread: workers return within one sampling period, sleeping ones are woken. */
void ss_spin_stop(struct ss_spin *spin, enum ss_stop reason);

/* Unmaps and closes everything. */
void ss_spin_close(struct ss_spin *spin);

/* Thread body of a worker; the argument is its struct ss_worker. */
void *ss_spin_worker(void *worker);

/* Samples until `end` or stop; the last sample in *last. Here for the benchmark too. */
void ss_spin_until(struct ss_worker *worker, uint64_t end, uint64_t *last);

/* Measures this loop against a bare one and prints both with the ratio as JSON. Returns 0 or negative errno. */
int ss_loop_bench(FILE *out);

/* Prints the finished region as one JSON object. */
void ss_spin_json(FILE *out, const struct ss_region *region);

/* Prints a summary for people. */
void ss_spin_text(FILE *out, const struct ss_region *region);

/* Block of thread `index`. */
static inline struct ss_thread *ss_region_thread(const struct ss_region *region, uint32_t index)
{
	return (struct ss_thread *)((char *)(uintptr_t)region + region->threads_offset +
				    (uint64_t)index * region->thread_stride);
}

static inline void *ss_thread_at(const struct ss_thread *block, uint32_t offset)
{
	return (char *)(uintptr_t)block + offset;
}

#endif
