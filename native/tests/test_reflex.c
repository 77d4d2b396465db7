/* The reflex core: its options, its arithmetic, its stop, and what it leaves behind. */
#include "check.h"
#include "evidence.h"
#include "reflex.h"
#include "schedscope.h"
#include "spin_region.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct ss_reflex reflex = {.wake_fd = -1};

/* Entries of a directory of /proc/self. */
static int entries(const char *path)
{
	int n = 0;
	DIR *directory = opendir(path);
	CHECK(directory, "%s", path);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static struct ss_reflex_sums run(int argc, char **argv)
{
	struct ss_reflex_options options;
	char message[256] = "";
	CHECK(ss_reflex_parse(&options, argc, argv, message, sizeof message) == 0, "%s", message);
	struct ss_reflex_sums s = {0};
	/* Beside neighbours that leave a hundredth of the CPUs, it takes longer. */
	for (int attempt = 0; attempt < 5 && s.rounds < 500; attempt++, options.duration_ns *= 4) {
		ss_reflex_close(&reflex);
		CHECK(ss_reflex_open(&reflex, &options, message, sizeof message) == 0, "%s", message);
		CHECK(ss_reflex_run(&reflex) == 0, "%s", reflex.message);
		s = ss_reflex_sum(&reflex);
	}
	CHECK(s.rounds > 0 && s.rounds == s.yields + s.passes, "%llu rounds", (unsigned long long)s.rounds);
	double wall = (double)(reflex.stop_ns - reflex.start_ns) / 1e3;
	CHECK(s.us_per_round > wall / (double)s.rounds * 0.999 && s.us_per_round < wall / (double)s.rounds * 1.001, "%f", s.us_per_round);
	return s;
}
#define RUN(...) \
	run((int)(sizeof((char *[]){"reflex", __VA_ARGS__}) / sizeof(char *)), (char *[]){"reflex", __VA_ARGS__})

static void options(void)
{
	static const struct {
		char *argv[6];
		const char *says;
	} wrong[] = {
		{{"reflex", "-c", "3"}, "an even number of children"}, {{"reflex", "-c", "0"}, "an even number"},
		{{"reflex", "-a", "50"}, "-a must divide -c"},	       {{"reflex", "-c", "8", "-a", "3"}, "-a must divide -c"},
		{{"reflex", "-a", "0"}, "active sets"},		       {{"reflex", "-w", "101"}, "0 to 100"},
		{{"reflex", "-w", "-1"}, "0 to 100"},		       {{"reflex", "-r", "-1"}, "us of work"},
		{{"reflex", "-r", "nan"}, "us of work"},	       {{"reflex", "-t", "0"}, "seconds"},
		{{"reflex", "-t", "1x"}, "seconds"},		       {{"reflex", "-o", "3"}, "1 or 2"},
		{{"reflex", "--cpus", "z"}, "CPUs"},		       {{"reflex", "--nope"}, "unknown option --nope"},
		{{"reflex", "-c"}, "needs a value"},		       {{"reflex", "stray"}, "unexpected argument"},
	};
	struct ss_reflex_options o;
	char message[256];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int argc = 0;
		while (argc < 6 && wrong[i].argv[argc])
			argc++;
		CHECK(ss_reflex_parse(&o, argc, (char **)wrong[i].argv, message, sizeof message) < 0, "%s", wrong[i].argv[1]);
		CHECK(strstr(message, wrong[i].says), "\"%s\" does not say \"%s\"", message, wrong[i].says);
	}
	CHECK(ss_reflex_parse(&o, 1, (char *[]){"reflex"}, message, sizeof message) == 0, "%s", message);
	CHECK(o.children == 40 && o.active == 20 && o.weight == 90 && o.duration_ns == 1000000000, "defaults");
	CHECK(ss_reflex_parse(&o, 3, (char *[]){"reflex", "-c", "6"}, message, sizeof message) == 0 && o.active == 3, "half of them");
}

/* What each weight means, whatever the machine does. */
static void weights(void)
{
	struct ss_reflex_sums s = RUN("-c", "8", "-a", "4", "-w", "100", "-t", "0.1");
	CHECK(s.yields == 0, "%llu yields", (unsigned long long)s.yields);
	ss_reflex_close(&reflex);
	s = RUN("-c", "8", "-a", "4", "-w", "0", "-t", "0.1");
	CHECK(s.passes == 0 && s.nvcsw <= 8, "%llu passes, %llu blocks", (unsigned long long)s.passes, (unsigned long long)s.nvcsw);
	for (uint32_t i = 4; i < 8; i++)
		CHECK(reflex.children[i].rounds == 0, "child %u never had the token", i);
	ss_reflex_close(&reflex);
	s = RUN("-c", "4", "-a", "4", "-w", "100", "-t", "0.05");
	CHECK(s.passes == 0, "a set of one never blocks: %llu", (unsigned long long)s.passes);
	ss_reflex_close(&reflex);
	s = RUN("-c", "16", "-a", "8", "-w", "75", "-t", "0.3");
	double share = (double)s.passes / (double)s.rounds;
	/* Drawn: within five standard deviations. */
	CHECK((share - 0.75) * (share - 0.75) * (double)s.rounds < 25 * 0.75 * 0.25 + 1, "%f of %llu rounds pass", share,
	      (unsigned long long)s.rounds);
	/* A block that was not asked for: only its reading of the counters may sleep, once or twice a child. */
	CHECK(s.nvcsw <= s.passes + 16 * 4, "%llu blocks of %llu", (unsigned long long)s.nvcsw, (unsigned long long)s.passes);
	FILE *null = fopen("/dev/null", "w");
	ss_reflex_json(null, &reflex);
	ss_reflex_text(null, &reflex);
	fclose(null);
	ss_reflex_close(&reflex);
}

