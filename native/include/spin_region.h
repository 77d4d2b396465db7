/*
 * The memory in which a spin run lives: written by the measuring threads, read by anyone who maps or reads the file.
 *
 * Layout (little endian, version 1):
 *
 *   0                       struct ss_region                one page
 *   threads_offset          thread block 0                  thread_stride bytes, a multiple of 4096
 *   + thread_stride         thread block 1 ...
 *
 *   thread block:
 *     0                     struct ss_thread                512 bytes; one writer, the thread itself
 *     fast_offset           uint64_t fast[fast_len]         number of sampling intervals of exactly v ticks, v < fast_len
 *     run_offset            uint64_t run[hist_len]          number of sampling intervals >= fast_len ticks, log-linear
 *     wake_offset           uint64_t wake[hist_len]         lateness of each wake-up in ticks, log-linear
 *     gaps_offset           struct ss_gap[gap_capacity]     gaps over the threshold: gap k at k % (gap_capacity - 1), so the newest are there;
 *                                                           in the last place the longest of those that gave way
 *
 * Histogram bucket of v ticks (S = hist_sub_bits): v itself if v < 2^S, else with e = floor(log2 v):
 *   ((e - S) << S) + ((v >> (e - S)) - 2^S) + 2^S
 * so the lower edge of bucket i >= 2^S is (2^S + (i & (2^S - 1))) << ((i >> S) - 1), the width 1 << ((i >> S) - 1);
 * the relative width is at most 2^-S (3.1 % for S = 5). Histograms of one layout merge by adding.
 *
 * Reading while it runs: a counter of fast[] and of the histograms is whole by itself. For struct ss_thread read `seq`, copy,
 * read `seq` again: the copy is consistent if both are equal and even. min(gap_count, gap_capacity) places of the list are in use.
 */
#ifndef SS_SPIN_REGION_H
#define SS_SPIN_REGION_H

#include <stdint.h>

#define SS_REGION_MAGIC 0x314e495053484353ull /* "SCHSPIN1" */
#define SS_REGION_VERSION 1u
#define SS_REGION_PAGE 4096u
#define SS_FAST_LEN 256u
#define SS_HIST_SUB_BITS 5u
#define SS_HIST_LEN 1408u /* up to 2^48 ticks, 30 hours at 2.6 GHz; longer ones go to the last bucket */
#define SS_ANCHORS 64u

enum ss_state { SS_STARTING = 0, SS_CALIBRATING = 1, SS_RUNNING = 2, SS_DONE = 3, SS_FAILED = 4 };
enum ss_stop { SS_STOP_NONE = 0, SS_STOP_DURATION = 1, SS_STOP_MAXGAP = 2, SS_STOP_SIGNAL = 3 };
enum ss_thread_state { SS_THREAD_READY = 0, SS_THREAD_SPINNING = 1, SS_THREAD_SLEEPING = 2, SS_THREAD_DONE = 3 };
enum ss_cookie { SS_COOKIE_NONE = 0, SS_COOKIE_HAS = 1, SS_COOKIE_REFUSED = 2 };
enum ss_kind { SS_KIND_RUN = 0, SS_KIND_WAKE = 1 };

/* Flags of a gap. */
#define SS_GAP_OUTSIDE 1u  /* between a wake-up and the first sample of its burst, or between bursts */
#define SS_GAP_RECORD 2u   /* happened while the gap before it was being written down */
#define SS_GAP_OVERFLOW 4u /* the longest of those that gave way to newer ones */

/* Which evidence the machine gave (struct ss_thread.evidence). */
#define SS_EVIDENCE_RUSAGE 1u
#define SS_EVIDENCE_SCHEDSTAT 2u
#define SS_EVIDENCE_STEAL 4u
#define SS_EVIDENCE_FORCEIDLE 8u

/* One reading of both clocks. */
struct ss_anchor {
	uint64_t tsc;
	uint64_t mono_ns; /* CLOCK_MONOTONIC */
};

struct ss_gap {
	uint64_t start_tsc;
	uint64_t end_tsc;
	uint64_t start_ns; /* CLOCK_MONOTONIC, from a reading of both clocks right after the gap */
	uint64_t end_ns;
	int32_t tid;
	uint16_t thread;
	uint8_t kind;  /* enum ss_kind */
	uint8_t flags; /* SS_GAP_* */
	uint16_t cpu_before;
	uint16_t cpu_after;
	/* What follows counts from the thread's previous reading: the start of the burst or the previous gap. */
	uint32_t nivcsw;    /* involuntary context switches */
	uint32_t nvcsw;     /* voluntary context switches */
	uint32_t reserved;
	uint64_t run_delay; /* ns waiting on a run queue, /proc/thread-self/schedstat */
	uint64_t cpu_ns;    /* ns of CPU time, CLOCK_THREAD_CPUTIME_ID */
	uint64_t steal;     /* ns of steal of cpu_after, /proc/stat: 10 ms grains */
	uint64_t minor;     /* ns of stalls below the threshold since that reading: what else the counters may hold */
	uint64_t wall;      /* ns of CLOCK_MONOTONIC since that reading: wall - cpu_ns - run_delay is what no clock of the thread counts */
};

