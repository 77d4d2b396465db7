/*
 * The reflex core: c threads in a active sets. In each set one thread holds the token; a round is a little work, then either
 * sched_yield() or the token to the next of the set and a read that blocks until it comes round again.
 *
 * Threads and not processes: a switch between them then changes no page tables, so that a round costs what the scheduler and the
 * pipe cost, and the same code runs in the program and in the library.
 */
#ifndef SS_REFLEX_H
#define SS_REFLEX_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define SS_REFLEX_MAX_CHILDREN 1000000u

struct ss_reflex_options {
	uint32_t children;     /* -c, even */
	uint32_t active;       /* -a, divides children */
	uint32_t weight;       /* -w, percent of the rounds that hand the token on */
	uint64_t duration_ns;  /* -t */
	double compute_us;     /* -r */
	double loops_per_us;   /* of the work; 0: calibrated */
	uint64_t seed;
	uint32_t output;       /* -o: 1 words, 2 one line "c,   a,   us" */
	int quiet;             /* -q */
	int json;
	int32_t parent;        /* 0: none; else end when this process ends */
	int have_cpus;
	cpu_set_t cpus;
};

/* What one child did: written by itself alone, in cache lines of its own. */
struct ss_reflex_child {
	_Alignas(128) uint64_t rounds;
	uint64_t yields;
	uint64_t passes;
	uint64_t random;
	struct ss_reflex *reflex;
	uint32_t index;
	int32_t tid;
	int read_fd;  /* own pipe */
	int write_fd; /* the successor's */
	/* From the first token to the end. */
	uint64_t nvcsw;
	uint64_t nivcsw;
	uint64_t cpu_ns;
	uint64_t run_delay_ns;
	uint64_t end_ns; /* CLOCK_MONOTONIC of the last reading */
	uint32_t was_blocked; /* at the stop */
	uint32_t have; /* SS_EVIDENCE_* */
	_Alignas(128) uint64_t released_ns; /* when the coordinator freed its read */
	pthread_t thread;
};

enum ss_reflex_reason { SS_REFLEX_NONE = 0, SS_REFLEX_DURATION = 1, SS_REFLEX_SIGNAL = 2 };

struct ss_reflex {
	_Alignas(128) _Atomic uint32_t stop; /* enum ss_reflex_reason; read in every round, written once: alone in its line */
	_Alignas(128) _Atomic uint32_t go;
	_Atomic uint32_t ready;
	_Atomic uint32_t begun; /* a round was finished */
	struct ss_reflex_options options;
	struct ss_reflex_child *children;
	int *pipes; /* two descriptors for each child */
	int wake_fd;
	int signal_fd;   /* -1: none */
	int own_process; /* priorities may be raised */
	uint32_t started;
	double loops_per_us;
	uint64_t start_ns, stop_ns; /* CLOCK_MONOTONIC */
	char message[256];
};

/* Sums over the children. */
struct ss_reflex_sums {
	uint64_t rounds, yields, passes, nvcsw, nivcsw, cpu_ns, run_delay_ns;
	double runnable;     /* mean number of runnable threads, by Little's law */
	double us_per_round; /* wall time / rounds */
	uint32_t have;       /* SS_EVIDENCE_* that every child had */
};

/* Parses argv[1..]. Returns 0, 1 for --help, negative errno with the reason in `message`. */
int ss_reflex_parse(struct ss_reflex_options *options, int argc, char **argv, char *message, size_t message_size);

/* Pipes and memory. Returns 0 or negative errno with the reason in `message`: -EMFILE, -EAGAIN where the machine's limits are below it. */
int ss_reflex_open(struct ss_reflex *reflex, const struct ss_reflex_options *options, char *message, size_t message_size);

/* One run, in threads that have all ended when it returns. Returns 0 or negative errno with the reason in `reflex->message`. */
int ss_reflex_run(struct ss_reflex *reflex);

/* Ends the run from any thread. */
void ss_reflex_stop(struct ss_reflex *reflex, enum ss_reflex_reason reason);

void ss_reflex_close(struct ss_reflex *reflex);

void *ss_reflex_child_main(void *child);

struct ss_reflex_sums ss_reflex_sum(const struct ss_reflex *reflex);

/* The work: `loops` dependent steps of a generator. Returns its state, so that no compiler drops it. */
uint64_t ss_reflex_work(uint64_t loops, uint64_t state);

/* Steps of the work per us of thread CPU time: the fastest of many batches, for what disturbs a batch only makes it slower. */
double ss_reflex_calibrate(void);

void ss_reflex_json(FILE *out, const struct ss_reflex *reflex);
void ss_reflex_text(FILE *out, const struct ss_reflex *reflex);

#endif
