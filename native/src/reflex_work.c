#include "evidence.h"
#include "reflex.h"
#include <time.h>

uint64_t ss_reflex_work(uint64_t loops, uint64_t state)
{
	for (uint64_t i = 0; i < loops; i++)
		state = state * 6364136223846793005ull + 1442695040888963407ull;
	/* Keeps the loop although nobody may look at the result. */
	__asm__ volatile("" : "+r"(state));
	return state;
}

#define BATCHES 48
#define BATCH_NS 400000u

static double batch(uint64_t loops)
{
	uint64_t from = ss_thread_cpu_ns();
	ss_reflex_work(loops, loops);
	uint64_t ns = ss_thread_cpu_ns() - from;
	return ns ? (double)loops / (double)ns * 1000 : 0;
}

double ss_reflex_calibrate(void)
{
	double best = 0;
	uint64_t loops = 1000;
	/* Up to a batch that is long against the reading of the clock and short against a tick. */
	while (loops < 1u << 30) {
		double found = batch(loops);
		if (found > 0 && (double)loops / found * 1000 >= BATCH_NS)
			break;
		loops *= 2;
	}
	for (int i = 0; i < BATCHES; i++) {
		double found = batch(loops);
		if (found > best)
			best = found;
	}
	return best;
}