struct ss_thread {
	uint64_t seq; /* odd while the thread writes */
	int32_t tid;
	uint32_t state; /* enum ss_thread_state */
	uint32_t cpu;
	uint32_t evidence; /* SS_EVIDENCE_* */
	uint64_t sleep_ns; /* how long this thread sleeps between bursts */
	uint64_t bursts;
	/* Sums over finished bursts. */
	uint64_t wall_ticks;
	uint64_t cpu_ns;
	uint64_t run_delay_ns;
	uint64_t nivcsw;
	uint64_t nvcsw;
	/* Gaps of kind run, those over the threshold and inside bursts. */
	uint64_t run_count;
	uint64_t run_ticks;
	uint64_t run_max;
	/* Gaps of kind wake over the threshold; then every wake-up. */
	uint64_t wake_count;
	uint64_t wake_ticks;
	uint64_t wake_max;
	uint64_t wakeups;
	uint64_t lateness_ticks;
	/* Every interval of at least SS_FAST_LEN ticks; then those over audit_ticks, inside bursts. */
	uint64_t stall_count;
	uint64_t stall_ticks;
	uint64_t audit_count;
	uint64_t audit_ticks;
	uint64_t warp_count; /* the TSC went back: never a gap */
	uint64_t warp_max;
	uint64_t record_count; /* times that a gap was written down, and the ticks that took */
	uint64_t record_ticks;
	uint64_t gap_count; /* gaps that were put into the list */
	uint64_t overflow;  /* of them those no longer there: counted and summed above all the same */
	uint64_t migrations;
	uint64_t interval_max[4]; /* longest gap of report interval i, at [i & 3] */
	uint64_t interval;
	uint64_t wake_delay_ns; /* run_delay between the end of a burst and the start of the next */
	char comm[16];
	/* 296 */
	uint64_t cookie;       /* core-scheduling cookie, for equality only; 0: none */
	uint32_t cookie_state; /* enum ss_cookie */
	int32_t cookie_error;  /* negative errno why there is none */
	uint32_t group;        /* 1 + which of the groups it was put into, 0: none */
	uint32_t reserved32;
	/* 320 */
	uint64_t first_tsc; /* when its first burst began, 0: not yet */
	uint64_t last_tsc;  /* when its last finished burst ended */
	uint64_t forceidle_ns; /* core_forceidle_sum of /proc/TID/sched at its end: CPU time that it kept idle on its core, scaled by SMT > 2 */
	uint64_t reserved[21];
};

struct ss_region {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint64_t region_size;
	uint32_t threads;
	uint32_t thread_stride;
	uint64_t threads_offset;
	uint32_t gap_capacity;
	uint32_t gap_size;
	uint32_t fast_offset;
	uint32_t fast_len;
	uint32_t run_offset;
	uint32_t wake_offset;
	uint32_t gaps_offset;
	uint32_t hist_len;
	uint32_t hist_sub_bits;
	int32_t pid;
	/* 80 */
	uint32_t state;       /* enum ss_state */
	uint32_t stop_reason; /* enum ss_stop */
	int32_t stop_thread;  /* the elected thread, -1: none */
	int32_t stop_gap;     /* place of its gap in that thread's list */
	int32_t error;        /* negative errno when state is SS_FAILED */
	int32_t trace_error;  /* negative errno when marker or tracing_on could not be written, else 0 */
	/* 104 */
	uint64_t seed;
	uint64_t burst_ns;
	uint64_t max_sleep_ns;
	uint64_t duration_ns;
	uint64_t threshold_ns;
	uint64_t max_gap_ns;
	uint64_t threshold_ticks;
	uint64_t max_gap_ticks;
	uint64_t audit_floor_ticks;
	/* 176 */
	double hz;            /* as calibrated before the run */
	double residual_ppm;  /* spread of the brackets of that calibration */
	double hz_refined;    /* over the whole run with the calibration before it, 0 until the end */
	double pair_ns;       /* half-width of the worst clock reading used */
	/* 208 */
	uint32_t invariant;   /* CPUID 80000007h EDX[8]; arm64: always 1 */
	uint32_t hypervisor;  /* CPUID 1 ECX[31] */
	uint32_t locked;      /* memory is locked */
	uint32_t brackets;    /* of the calibration */
	char clocksource[32];
	char method[32];
	/* 288 */
	struct ss_anchor start; /* when the threads were let go */
	struct ss_anchor end;   /* after the last one stopped */
	uint32_t anchor_count;
	uint32_t control; /* 1: the last thread is the control, which watches an idle CPU and is not measured */
	struct ss_anchor anchors[SS_ANCHORS]; /* readings in between, at most one a second, thinned when full */
	char message[256]; /* what failed */
};

_Static_assert(sizeof(struct ss_gap) == 96, "ss_gap is 96 bytes");
_Static_assert(sizeof(struct ss_thread) == 512, "ss_thread is 512 bytes");
_Static_assert(__builtin_offsetof(struct ss_thread, cookie) == 296, "ss_thread.cookie");
_Static_assert(sizeof(struct ss_region) <= SS_REGION_PAGE, "ss_region fits its page");
_Static_assert(__builtin_offsetof(struct ss_region, state) == 80, "ss_region.state");
_Static_assert(__builtin_offsetof(struct ss_region, seed) == 104, "ss_region.seed");
_Static_assert(__builtin_offsetof(struct ss_region, hz) == 176, "ss_region.hz");
_Static_assert(__builtin_offsetof(struct ss_region, clocksource) == 224, "ss_region.clocksource");
_Static_assert(__builtin_offsetof(struct ss_region, start) == 288, "ss_region.start");
_Static_assert(__builtin_offsetof(struct ss_region, anchors) == 328, "ss_region.anchors");
_Static_assert(__builtin_offsetof(struct ss_region, message) == 1352, "ss_region.message");

#endif
