/* The log-linear bucket layout of spin_region.h. */
#ifndef SS_HISTOGRAM_H
#define SS_HISTOGRAM_H

#include "spin_region.h"

/* Bucket of v; everything past the last bucket goes into it. */
static inline uint32_t ss_hist_index(uint64_t v)
{
	if (v < 1u << SS_HIST_SUB_BITS)
		return (uint32_t)v;
	uint32_t shift = 63u - (uint32_t)__builtin_clzll(v) - SS_HIST_SUB_BITS;
	uint32_t index = (shift << SS_HIST_SUB_BITS) + (uint32_t)(v >> shift);
	return index < SS_HIST_LEN ? index : SS_HIST_LEN - 1;
}

/* Smallest value of bucket `index`; the next bucket's is the first that no longer belongs to it. */
static inline uint64_t ss_hist_lower(uint32_t index)
{
	if (index < 2u << SS_HIST_SUB_BITS)
		return index;
	uint32_t shift = (index >> SS_HIST_SUB_BITS) - 1;
	return (uint64_t)((1u << SS_HIST_SUB_BITS) + (index & ((1u << SS_HIST_SUB_BITS) - 1))) << shift;
}

#endif
