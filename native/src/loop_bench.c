/* How close the sampling loop is to doing nothing but sampling. */
#include "spin.h"
#include "tsc.h"
#include "tsc_clock.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLICES 400
#define SLICE_NS 250000

static double bare(uint64_t until)
{
	uint64_t start = ss_tsc(), before = start, max = 0, samples = 0;
	do {
		uint64_t now = ss_tsc(), ticks = now - before;
		if (ticks > max)
			max = ticks;
		before = now;
		samples++;
	} while (before < until);
	__asm__ volatile("" ::"r"(max));
	return (double)(before - start) / (double)samples;
}

static double ours(struct ss_worker *w, uint64_t until)
{
	uint64_t samples = 0, start = ss_tsc(), last = start;
	memset(w->fast, 0, SS_FAST_LEN * sizeof *w->fast);
	memset(w->run, 0, SS_HIST_LEN * sizeof *w->run);
	ss_spin_until(w, until, &last);
	for (uint32_t i = 0; i < SS_FAST_LEN; i++)
		samples += w->fast[i];
	for (uint32_t i = 0; i < SS_HIST_LEN; i++)
		samples += w->run[i];
	return (double)(last - start) / (double)samples;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int ss_loop_bench(FILE *out)
{
	static struct ss_spin spin;
	static double periods[2][SLICES];
	struct ss_spin_options options;
	struct ss_tsc_info info;
	char message[256], *argv[] = {"bench", "--threads", "1", NULL};
	int rc = ss_spin_parse(&options, 3, argv, message, sizeof message);
	if (!rc)
		rc = ss_tsc_calibrate(&info, 1, 20000000, NULL, 0);
	if (!rc)
		rc = ss_spin_open(&spin, &options, message, sizeof message);
	if (rc < 0)
		return rc;
	struct ss_worker *w = &spin.workers[0];
	spin.ns_per_tick = 1e9 / info.hz;
	spin.threshold_ticks = UINT64_MAX / 4; /* nothing is written down: the loop itself is measured */
	spin.audit_floor_ticks = UINT64_MAX / 4;
	w->in_burst = 1;
	uint64_t slice = (uint64_t)(SLICE_NS / spin.ns_per_tick);
	for (int i = 0; i < SLICES; i++) {
		periods[0][i] = bare(ss_tsc() + slice);
		periods[1][i] = ours(w, ss_tsc() + slice);
	}
	for (int k = 0; k < 2; k++)
		qsort(periods[k], SLICES, sizeof(double), by_value);
	double a = periods[0][SLICES / 2], b = periods[1][SLICES / 2];
	fprintf(out, "{\"schema\":\"schedscope-loop/1\",\"slices\":%d,\"bare_ticks\":%.3f,\"spin_ticks\":%.3f,\"bare_ns\":%.3f,"
		"\"spin_ns\":%.3f,\"ratio\":%.4f}\n", SLICES, a, b, a * spin.ns_per_tick, b * spin.ns_per_tick, b / a);
	ss_spin_close(&spin);
	return 0;
}
