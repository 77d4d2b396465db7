/* Every value lies between the edges of its bucket, and the edges leave no hole. */
#include "check.h"
#include "histogram.h"

static void encloses(uint64_t v)
{
	uint32_t i = ss_hist_index(v);
	CHECK(i < SS_HIST_LEN, "%llu goes to bucket %u", (unsigned long long)v, i);
	CHECK(ss_hist_lower(i) <= v, "%llu is below its bucket %u", (unsigned long long)v, i);
	if (i + 1 < SS_HIST_LEN)
		CHECK(v < ss_hist_lower(i + 1), "%llu is above its bucket %u", (unsigned long long)v, i);
}

int main(void)
{
	for (uint64_t v = 0; v < 1 << 20; v++)
		encloses(v);
	for (uint32_t bit = 20; bit < 64; bit++) {
		encloses(1ull << bit);
		encloses((1ull << bit) - 1);
		encloses((1ull << bit) + (1ull << (bit - 6)) * 37);
	}
	encloses(UINT64_MAX);
	for (uint32_t i = 0; i + 1 < SS_HIST_LEN; i++) {
		CHECK(ss_hist_index(ss_hist_lower(i)) == i, "edge of bucket %u", i);
		CHECK(ss_hist_index(ss_hist_lower(i + 1) - 1) == i, "last value of bucket %u", i);
	}
	return 0;
}
