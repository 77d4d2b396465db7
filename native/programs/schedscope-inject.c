/* schedscope-inject: steals known stretches of a CPU, so that what a detector says can be held against the truth. */
#include "../src/parent_guard.h"
#include "../src/text.h"
#include "../src/tsc.h"
#include "../src/tsc_clock.h"
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

static const char help[] =
	"schedscope-inject: a SCHED_FIFO thread that keeps one CPU for known stretches of time.\n"
	"\n"
	"usage: schedscope-inject --cpu N [OPTION]...      durations: 250us, 1.5ms, 2s; a bare number is ns\n"
	"\n"
	"      --cpu N          the CPU to steal\n"
	"      --windows N      how many windows (40)\n"
	"      --min D --max D  each is between these, drawn evenly (1ms, 8ms)\n"
	"      --pause-min D --pause-max D   and so far after the end of the one before (5ms, 20ms)\n"
	"      --seed N         of both (1)\n"
	"      --at LIST        instead: AFTER:LENGTH,AFTER:LENGTH,... with AFTER counted from the start\n"
	"      --delay D        before the first window (50ms)\n"
	"      --priority N     SCHED_FIFO priority 1..99 (50)\n"
	"      --comm NAME      name of the thread, at most 15 bytes (sched-inject)\n"
	"      --out FILE       write there, not to stdout\n"
	"      --parent PID     end when PID, which must be the parent, ends\n"
	"\n"
	"Prints JSON lines: first {\"type\":\"injector\"} with tid, cpu and the counter's frequency, then one {\"type\":\"window\"} each,\n"
	"with start and end as the thread itself saw them in counter ticks and ns of CLOCK_MONOTONIC, the length asked for, when it was due\n"
	"(its timer's interrupt takes the CPU then, the thread's first instruction comes a wake-up later) and how late it began; last\n"
	"{\"type\":\"end\"}. All lines are written after the last window, not between them.\n"
	"\n"
	"examples:\n"
	"  schedscope-inject --cpu 1 --windows 100 --min 200us --max 5ms --out truth.jsonl\n"
	"  schedscope-inject --cpu 1 --at 100ms:130ms        one window of 130 ms, 100 ms from now\n"
	"\n"
	"exit status: 0 done, 1 failed (SCHED_FIFO needs root, CAP_SYS_NICE or RLIMIT_RTPRIO), 2 wrong usage\n";

struct window {
	uint64_t after_ns; /* from the end of the one before, with --at from the start */
	uint64_t length_ns;
	uint64_t due_ns;
	uint64_t start_tsc, end_tsc, start_ns;
	uint32_t cpu;
};

