/* Where and how a measuring thread runs: CPUs, cgroup, core-scheduling cookie, policy, nice. */
#include "schedscope.h"
#include "spin.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COOKIE_GET = 0, COOKIE_CREATE = 1, COOKIE_SHARE_FROM = 3 };

/* CPU number `turn` of the set, round and round. */
static int nth_cpu(const cpu_set_t *set, uint32_t turn)
{
	turn %= (uint32_t)CPU_COUNT(set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && !turn--)
			return cpu;
	return -1;
}

/* The kernel leaves out CPUs that are not there without a word; a list that names one is refused here. */
static int set_cpus(const struct ss_worker *w)
{
	const struct ss_spin_options *o = &w->spin->options;
	cpu_set_t set, got;
	if (o->place_count && !w->control) {
		CPU_ZERO(&set);
		CPU_SET(o->place[w->index % o->place_count], &set);
	} else if (w->control) {
		CPU_ZERO(&set);
		CPU_SET(o->control_cpu, &set);
	} else if (!o->have_cpus && !o->pin) {
		return 0;
	} else if (o->have_cpus) {
		set = o->cpus;
		if (sched_setaffinity(0, sizeof set, &set) < 0 || sched_getaffinity(0, sizeof got, &got) < 0)
			return -errno;
		if (!CPU_EQUAL(&set, &got))
			return -EINVAL;
	} else if (sched_getaffinity(0, sizeof set, &set) < 0) {
		return -errno;
	}
	if (o->pin && !w->control) {
		int cpu = nth_cpu(&set, w->index);
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

static int write_zero(const char *directory, const char *name)
{
	char path[SS_GROUP_PATH + 64];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd < 0 || write(fd, "0", 1) < 0 ? -errno : 0; /* 0: whoever writes */
	if (fd >= 0)
		close(fd);
	return rc;
}

/* cgroup v1 places threads by "tasks"; v2 has no such file. */
static int is_v1(const char *directory)
{
	char path[SS_GROUP_PATH + 64];
	struct stat st;
	snprintf(path, sizeof path, "%s/tasks", directory);
	return stat(path, &st) == 0;
}

static int is_threaded(const char *directory)
{
	char path[SS_GROUP_PATH + 64], type[32] = "";
	snprintf(path, sizeof path, "%s/cgroup.type", directory);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, type, sizeof type - 1);
	if (fd >= 0)
		close(fd);
	return n > 0 && !strncmp(type, "threaded", 8);
}

int ss_spin_join(const struct ss_spin_options *o)
{
	if (!o->group_count || is_v1(o->groups[0]))
		return 0;
	if (o->group_count > 1 && !is_threaded(o->groups[0]))
		return -EOPNOTSUPP; /* the threads of a process are in one group, or in threaded ones */
	char domain[SS_GROUP_PATH + 4];
	snprintf(domain, sizeof domain, "%s%s", o->groups[0], is_threaded(o->groups[0]) ? "/.." : "");
	return write_zero(domain, "cgroup.procs");
}

static int enter_group(struct ss_worker *w)
{
	const struct ss_spin_options *o = &w->spin->options;
	if (!o->group_count || w->control)
		return 0;
	uint32_t at = w->index % o->group_count;
	const char *group = o->groups[at];
	int rc = 0;
	if (is_v1(group))
		rc = write_zero(group, "tasks");
	else if (is_threaded(group))
		rc = write_zero(group, "cgroup.threads");
	w->block->group = at + 1;
	return rc;
}

/* The thread that makes the cookie of thread `index`: the first of those it shares it with; -1: it has none. */
static int64_t cookie_maker(const struct ss_spin_options *o, uint32_t index)
{
	if (!o->trust_count)
		return index & ~1u;
	int32_t own = o->trust[index % o->trust_count];
	uint32_t first = 0;
	while (o->trust[first % o->trust_count] != own)
		first++;
	return own < 0 ? -1 : (int64_t)first;
}

/* One thread makes a cookie and the others take it over: each for itself, as pid 0 is the calling thread. */
static void share_cookie(struct ss_worker *w)
{
	if (!w->spin->options.cookies || w->control)
		return;
	struct ss_thread *b = w->block;
	uint64_t cookie = 0;
	int64_t maker = cookie_maker(&w->spin->options, w->index);
	int rc;
	if (maker < 0) {
		return;
	} else if (maker == w->index) {
		rc = schedscope_core_sched(COOKIE_CREATE, 0, 0, &cookie);
	} else {
		struct ss_worker *first = &w->spin->workers[maker];
		while (!atomic_load(&first->cookie_done))
			nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
		rc = first->block->cookie_error;
		if (!rc)
			rc = schedscope_core_sched(COOKIE_SHARE_FROM, first->block->tid, 0, &cookie);
	}
	if (!rc)
		rc = schedscope_core_sched(COOKIE_GET, 0, 0, &cookie);
	b->cookie = rc ? 0 : cookie;
	b->cookie_error = rc;
	b->cookie_state = rc ? SS_COOKIE_REFUSED : SS_COOKIE_HAS;
}

static int set_policy(const struct ss_spin_options *o)
{
	if (o->policy == SS_POLICY_DEADLINE) {
		const uint64_t attr[9] = {SS_POLICY_DEADLINE, 0, 0, 0, o->runtime_ns, o->deadline_ns, o->period_ns, 0, 0};
		return schedscope_policy_set(0, attr);
	}
	struct sched_param param = {.sched_priority = o->priority};
	return o->policy >= 0 && sched_setscheduler(0, o->policy, &param) < 0 ? -errno : 0;
}

int ss_spin_place(struct ss_worker *w)
{
	const struct ss_spin_options *o = &w->spin->options;
	share_cookie(w);
	atomic_store(&w->cookie_done, 1);
	w->lacks = "CPUs";
	int rc = set_cpus(w);
	if (rc || w->control)
		return rc;
	w->lacks = "cgroup";
	if ((rc = enter_group(w)))
		return rc;
	w->lacks = "policy";
	if ((rc = set_policy(o)))
		return rc;
	w->lacks = "nice value";
	if (o->nice_count && setpriority(PRIO_PROCESS, 0, o->nice[w->index % o->nice_count]) < 0)
		return -errno;
	return 0;
}

int ss_spin_lacking(int error)
{
	return error == -EPERM || error == -EACCES || error == -EAGAIN || error == -EBUSY || error == -EINVAL || error == -ENOENT ||
	       error == -EOPNOTSUPP || error == -ENODEV;
}

static const char *remedy(const struct ss_worker *w)
{
	const struct ss_spin_options *o = &w->spin->options;
	int denied = w->error == -EPERM || w->error == -EACCES;
	if (!strcmp(w->lacks, "CPUs"))
		return w->error == -EINVAL ? "name CPUs of Cpus_allowed_list in /proc/self/status only" : NULL;
	if (!strcmp(w->lacks, "cgroup"))
		return denied ? "run as root, or name a cgroup that is yours" : NULL;
	if (!strcmp(w->lacks, "nice value"))
		return denied ? "run as root, or raise the limit (ulimit -e)" : NULL;
	if (strcmp(w->lacks, "policy"))
		return NULL;
	if (o->policy == SS_POLICY_DEADLINE)
		return w->error == -EBUSY ? "ask for less: all deadline threads together would use more than kernel.sched_rt_runtime_us allows"
		       : denied		  ? "run as root, and do not restrict the CPUs: a deadline thread may use all of them"
					  : NULL;
	return denied ? "run as root, or raise the limit (ulimit -r)"
		      : o->group_count ? "a group needs cpu.rt_runtime_us for that policy" : NULL;
}

void ss_spin_why(const struct ss_spin *spin, uint32_t index, char *text, size_t size)
{
	const struct ss_worker *w = &spin->workers[index];
	const char *help = remedy(w);
	char name[32];
	if (w->control)
		snprintf(name, sizeof name, "the control thread");
	else
		snprintf(name, sizeof name, "thread %u", index);
	snprintf(text, size, "%s could not get its %s: %s%s%s", name, w->lacks, strerror(-w->error), help ? "; remedy: " : "",
		 help ? help : "");
}
