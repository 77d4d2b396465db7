/* The calibrated frequency predicts CLOCK_MONOTONIC_RAW; readings of both clocks are narrow and ordered. */
#include "check.h"
#include "tsc.h"
#include "tsc_clock.h"
#include <math.h>

int main(void)
{
	struct ss_tsc_info info;
	CHECK(ss_tsc_calibrate(&info, 0, 1000000, NULL, 0) < 0, "no brackets");
	CHECK(ss_tsc_calibrate(&info, 33, 1000000, NULL, 0) < 0, "too many brackets");
	int rc = ss_tsc_calibrate(&info, 3, 50000000, NULL, 0);
	if (rc)
		SKIP("the counter cannot be calibrated: %d", rc);
	CHECK(info.hz > 1e6 && info.hz < 1e11, "%f ticks per second", info.hz);
	CHECK(info.brackets == 3 && info.residual_ppm >= 0, "residual %f ppm", info.residual_ppm);

	struct ss_pair from = ss_clock_pair(CLOCK_MONOTONIC_RAW, 64);
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	struct ss_pair to = ss_clock_pair(CLOCK_MONOTONIC_RAW, 64);
	double ppm = fabs(ss_tsc_slope(from, to) / info.hz - 1) * 1e6;
	CHECK(ppm < 100, "off by %f ppm after 200 ms", ppm);
	CHECK((double)from.width / info.hz < 10e-6, "a reading %llu ticks wide", (unsigned long long)from.width);

	uint32_t cpu;
	uint64_t before = ss_tsc(), after = ss_tsc_cpu(&cpu);
	CHECK(after >= before || after - before > UINT64_MAX / 2, "order");
	CHECK(cpu < 4096, "CPU %u", cpu);
	return 0;
}
