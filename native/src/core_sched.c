#include "schedscope.h"
#include <errno.h>
#include <sys/prctl.h>

#define SS_PR_SCHED_CORE 62 /* since Linux 5.14; older headers do not name it */

int32_t schedscope_core_sched(int32_t command, int32_t pid, int32_t scope, uint64_t *cookie)
{
	uint64_t value = 0;
	/* The kernel fills a cookie for get alone and refuses an address for the others. */
	if (prctl(SS_PR_SCHED_CORE, command, pid, scope, command == 0 ? &value : 0) < 0)
		return -errno;
	if (command == 0)
		cookie[0] = value;
	return 0;
}
