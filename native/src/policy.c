#include "schedscope.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr of sched_setattr(2), which older C libraries do not have. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
	uint32_t util_min;
	uint32_t util_max;
};

#define FLAG_UTIL_CLAMP 0x60u

int32_t schedscope_policy_get(int32_t tid, uint64_t *attr)
{
	struct attributes a = {.size = sizeof a};
	if (syscall(SYS_sched_getattr, tid, &a, sizeof a, 0) < 0)
		return -errno;
	attr[0] = a.policy;
	attr[1] = a.flags;
	attr[2] = (uint64_t)(int64_t)a.nice;
	attr[3] = a.priority;
	attr[4] = a.runtime;
	attr[5] = a.deadline;
	attr[6] = a.period;
	attr[7] = a.util_min;
	attr[8] = a.util_max;
	return 0;
}

int32_t schedscope_policy_set(int32_t tid, const uint64_t *attr)
{
	struct attributes a = {
		.size = sizeof a, .policy = (uint32_t)attr[0], .flags = attr[1], .nice = (int32_t)attr[2],
		.priority = (uint32_t)attr[3], .runtime = attr[4], .deadline = attr[5], .period = attr[6],
	};
	/* A kernel without clamps refuses the longer struct only if they are set. */
	if (attr[1] & FLAG_UTIL_CLAMP) {
		a.util_min = (uint32_t)attr[7];
		a.util_max = (uint32_t)attr[8];
	}
	return syscall(SYS_sched_setattr, tid, &a, 0) < 0 ? -errno : 0;
}