struct options {
	uint64_t cpu, windows, min, max, pause_min, pause_max, seed, delay, priority, parent;
	const char *at, *out, *comm;
	int have_cpu;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t between(uint64_t *state, uint64_t from, uint64_t to)
{
	return from + (to > from ? next_random(state) % (to - from + 1) : 0);
}

static int usage(const char *name, const char *value)
{
	fprintf(stderr, "schedscope-inject: --%s: found \"%s\", not understood or out of range\nTry --help.\n", name, value);
	return 2;
}

static int parse(struct options *o, int argc, char **argv)
{
	enum { CPU = 256, WINDOWS, MIN, MAX, PAUSE_MIN, PAUSE_MAX, SEED, AT, DELAY, PRIORITY, COMM, OUT, PARENT };
	static const struct option names[] = {
		{"cpu", 1, 0, CPU}, {"windows", 1, 0, WINDOWS}, {"min", 1, 0, MIN}, {"max", 1, 0, MAX},
		{"pause-min", 1, 0, PAUSE_MIN}, {"pause-max", 1, 0, PAUSE_MAX}, {"seed", 1, 0, SEED}, {"at", 1, 0, AT},
		{"delay", 1, 0, DELAY}, {"priority", 1, 0, PRIORITY}, {"comm", 1, 0, COMM}, {"out", 1, 0, OUT},
		{"parent", 1, 0, PARENT}, {"help", 0, 0, 'h'}, {0, 0, 0, 0},
	};
	int key, index = 0, rc = 0;
	while ((key = getopt_long(argc, argv, "h", names, &index)) != -1) {
		switch (key) {
		case CPU: rc = ss_parse_number(optarg, CPU_SETSIZE - 1, &o->cpu); o->have_cpu = 1; break;
		case WINDOWS: rc = ss_parse_number(optarg, 1000000, &o->windows); break;
		case MIN: rc = ss_parse_duration(optarg, &o->min); break;
		case MAX: rc = ss_parse_duration(optarg, &o->max); break;
		case PAUSE_MIN: rc = ss_parse_duration(optarg, &o->pause_min); break;
		case PAUSE_MAX: rc = ss_parse_duration(optarg, &o->pause_max); break;
		case SEED: rc = ss_parse_number(optarg, UINT64_MAX, &o->seed); break;
		case AT: o->at = optarg; break;
		case DELAY: rc = ss_parse_duration(optarg, &o->delay); break;
		case PRIORITY: rc = ss_parse_number(optarg, 99, &o->priority); break;
		case COMM: o->comm = optarg; rc = strlen(optarg) > 15 ? -EINVAL : 0; break;
		case OUT: o->out = optarg; break;
		case PARENT: rc = ss_parse_number(optarg, INT32_MAX, &o->parent); break;
		case 'h': fputs(help, stdout); exit(0);
		default: fputs("Try --help.\n", stderr); return 2;
		}
		if (rc < 0)
			return usage(names[index].name, optarg);
	}
	if (!o->have_cpu) {
		fputs("schedscope-inject: --cpu is needed\nTry --help.\n", stderr);
		return 2;
	}
	return o->min > o->max ? usage("min", "more than --max") : o->pause_min > o->pause_max ? usage("pause-min", "more than --pause-max") : 0;
}

/* "100ms:5ms,200ms:1ms". Returns the number of windows or 0. */
static uint64_t parse_at(char *text, struct window **windows)
{
	uint64_t count = 0, capacity = 1;
	for (const char *c = text; *c; c++)
		capacity += *c == ',';
	*windows = calloc(capacity, sizeof **windows);
	for (char *save, *item = strtok_r(text, ",", &save); item && *windows; item = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(item, ':');
		if (!colon)
			return 0;
		*colon = 0;
		struct window *w = &(*windows)[count++];
		if (ss_parse_duration(item, &w->after_ns) || ss_parse_duration(colon + 1, &w->length_ns))
			return 0;
	}
	return count;
}

static void arm(int timer, uint64_t due_ns)
{
	struct itimerspec at = {.it_value = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)}};
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/*
 * Waits for the timer, then keeps the CPU. The timer of the next window is armed within this one, so that giving the CPU back is
 * nothing but going to sleep: programming a timer takes a virtual machine many microseconds.
 */
static void steal(struct window *w, int timer, const struct window *next, double ns_per_tick)
{
	uint64_t expirations;
	while (read(timer, &expirations, sizeof expirations) < 0 && errno == EINTR)
		;
	uint64_t now = w->start_tsc = ss_tsc_cpu(&w->cpu);
	uint64_t until = now + (uint64_t)((double)w->length_ns / ns_per_tick);
	struct ss_pair pair = ss_clock_pair(CLOCK_MONOTONIC, 4);
	w->start_ns = pair.ns - (uint64_t)((double)(pair.tsc - w->start_tsc) * ns_per_tick);
	if (next)
		arm(timer, next->due_ns ? next->due_ns : w->start_ns + w->length_ns + next->after_ns);
	while ((now = ss_tsc()) < until)
		;
	w->end_tsc = now;
}

