#include "schedscope.h"
#include "tsc_clock.h"
#include <errno.h>
#include <stdio.h>

int32_t schedscope_tsc_info(uint32_t brackets, uint32_t bracket_ms, double *info, uint8_t *clocksource, uint32_t clocksource_size)
{
	struct ss_tsc_info tsc;
	int rc = ss_tsc_calibrate(&tsc, brackets, (uint64_t)bracket_ms * 1000000u, NULL, 0);
	if (rc)
		return rc;
	info[0] = tsc.hz;
	info[1] = tsc.residual_ppm;
	info[2] = tsc.invariant;
	info[3] = tsc.hypervisor;
	info[4] = tsc.brackets;
	snprintf((char *)clocksource, clocksource_size, "%s", tsc.clocksource);
	return 0;
}

int32_t schedscope_tsc_pair(uint64_t *pair)
{
	struct ss_pair now = ss_clock_pair(CLOCK_MONOTONIC, 32);
	if (now.width == UINT64_MAX)
		return -EAGAIN;
	pair[0] = now.tsc;
	pair[1] = now.ns;
	return (int32_t)(now.width / 2);
}
