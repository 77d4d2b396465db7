#include "spin.h"
#include "text.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { O_BURST = 256, O_SLEEP, O_DURATION, O_THRESHOLD, O_MAX_GAP, O_SEED, O_CPUS, O_PIN, O_POLICY, O_NICE, O_SHM,
       O_TRACE, O_PARENT, O_JSON, O_GAPS, O_BRACKETS, O_BRACKET, O_BENCH };

static const struct option names[] = {
	{"threads", required_argument, 0, 'n'},
	{"burst", required_argument, 0, O_BURST},
	{"max-sleep", required_argument, 0, O_SLEEP},
	{"duration", required_argument, 0, O_DURATION},
	{"threshold", required_argument, 0, O_THRESHOLD},
	{"max-gap", required_argument, 0, O_MAX_GAP},
	{"seed", required_argument, 0, O_SEED},
	{"cpus", required_argument, 0, O_CPUS},
	{"pin", no_argument, 0, O_PIN},
	{"policy", required_argument, 0, O_POLICY},
	{"nice", required_argument, 0, O_NICE},
	{"shm", required_argument, 0, O_SHM},
	{"trace", required_argument, 0, O_TRACE},
	{"parent", required_argument, 0, O_PARENT},
	{"json", no_argument, 0, O_JSON},
	{"gaps", required_argument, 0, O_GAPS},
	{"brackets", required_argument, 0, O_BRACKETS},
	{"bracket", required_argument, 0, O_BRACKET},
	{"bench-loop", no_argument, 0, O_BENCH},
	{"help", no_argument, 0, 'h'},
	{0, 0, 0, 0},
};

/* "other", "batch", "idle", "fifo:10", "rr:10". */
static int parse_policy(struct ss_spin_options *o, const char *text)
{
	static const struct {
		const char *name;
		int policy;
	} fair[] = {{"other", SCHED_OTHER}, {"batch", SCHED_BATCH}, {"idle", SCHED_IDLE}};
	uint64_t priority;
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(text, fair[i].name)) {
			o->policy = fair[i].policy;
			return 0;
		}
	const char *colon = strchr(text, ':');
	if (!colon || ss_parse_number(colon + 1, 98, &priority) || !priority)
		return -EINVAL;
	if (!strncmp(text, "fifo:", 5))
		o->policy = SCHED_FIFO;
	else if (!strncmp(text, "rr:", 3))
		o->policy = SCHED_RR;
	else
		return -EINVAL;
	o->priority = (int)priority;
	return 0;
}

static int copy(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);
	if (!n)
		return -EINVAL;
	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(to, from, n + 1);
	return 0;
}

static int parse_one(struct ss_spin_options *o, int key, const char *text)
{
	uint64_t n = 0;
	int rc;
	switch (key) {
	case 'n':
		rc = ss_parse_number(text, SS_MAX_THREADS, &n);
		o->threads = (uint32_t)n;
		return rc ? rc : n ? 0 : -ERANGE;
	case O_BURST:
		rc = ss_parse_duration(text, &o->burst_ns);
		return rc ? rc : o->burst_ns ? 0 : -ERANGE;
	case O_SLEEP: return ss_parse_duration(text, &o->max_sleep_ns);
	case O_DURATION: return ss_parse_duration(text, &o->duration_ns);
	case O_THRESHOLD:
		rc = ss_parse_duration(text, &o->threshold_ns);
		return rc ? rc : o->threshold_ns >= 1000 ? 0 : -ERANGE;
	case O_MAX_GAP: return ss_parse_duration(text, &o->max_gap_ns);
	case O_SEED: return ss_parse_number(text, UINT64_MAX, &o->seed);
	case O_CPUS:
		rc = ss_parse_cpus(text, &o->cpus);
		o->have_cpus = 1;
		return rc < 0 ? rc : 0;
	case O_PIN: o->pin = 1; return 0;
	case O_POLICY: return parse_policy(o, text);
	case O_NICE:
		rc = ss_parse_number(text + (*text == '-'), 20, &n);
		o->nice = *text == '-' ? -(int)n : (int)n;
		o->have_nice = 1;
		return rc;
	case O_SHM: return copy(o->shm, sizeof o->shm, text);
	case O_TRACE: return copy(o->trace, sizeof o->trace, text);
	case O_PARENT:
		rc = ss_parse_number(text, INT32_MAX, &n);
		o->parent = (int32_t)n;
		return rc;
	case O_JSON: o->json = 1; return 0;
	case O_GAPS:
		rc = ss_parse_number(text, 1u << 20, &n);
		o->gap_capacity = (uint32_t)n;
		return rc ? rc : n >= 2 ? 0 : -ERANGE;
	case O_BRACKETS:
		rc = ss_parse_number(text, 32, &n);
		o->brackets = (uint32_t)n;
		return rc ? rc : n ? 0 : -ERANGE;
	case O_BRACKET:
		rc = ss_parse_duration(text, &o->bracket_ns);
		return rc ? rc : o->bracket_ns >= 1000000 ? 0 : -ERANGE;
	case O_BENCH: o->bench_loop = 1; return 0;
	default: return -EINVAL;
	}
}

int ss_spin_parse(struct ss_spin_options *options, int argc, char **argv, char *message, size_t message_size)
{
	*options = (struct ss_spin_options){
		.threads = 16, .burst_ns = 1000000000, .max_sleep_ns = 1000000000, .threshold_ns = 100000,
		.max_gap_ns = 100000000, .seed = 5, .gap_capacity = 4096, .brackets = 3, .bracket_ns = 100000000,
		.policy = -1,
	};
	optind = 0; /* glibc: start anew, so that one process can parse more than once */
	opterr = 0;
	int key, index = -1;
	while ((key = getopt_long(argc, argv, ":n:h", names, &index)) != -1) {
		if (key == 'h')
			return 1;
		if (key == '?' || key == ':') {
			snprintf(message, message_size, key == ':' ? "%s needs a value" : "unknown option %s",
				 argv[optind - 1]);
			return -EINVAL;
		}
		int rc = parse_one(options, key, optarg);
		if (rc < 0) {
			snprintf(message, message_size, "--%s: found \"%s\", %s", index < 0 ? "threads" : names[index].name,
				 optarg ? optarg : "", rc == -ERANGE ? "out of range" : rc == -ENAMETOOLONG ? "too long" : "not understood");
			return rc;
		}
		index = -1;
	}
	if (optind < argc) {
		snprintf(message, message_size, "unexpected argument \"%s\"", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
