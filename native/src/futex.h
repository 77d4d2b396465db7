/* Waiting on a word of this process. */
#ifndef SS_FUTEX_H
#define SS_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Sleeps while *word is `value`, at most until the absolute CLOCK_MONOTONIC time `deadline_ns` (0: for ever).
 * The same hrtimer as clock_nanosleep(TIMER_ABSTIME), but a stop of the run ends it at once and without a signal.
 * Returns 0 when woken or the value differs, -ETIMEDOUT at the deadline, -EINTR.
 */
static inline int ss_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct timespec at = {(time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};
	long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline_ns ? &at : NULL, NULL,
			  FUTEX_BITSET_MATCH_ANY);
	return rc == 0 || errno == EAGAIN ? 0 : -errno;
}

static inline void ss_futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

#endif