/* In a ring of one token nobody can pass twice while another has not passed once. */
static void rings(void)
{
	RUN("-c", "12", "-a", "3", "-w", "60", "-t", "0.1");
	for (uint32_t set = 0; set < 3; set++) {
		uint64_t least = UINT64_MAX, most = 0;
		for (uint32_t i = set; i < 12; i += 3) {
			uint64_t passes = reflex.children[i].passes;
			least = passes < least ? passes : least;
			most = passes > most ? passes : most;
		}
		CHECK(most - least <= 1, "set %u: %llu to %llu", set, (unsigned long long)least, (unsigned long long)most);
	}
	ss_reflex_close(&reflex);
}

static void *stop_soon(void *unused)
{
	(void)unused;
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	ss_reflex_stop(&reflex, SS_REFLEX_SIGNAL);
	return NULL;
}

/* A stop from outside frees the readers, and nothing stays. */
static void stops(void)
{
	int files = entries("/proc/self/fd"), threads = entries("/proc/self/task");
	struct ss_reflex_options o;
	char message[256];
	char *argv[] = {"reflex", "-c", "64", "-a", "2", "-w", "50", "-t", "1000"};
	CHECK(ss_reflex_parse(&o, 9, argv, message, sizeof message) == 0, "%s", message);
	CHECK(ss_reflex_open(&reflex, &o, message, sizeof message) == 0, "%s", message);
	pthread_t stopper;
	pthread_create(&stopper, NULL, stop_soon, NULL);
	CHECK(ss_reflex_run(&reflex) == 0, "%s", reflex.message);
	pthread_join(stopper, NULL);
	CHECK(reflex.stop == SS_REFLEX_SIGNAL, "reason %u", reflex.stop);
	CHECK(reflex.stop_ns - reflex.start_ns < 500000000000u, "it did not run to its end");
	ss_reflex_close(&reflex);
	/* The kernel takes a joined thread out of /proc a moment later. */
	for (int i = 0; i < 1000 && entries("/proc/self/task") > threads; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	CHECK(entries("/proc/self/fd") == files && entries("/proc/self/task") == threads, "files and threads are as before");
}

/* Past a limit there is one sentence, and nothing was started. */
static void limits(void)
{
	pid_t child = fork();
	if (child == 0) {
		struct ss_reflex_options o;
		char message[256] = "";
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){200, 200});
		char *argv[] = {"reflex", "-c", "400"};
		ss_reflex_parse(&o, 3, argv, message, sizeof message);
		_exit(ss_reflex_open(&reflex, &o, message, sizeof message) != -EMFILE || !strstr(message, "open files"));
	}
	int status = -1;
	CHECK(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* 50 us of work take 50 us of the thread's CPU time; what disturbs the machine only makes single rounds longer, so the middle one counts. */
static void calibration(void)
{
	double found = 0;
	for (int attempt = 0; attempt < 6; attempt++) {
		static double took[400];
		uint64_t loops = (uint64_t)(50 * ss_reflex_calibrate()), state = 1;
		for (int i = 0; i < 400; i++) {
			uint64_t from = ss_thread_cpu_ns();
			state = ss_reflex_work(loops, state);
			took[i] = (double)(ss_thread_cpu_ns() - from) / 1e3;
		}
		qsort(took, 400, sizeof *took, by_value);
		found = took[200];
		if (found > 49 && found < 51)
			return;
	}
	CHECK(found > 40 && found < 75, "50 us of work took %f us", found);
	fprintf(stderr, "note: 50 us of work took %.2f us of CPU time: this machine has no steady speed\n", found);
}

static void abi(void)
{
	static const uint8_t args[] = "-c\0" "4\0" "-a\0" "2\0" "-t\0" "0.05", odd[] = "-c\0" "3";
	uint8_t message[256], text[8192];
	CHECK(schedscope_reflex_open(odd, sizeof odd, message, sizeof message) == -ERANGE, "odd");
	CHECK(strstr((char *)message, "even"), "%s", message);
	int handle = schedscope_reflex_open(args, sizeof args, message, sizeof message);
	CHECK(handle >= 0, "%d %s", handle, message);
	CHECK(schedscope_reflex_result(handle, text, sizeof text) == -EALREADY, "before the run");
	CHECK(schedscope_reflex_run(handle) == 0, "run");
	CHECK(schedscope_reflex_run(handle) == -EALREADY, "once");
	int length = schedscope_reflex_result(handle, text, 10);
	CHECK(length > 10 && length < (int)sizeof text, "%d", length);
	CHECK(schedscope_reflex_result(handle, text, sizeof text) == length && text[0] == '{' && text[length - 2] == '}', "JSON");
	CHECK(schedscope_reflex_stop(handle) == 0 && schedscope_reflex_close(handle) == 0, "close");
	CHECK(schedscope_reflex_close(handle) == -EBADF && schedscope_reflex_stop(99) == -EBADF, "closed");
}

int main(void)
{
	options();
	weights();
	rings();
	stops();
	limits();
	calibration();
	abi();
	return 0;
}
