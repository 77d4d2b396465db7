/* What the loop and the thread around it share: how a thread writes its block, and how it writes a gap down. */
#ifndef SS_SPIN_BLOCK_H
#define SS_SPIN_BLOCK_H

#include "spin.h"

/* Plain counters with one writer: a reader of the region may look at any time, so each store is whole. */
#define ADD(field, n) __atomic_store_n(&(field), (field) + (n), __ATOMIC_RELAXED)
#define SET(field, n) __atomic_store_n(&(field), (n), __ATOMIC_RELAXED)

static inline void ss_write_begin(struct ss_thread *b)
{
	__atomic_store_n(&b->seq, b->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void ss_write_end(struct ss_thread *b)
{
	__atomic_store_n(&b->seq, b->seq + 1, __ATOMIC_RELEASE);
}

/* Writes a gap into the thread's list with its evidence; the first over maxGap stops the trace and the run. */
void ss_spin_record(struct ss_worker *w, int kind, uint32_t flags, uint64_t start, uint64_t end, uint32_t cpu_before, uint32_t cpu_after);

/*
 * Accounts for [start, end] and for what happened meanwhile. Writing a gap down costs a few microseconds, in which
 * the thread can be preempted as well: that is a gap too. Returns the tick from which sampling goes on.
 */
uint64_t ss_spin_stall(struct ss_worker *w, uint64_t start, uint64_t end);

/* Notes `ticks` for the once-a-second line. */
void ss_spin_note_max(struct ss_worker *w, uint64_t ticks);

#endif
