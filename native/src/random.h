#ifndef SCHEDSCOPE_RANDOM_H
#define SCHEDSCOPE_RANDOM_H
#include <stdint.h>

/* The next of a seeded sequence (splitmix64). */
static inline uint64_t ss_next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}
#endif
