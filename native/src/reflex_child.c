#include "evidence.h"
#include "futex.h"
#include "reflex.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* xorshift64*: two instructions a bit, and each thread has its own. */
static inline uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* Reads the own pipe until the token, or the byte of the stop, is there. Returns 0 or a negative errno. */
static int take(const struct ss_reflex_child *c)
{
	char token;
	for (;;) {
		ssize_t n = read(c->read_fd, &token, 1);
		if (n == 1)
			return 0;
		if (n == 0)
			return -EPIPE;
		if (errno != EINTR)
			return -errno;
	}
}

static int pass(const struct ss_reflex_child *c)
{
	while (write(c->write_fd, "t", 1) != 1)
		if (errno != EINTR)
			return -errno;
	return 0;
}

#define STOPPED(r) (atomic_load_explicit(&(r)->stop, memory_order_relaxed))

void *ss_reflex_child_main(void *argument)
{
	struct ss_reflex_child *c = argument;
	struct ss_reflex *r = c->reflex;
	const struct ss_reflex_options *o = &r->options;
	struct ss_evidence_source source;
	struct ss_evidence before, after;
	uint64_t random = c->random, rounds = 0, yields = 0, passes = 0, state = c->random;
	/* A set of one has no successor: it never blocks, whatever the weight. */
	uint64_t pass_below = o->children == o->active ? 0 : ((uint64_t)o->weight << 32) / 100;
	double loops = o->compute_us * r->loops_per_us;

	memset(&before, 0, sizeof before);
	memset(&after, 0, sizeof after);
	c->tid = (int32_t)syscall(SYS_gettid);
	ss_evidence_open(&source, 0);
	c->have = source.have;
	int holder = c->index < o->active;
	ss_evidence_read(&source, &before);
	atomic_fetch_add(&r->ready, 1);
	if (holder)
		while (!atomic_load(&r->go))
			ss_futex_wait(&r->go, 0, 0);
	else if (take(c) < 0)
		goto end;
	/* The wait for the CPU that follows the start belongs to the run, the switch away before it does not. */
	ss_evidence_read(&source, &after);
	before.nvcsw = after.nvcsw;
	before.nivcsw = after.nivcsw;
	c->was_blocked = !holder && STOPPED(r);
	while (!STOPPED(r)) {
		uint64_t drawn = next(&random);
		/* Each round its own length within a sixteenth of the asked one, so that no threads march in step. */
		if (loops > 0) {
			state = ss_reflex_work((uint64_t)(loops * (15.0 / 16 + (double)(drawn & 0xffff) / 524288.0) + 0.5), state);
			if (STOPPED(r))
				break;
		}
		if (rounds++ == 0)
			atomic_store_explicit(&r->begun, 1, memory_order_relaxed);
		if (drawn >> 32 < pass_below) {
			passes++;
			if (pass(c) < 0 || take(c) < 0)
				break;
			c->was_blocked = STOPPED(r) != 0;
		} else {
			yields++;
			sched_yield();
		}
	}
	ss_evidence_read(&source, &after);
	c->end_ns = after.mono_ns;
	c->nvcsw = after.nvcsw - before.nvcsw;
	c->nivcsw = after.nivcsw - before.nivcsw;
	c->cpu_ns = after.cpu_ns - before.cpu_ns;
	c->run_delay_ns = after.run_delay - before.run_delay;
end:
	c->rounds = rounds;
	c->yields = yields;
	c->passes = passes;
	c->random = state;
	ss_evidence_close(&source);
	return NULL;
}
