/* What the ticks of the counter mean in time. */
#ifndef SS_TSC_CLOCK_H
#define SS_TSC_CLOCK_H

#include "spin_region.h"
#include <poll.h>
#include <time.h>

struct ss_pair {
	uint64_t tsc;
	uint64_t ns;
	uint64_t width; /* ticks between the two counter readings around the clock's; the error is at most half */
};

struct ss_tsc_info {
	double hz;
	double residual_ppm; /* largest distance of one bracket from the slope over all of them */
	uint32_t brackets;
	uint32_t invariant;
	uint32_t hypervisor;
	uint32_t has_tscp;
	char clocksource[32];
	struct ss_pair first, last; /* CLOCK_MONOTONIC_RAW readings at the ends */
};

/* The tightest of `tries` readings of `clock` between two of the counter. */
struct ss_pair ss_clock_pair(clockid_t clock, int tries);

/*
 * Fills everything; sleeps `brackets` times `bracket_ns`. One of the `cancels` becoming readable cuts it short: then what it has is used.
 * Returns 0, -ENOTSUP without RDTSCP, -EINVAL for no brackets or more than 32.
 */
int ss_tsc_calibrate(struct ss_tsc_info *info, uint32_t brackets, uint64_t bracket_ns, struct pollfd *cancels, nfds_t cancel_count);

/* Ticks per second between two readings of CLOCK_MONOTONIC_RAW. */
double ss_tsc_slope(struct ss_pair from, struct ss_pair to);

#endif
