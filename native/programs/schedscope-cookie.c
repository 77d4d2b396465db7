/*
 * Core-scheduling cookies of running processes, from outside: a trust group of each.
 *
 *   schedscope-cookie new PID...    gives each process a cookie of its own, all of its threads the same
 *   schedscope-cookie get PID...    leaves them as they are
 *
 * Both print a line "PID TID COOKIE" for each thread, as it is then; a cookie of 0x0 is none. Threads that are made later inherit.
 * Exit code 0, 1 where a process could not be given one or was not there (said on stderr), 2 for wrong usage, 3 where neither this kernel nor this
 * machine has core scheduling (said on stderr).
 */
#include "schedscope.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GET = 0, CREATE = 1 };		/* PR_SCHED_CORE_GET, PR_SCHED_CORE_CREATE */
enum { THREAD = 0, THREAD_GROUP = 1 };	/* PR_SCHED_CORE_SCOPE_THREAD, ..._THREAD_GROUP */

/* Says what failed; the exit code for it. */
static int failed(const char *what, int pid, int error)
{
	const char *why = error == EINVAL ? "the kernel was built without core scheduling (CONFIG_SCHED_CORE)" :
			  error == ENODEV ? "the machine has no SMT, or it is off, so the kernel has no core scheduling" :
					    strerror(error);
	fprintf(stderr, "schedscope-cookie: cannot %s of %d: %s\n", what, pid, why);
	return error == EINVAL || error == ENODEV ? 3 : 1;
}

/* Prints the cookie of each thread of the process; the exit code. */
static int print_cookies(int pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *threads = opendir(path);
	if (threads == NULL)
		return failed("list the threads", pid, errno);
	int code = 0;
	struct dirent *thread;
	while (code == 0 && (thread = readdir(threads)) != NULL) {
		int tid = atoi(thread->d_name);
		uint64_t cookie = 0;
		if (tid <= 0)
			continue;
		int rc = schedscope_core_sched(GET, tid, THREAD, &cookie);
		if (rc == -ESRCH)
			continue;
		if (rc < 0)
			code = failed("read the cookie", tid, -rc);
		else
			printf("%d %d 0x%" PRIx64 "\n", pid, tid, cookie);
	}
	closedir(threads);
	return code;
}

int main(int argc, char **argv)
{
	int create = argc > 1 && strcmp(argv[1], "new") == 0;
	if (argc < 3 || (!create && strcmp(argv[1], "get") != 0)) {
		fprintf(stderr, "Usage: schedscope-cookie new|get PID...\n");
		return 2;
	}
	int worst = 0;
	for (int i = 2; i < argc; i++) {
		char *end;
		long pid = strtol(argv[i], &end, 10);
		if (*end != '\0' || pid <= 0 || pid > INT32_MAX) {
			fprintf(stderr, "schedscope-cookie: Expected a process id but found %s\n", argv[i]);
			return 2;
		}
		int rc = create ? schedscope_core_sched(CREATE, (int)pid, THREAD_GROUP, NULL) : 0;
		int code = rc < 0 ? failed("set the cookie", (int)pid, -rc) : print_cookies((int)pid);
		if (code > worst)
			worst = code;
	}
	return worst;
}