int main(int argc, char **argv)
{
	struct options o = {.windows = 40, .min = 1000000, .max = 8000000, .pause_min = 5000000, .pause_max = 20000000,
			    .seed = 1, .delay = 50000000, .priority = 50, .comm = "sched-inject"};
	int rc = parse(&o, argc, argv);
	if (rc)
		return rc;
	if (o.parent && (rc = ss_die_with((pid_t)o.parent)) < 0) {
		fprintf(stderr, "schedscope-inject: --parent: %s\n", strerror(-rc));
		return 1;
	}
	struct window *windows;
	uint64_t count = o.windows, random = o.seed;
	if (o.at) {
		if (!(count = parse_at(strdup(o.at), &windows)))
			return usage("at", o.at);
	} else {
		windows = calloc(count ? count : 1, sizeof *windows);
		for (uint64_t i = 0; windows && i < count; i++) {
			windows[i].after_ns = between(&random, o.pause_min, o.pause_max);
			windows[i].length_ns = between(&random, o.min, o.max);
		}
	}
	FILE *out = o.out ? fopen(o.out, "we") : stdout;
	struct ss_tsc_info info;
	if (!windows || !out || (rc = ss_tsc_calibrate(&info, 2, 50000000, NULL, 0)) < 0) {
		fprintf(stderr, "schedscope-inject: %s: %s\n", o.out ? o.out : "start", strerror(rc ? -rc : errno));
		return 1;
	}
	cpu_set_t set, before;
	sched_getaffinity(0, sizeof before, &before);
	CPU_ZERO(&set);
	CPU_SET(o.cpu, &set);
	prctl(PR_SET_NAME, o.comm);
	prctl(PR_SET_TIMERSLACK, 1);
	mlockall(MCL_CURRENT);
	if (sched_setaffinity(0, sizeof set, &set) < 0) {
		fprintf(stderr, "schedscope-inject: cannot run on CPU %" PRIu64 ": %s\n", o.cpu, strerror(errno));
		return 1;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = (int)o.priority}) < 0) {
		fprintf(stderr, "schedscope-inject: SCHED_FIFO: %s; run as root or allow it: setcap cap_sys_nice+ep %s\n", strerror(errno),
			argv[0]);
		return 1;
	}
	double ns = 1e9 / info.hz;
	struct ss_pair begin = ss_clock_pair(CLOCK_MONOTONIC, 16);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	for (uint64_t i = 0; i < count && o.at; i++)
		windows[i].due_ns = begin.ns + windows[i].after_ns;
	if (count && !o.at)
		windows[0].due_ns = begin.ns + o.delay + windows[0].after_ns;
	if (count)
		arm(timer, windows[0].due_ns);
	for (uint64_t i = 0; i < count; i++) {
		struct window *w = &windows[i], *next = i + 1 < count ? w + 1 : NULL;
		steal(w, timer, next, ns);
		if (next && !next->due_ns)
			next->due_ns = w->start_ns + w->length_ns + next->after_ns;
	}
	/* The rest, printing and exiting, is to take nothing from anybody. */
	sched_setaffinity(0, sizeof before, &before);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	close(timer);
	fprintf(out, "{\"type\":\"injector\",\"schema\":\"schedscope-inject/1\",\"tid\":%d,\"comm\":\"%s\",\"cpu\":%" PRIu64 ",\"priority\":%" PRIu64
		",\"seed\":%" PRIu64 ",\"hz\":%.3f,\"residual_ppm\":%.3f,\"tsc\":%" PRIu64 ",\"mono_ns\":%" PRIu64 "}\n",
		(int)getpid(), o.comm, o.cpu, o.priority, o.seed, info.hz, info.residual_ppm, begin.tsc, begin.ns);
	for (uint64_t i = 0; i < count; i++) {
		const struct window *w = &windows[i];
		double length = (double)(w->end_tsc - w->start_tsc) * ns;
		fprintf(out, "{\"type\":\"window\",\"seq\":%" PRIu64 ",\"cpu\":%u,\"due_tsc\":%" PRIu64 ",\"start_tsc\":%" PRIu64 ",\"end_tsc\":%" PRIu64 ",\"start_ns\":%" PRIu64
			",\"end_ns\":%" PRIu64 ",\"dur_ns\":%.0f,\"asked_ns\":%" PRIu64 ",\"late_ns\":%" PRId64 "}\n",
			i, w->cpu, w->start_tsc - (uint64_t)(int64_t)((double)(int64_t)(w->start_ns - w->due_ns) / ns), w->start_tsc, w->end_tsc, w->start_ns, w->start_ns + (uint64_t)length, length, w->length_ns,
			(int64_t)(w->start_ns - w->due_ns));
	}
	fprintf(out, "{\"type\":\"end\",\"windows\":%" PRIu64 "}\n", count);
	return fclose(out) ? 1 : 0;
}
