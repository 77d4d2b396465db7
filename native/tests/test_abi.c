/* The functions of schedscope.h against the C library and against wrong arguments. */
#include "check.h"
#include "schedscope.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void affinity(void)
{
	uint8_t mask[512], before[512];
	cpu_set_t set;
	int size = schedscope_affinity_get(0, before, sizeof before);
	CHECK(size > 0, "get: %d", size);
	CHECK(schedscope_affinity_get(0, mask, 0) == -EINVAL, "an empty buffer");
	sched_getaffinity(0, sizeof set, &set);
	int first = -1;
	for (int cpu = 0; cpu < size * 8 && cpu < CPU_SETSIZE; cpu++) {
		int in = before[cpu / 8] >> (cpu % 8) & 1;
		CHECK(in == !!CPU_ISSET(cpu, &set), "CPU %d", cpu);
		if (in && first < 0)
			first = cpu;
	}
	memset(mask, 0, sizeof mask);
	CHECK(schedscope_affinity_set(0, mask, sizeof mask) == -EINVAL, "no CPU");
	mask[first / 8] = (uint8_t)(1 << first % 8);
	CHECK(schedscope_affinity_set(0, mask, sizeof mask) == 0, "set");
	sched_getaffinity(0, sizeof set, &set);
	CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(first, &set), "one CPU");
	CHECK(schedscope_affinity_set(0, before, (uint32_t)size) == 0, "restore");
	CHECK(schedscope_affinity_set(0x7ffffff0, before, (uint32_t)size) == -ESRCH, "no such thread");
}

static void policy(void)
{
	uint64_t attr[9];
	CHECK(schedscope_policy_get(0, attr) == 0 && attr[0] == (uint64_t)sched_getscheduler(0), "get");
	attr[0] = SCHED_BATCH;
	attr[1] = 0;
	attr[2] = 5;
	attr[3] = attr[4] = attr[5] = attr[6] = 0;
	CHECK(schedscope_policy_set(0, attr) == 0, "set batch");
	CHECK(sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 5, "batch, nice 5");
	memset(attr, 0, sizeof attr);
	CHECK(schedscope_policy_get(0, attr) == 0 && (int64_t)attr[2] == 5, "nice %lld", (long long)attr[2]);
	attr[0] = 77;
	CHECK(schedscope_policy_set(0, attr) == -EINVAL, "no such policy");
}

static void core_sched(void)
{
	uint64_t cookie[2] = {7, 7};
	int rc = schedscope_core_sched(0, 0, 0, cookie);
	if (rc == -EINVAL || rc == -ENODEV) {
		CHECK(schedscope_core_sched(1, 0, 0, cookie) == rc, "the same answer for create");
		CHECK(cookie[0] == 7, "no cookie written");
		return;
	}
	CHECK(rc == 0 && cookie[1] == 7, "get: %d", rc);
	CHECK(schedscope_core_sched(1, 0, 0, cookie) == 0, "create");
	CHECK(schedscope_core_sched(0, 0, 0, cookie) == 0 && cookie[0], "a cookie");
}

static void *stop_soon(void *handle)
{
	usleep(100000);
	int rc = schedscope_spin_close(*(int32_t *)handle);
	CHECK(rc == -EBUSY, "close while it runs: %d", rc);
	CHECK(schedscope_spin_stop(*(int32_t *)handle) == 0, "stop");
	return NULL;
}

static void spin(void)
{
	uint8_t message[128];
	static const char nonsense[] = "--threads\0none", open_end[] = {'-', 'x'};
	CHECK(schedscope_spin_open((const uint8_t *)nonsense, sizeof nonsense, message, sizeof message) == -EINVAL, "%s", message);
	CHECK(strstr((char *)message, "threads"), "%s", message);
	CHECK(schedscope_spin_open((const uint8_t *)open_end, 2, message, sizeof message) == -EINVAL, "no NUL");
	CHECK(schedscope_spin_open((const uint8_t *)"", 0, message, sizeof message) == -EINVAL, "no --shm");

	char path[] = "/dev/shm/schedscope-test-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		SKIP("no /dev/shm");
	char args[256];
	size_t n = (size_t)snprintf(args, sizeof args, "--threads=2%c--max-gap=0%c--shm=%s", 0, 0, path) + 1;
	int32_t handle = schedscope_spin_open((const uint8_t *)args, (uint32_t)n, message, sizeof message);
	unlink(path);
	close(fd);
	CHECK(handle >= 0, "%d: %s", handle, message);
	pthread_t stopper;
	pthread_create(&stopper, NULL, stop_soon, &handle);
	CHECK(schedscope_spin_run(handle) == 0, "run");
	pthread_join(stopper, NULL);
	CHECK(schedscope_spin_run(handle) == -EALREADY, "only once");
	CHECK(schedscope_spin_stop(handle) == 0, "stop after the end");
	CHECK(schedscope_spin_close(handle) == 0, "close");
	CHECK(schedscope_spin_close(handle) == -EBADF && schedscope_spin_stop(handle) == -EBADF && schedscope_spin_run(-1) == -EBADF, "gone");
}

int main(void)
{
	double info[5];
	uint8_t source[32];
	uint64_t pair[2];
	CHECK(schedscope_abi() == SCHEDSCOPE_ABI && schedscope_gettid() == getpid(), "abi");
	CHECK(schedscope_tsc_info(1, 5, info, source, sizeof source) == 0 && info[0] > 1e6, "tsc");
	CHECK(schedscope_tsc_pair(pair) >= 0 && pair[0] && pair[1], "pair");
	spin();
	affinity();
	core_sched();
	policy();
	return 0;
}
