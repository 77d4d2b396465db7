/* A child must not outlive the program that started it. */
#ifndef SS_PARENT_GUARD_H
#define SS_PARENT_GUARD_H

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Asks for SIGKILL when `parent` dies. Returns 0, -ESRCH if it is already gone, or another negative errno. */
static inline int ss_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

#endif
