#include "parent_guard.h"
#include "reflex.h"
#include <string.h>
#include <sys/signalfd.h>

static const char help[] =
	"schedscope-reflex: what a round of the scheduler costs when so many threads are runnable.\n"
	"\n"
	"Children stand in active sets; in each set one holds the token. Who holds it works for a while, and then either yields the\n"
	"CPU or hands the token to the next of its set through a pipe and blocks until it comes back. So as many threads are runnable as\n"
	"there are sets. Prints the wall time in us by the rounds of all children: one run, in threads of this process.\n"
	"\n"
	"usage: schedscope-reflex [OPTION]...\n"
	"\n"
	"  -c, --children N   children, an even number (40)\n"
	"  -a, --active N     active sets; divides the children (half of them). A set of one never blocks\n"
	"  -t, --time S       seconds (1); at least until one round is finished\n"
	"  -w, --weight W     percent of the rounds that end by handing on the token; the others yield (90)\n"
	"  -r, --round US     us of work in a round, calibrated as CPU time (0)\n"
	"  -o, --output N     1: words; 2: the line \"children,   sets,   us\"\n"
	"  -q, --quiet        nothing but the result\n"
	"      --cpus LIST    CPUs to run on, like 0,2-3 (as inherited)\n"
	"      --seed N       of the draws (5)\n"
	"      --loops X      steps of the work per us, as an earlier run reported it: no calibration\n"
	"      --parent PID   end when PID, which must be the parent, ends\n"
	"      --json         one JSON object with what each child did\n"
	"\n"
	"examples:\n"
	"  schedscope-reflex -c 80 -a 40 -w 90 -r 1 -o 2 -q     80,   40,   ...\n"
	"  schedscope-reflex -c 2 -a 1 -w 100                   two threads that wake each other\n"
	"  schedscope-reflex -c 16 -a 16                        sixteen threads that only yield\n"
	"\n"
	"exit status: 0 ran, 1 failed or was interrupted, 2 wrong usage, 3 more than the machine allows\n";

/* What makes the numbers mean something else than one may think. */
static void warn(const struct ss_reflex_options *o)
{
	cpu_set_t allowed;
	int cpus = 1;
	if (o->have_cpus)
		cpus = CPU_COUNT(&o->cpus);
	else if (!sched_getaffinity(0, sizeof allowed, &allowed))
		cpus = CPU_COUNT(&allowed);
	if (o->children == o->active)
		fprintf(stderr, "note: sets of one never block, so -w has no effect\n");
	if (o->active <= (uint32_t)cpus)
		fprintf(stderr, "note: %u active sets on %d CPUs leave nothing waiting: a yield has nobody to yield to\n", o->active, cpus);
}

int main(int argc, char **argv)
{
	static struct ss_reflex reflex;
	struct ss_reflex_options options;
	char message[512] = "";
	int rc = ss_reflex_parse(&options, argc, argv, message, sizeof message);
	if (rc > 0) {
		fputs(help, stdout);
		return 0;
	}
	if (rc < 0) {
		fprintf(stderr, "schedscope-reflex: %s\nTry --help.\n", message);
		return 2;
	}
	if (options.parent && (rc = ss_die_with(options.parent)) < 0) {
		fprintf(stderr, "schedscope-reflex: --parent %d: %s\n", options.parent, strerror(-rc));
		return 1;
	}
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	rc = ss_reflex_open(&reflex, &options, message, sizeof message);
	if (rc < 0) {
		fprintf(stderr, "schedscope-reflex: %s\n", message);
		return rc == -EAGAIN || rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM ? 3 : 1;
	}
	reflex.own_process = 1;
	reflex.signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!options.quiet && !options.json)
		warn(&options);
	rc = ss_reflex_run(&reflex);
	int idle = rc == 0 && ss_reflex_sum(&reflex).rounds == 0;
	if (rc < 0)
		fprintf(stderr, "schedscope-reflex: %s\n", reflex.message);
	else if (idle && !options.json)
		fprintf(stderr, "schedscope-reflex: no round was finished: take a longer time\n");
	else if (options.json)
		ss_reflex_json(stdout, &reflex);
	else
		ss_reflex_text(stdout, &reflex);
	int interrupted = atomic_load(&reflex.stop) == SS_REFLEX_SIGNAL;
	close(reflex.signal_fd);
	ss_reflex_close(&reflex);
	return rc == -EAGAIN ? 3 : rc < 0 || interrupted || (idle && !options.json);
}
