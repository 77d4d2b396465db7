#include "schedscope.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system calls themselves: they take a mask of any size, which glibc's cpu_set_t does not. */
int32_t schedscope_affinity_get(int32_t tid, uint8_t *mask, uint32_t size)
{
	memset(mask, 0, size);
	long rc = syscall(SYS_sched_getaffinity, tid, size & ~7u, mask);
	return rc < 0 ? -errno : (int32_t)rc;
}

int32_t schedscope_affinity_set(int32_t tid, const uint8_t *mask, uint32_t size)
{
	return syscall(SYS_sched_setaffinity, tid, size, mask) < 0 ? -errno : 0;
}
