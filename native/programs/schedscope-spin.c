/* schedscope-spin: the spin core as a program. */
#include "parent_guard.h"
#include "spin.h"
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

static const char help[] =
	"schedscope-spin: finds the moments in which threads that wanted to run did not.\n"
	"\n"
	"Each thread watches the cycle counter for a burst, then sleeps, again and again. A jump of the counter is a gap of\n"
	"kind run; a late wake-up is a gap of kind wake. Ends at the first gap over --max-gap, after --duration, or by ^C.\n"
	"\n"
	"usage: schedscope-spin [OPTION]...      durations: 250us, 1.5ms, 2s, 1m; a bare number is ns\n"
	"\n"
	"  -n, --threads N      measuring threads (16; a pair stands for a VM with two vCPUs)\n"
	"      --pairs N        the same as --threads 2N: threads 2i and 2i+1 are pair i\n"
	"      --burst D        how long a thread spins (1s)\n"
	"      --max-sleep D    each thread sleeps its own random time below D between bursts (1s; 0: never)\n"
	"      --duty P         instead: each sleeps so long that it spins P percent of the time\n"
	"      --seed N         of those times (5)\n"
	"      --duration D     end after D (0: run until a gap over --max-gap or a signal)\n"
	"      --threshold D    a gap is listed from D on (100us; at least 1us)\n"
	"      --max-gap D      stop at the first gap over D (100ms; 0: never)\n"
	"      --gaps N         places in each thread's list (4096): the newest and the longest, all are counted\n"
	"      --cpus LIST      CPUs to run on, like 0,2-3 (as inherited)\n"
	"      --pin            thread i only on the i-th of these CPUs, round and round\n"
	"      --on C[,C...]    instead: thread i only on the i-th of these, round and round\n"
	"      --policy P       other, batch, idle, fifo:PRIO, rr:PRIO or deadline:RUNTIME:DEADLINE:PERIOD (as inherited)\n"
	"      --nice N[,N...]  -20..19, thread i the i-th of them, round and round (as inherited)\n"
	"      --group DIR      cgroup with the cpu controller; given more than once: thread i into the i-th, round and round\n"
	"      --cookies[=LIST] each pair gets a core-scheduling cookie of its own, or, by a list like 0,1,1,-, the threads with the same\n"
	"                       number one together and those with - none; where the kernel has none, that is reported\n"
	"      --control CPU    one more thread watches this idle CPU: what it sees too befell the whole machine\n"
	"      --trace DIR      tracefs instance: at the stop its marker is written and its tracing_on set to 0\n"
	"      --brackets N     calibration brackets (3), --bracket D each (100ms)\n"
	"      --shm FILE       put the results into this existing file, best in /dev/shm; layout: spin_region.h\n"
	"      --parent PID     end when PID, which must be the parent, ends\n"
	"      --json           print the whole result as one JSON object, the lines go to stderr\n"
	"      --bench-loop     only measure the sampling loop against a bare one\n"
	"\n"
	"examples:\n"
	"  schedscope-spin                                   16 threads until something takes more than 100 ms\n"
	"  schedscope-spin --duration 10s --max-gap 0        ten seconds, whatever happens\n"
	"  schedscope-spin -n 2 --pin --cpus 2-3 --max-sleep 0 --threshold 5us --duration 5s --json > gaps.json\n"
	"                                                    interrupts and other noise of CPUs 2 and 3\n"
	"  mkdir /sys/kernel/tracing/instances/spin && cd /sys/kernel/tracing/instances/spin &&\n"
	"    echo mono > trace_clock && echo 1 > events/sched/enable && schedscope-spin --trace $PWD && tail trace\n"
	"                                                    what the scheduler did before the first gap over 100 ms\n"
	"\n"
	"exit status: 0 ran, 1 failed, 2 wrong usage, 3 the machine lacks something or does not allow it\n";

/* The seed's words at the stop. */
static void say_stop(FILE *out, const struct ss_region *r)
{
	if (r->stop_reason != SS_STOP_MAXGAP || r->stop_thread < 0)
		return;
	const struct ss_thread *b = ss_region_thread(r, (uint32_t)r->stop_thread);
	const struct ss_gap *g = (const struct ss_gap *)ss_thread_at(b, r->gaps_offset) + r->stop_gap;
	fprintf(out, "diff: %.0fms\nTID: %d\nTSC: %" PRIu64 " - %" PRIu64 "\n",
		(double)(g->end_tsc - g->start_tsc) * 1e3 / r->hz, g->tid, g->start_tsc, g->end_tsc);
}

int main(int argc, char **argv)
{
	static struct ss_spin spin;
	struct ss_spin_options options;
	char message[512] = "";
	int rc = ss_spin_parse(&options, argc, argv, message, sizeof message);
	if (rc > 0) {
		fputs(help, stdout);
		return 0;
	}
	if (rc < 0) {
		fprintf(stderr, "schedscope-spin: %s\nTry --help.\n", message);
		return 2;
	}
	if (options.bench_loop)
		return ss_loop_bench(stdout) < 0;
	if (options.parent && (rc = ss_die_with(options.parent)) < 0) {
		fprintf(stderr, "schedscope-spin: --parent %d: %s\n", options.parent, strerror(-rc));
		return 1;
	}
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	rc = ss_spin_open(&spin, &options, message, sizeof message);
	if (rc < 0) {
		fprintf(stderr, "schedscope-spin: %s\n", message);
		return 1;
	}
	spin.signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	spin.lines = options.json ? stderr : stdout;
	setvbuf(stdout, NULL, options.json ? _IOFBF : _IOLBF, 1 << 16);
	mlockall(MCL_CURRENT);
	rc = ss_spin_run(&spin);
	if (rc < 0) {
		fprintf(stderr, "schedscope-spin: %s\n", spin.region->message);
	} else {
		say_stop(spin.lines, spin.region);
		if (options.json)
			ss_spin_json(stdout, spin.region);
		else if (!options.shm[0])
			ss_spin_text(stdout, spin.region);
	}
	close(spin.signal_fd);
	ss_spin_close(&spin);
	return rc >= 0 ? 0 : ss_spin_lacking(rc) ? 3 : 1;
}
