#include "spin.h"
#include "text.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { O_BURST = 256, O_SLEEP, O_DURATION, O_THRESHOLD, O_MAX_GAP, O_SEED, O_CPUS, O_PIN, O_POLICY, O_NICE, O_SHM,
       O_TRACE, O_PARENT, O_JSON, O_GAPS, O_BRACKETS, O_BRACKET, O_BENCH, O_PAIRS, O_DUTY, O_GROUP, O_COOKIES, O_CONTROL, O_ON };

static const struct option names[] = {
	{"threads", required_argument, 0, 'n'},
	{"pairs", required_argument, 0, O_PAIRS},
	{"duty", required_argument, 0, O_DUTY},
	{"group", required_argument, 0, O_GROUP},
	{"cookies", optional_argument, 0, O_COOKIES},
	{"control", required_argument, 0, O_CONTROL},
	{"burst", required_argument, 0, O_BURST},
	{"max-sleep", required_argument, 0, O_SLEEP},
	{"duration", required_argument, 0, O_DURATION},
	{"threshold", required_argument, 0, O_THRESHOLD},
	{"max-gap", required_argument, 0, O_MAX_GAP},
	{"seed", required_argument, 0, O_SEED},
	{"cpus", required_argument, 0, O_CPUS},
	{"pin", no_argument, 0, O_PIN},
	{"on", required_argument, 0, O_ON},
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

/* "5ms:10ms" or "5ms:10ms:20ms": runtime, deadline and period of SCHED_DEADLINE. */
static int parse_deadline(struct ss_spin_options *o, const char *text)
{
	uint64_t *const to[] = {&o->runtime_ns, &o->deadline_ns, &o->period_ns};
	for (size_t i = 0; i < 3; i++) {
		char one[64];
		size_t n = strcspn(text, ":");
		if (!n || n >= sizeof one)
			return -EINVAL;
		memcpy(one, text, n);
		one[n] = 0;
		int rc = ss_parse_duration(one, to[i]);
		if (rc)
			return rc;
		text += n;
		if (!*text) {
			if (i == 1)
				o->period_ns = o->deadline_ns;
			else if (!i)
				return -EINVAL;
			break;
		}
		if (i == 2)
			return -EINVAL;
		text++;
	}
	/* What the kernel asks for: 1024 ns <= runtime <= deadline <= period. */
	if (o->runtime_ns < 1024 || o->runtime_ns > o->deadline_ns || o->deadline_ns > o->period_ns)
		return -ERANGE;
	o->policy = SS_POLICY_DEADLINE;
	return 0;
}

/* "3" or "0,5,-5": thread i gets the i-th, round and round. */
static int parse_nices(struct ss_spin_options *o, const char *text)
{
	o->nice_count = 0;
	for (;;) {
		uint64_t n;
		char one[16];
		int minus = *text == '-';
		text += minus;
		size_t length = strcspn(text, ",");
		if (!length || length >= sizeof one)
			return -EINVAL;
		memcpy(one, text, length);
		one[length] = 0;
		int rc = ss_parse_number(one, minus ? 20 : 19, &n);
		if (rc)
			return rc;
		if (o->nice_count == SS_MAX_NICES)
			return -ERANGE;
		o->nice[o->nice_count++] = minus ? -(int)n : (int)n;
		text += length;
		if (!*text)
			return 0;
		text++;
	}
}

/* "2,3,3": thread i gets the i-th, round and round; "-" is -1 where there may be none. */
static int parse_list(const char *text, int dash, int32_t *to, uint32_t *count)
{
	for (*count = 0;; text++) {
		char one[16];
		size_t n = strcspn(text, ",");
		uint64_t value = 0;
		if (!n || n >= sizeof one)
			return -EINVAL;
		memcpy(one, text, n);
		one[n] = 0;
		int none = dash && !strcmp(one, "-");
		int rc = none ? 0 : ss_parse_number(one, CPU_SETSIZE - 1, &value);
		if (rc)
			return rc;
		if (*count == SS_MAX_PLACES)
			return -ERANGE;
		to[(*count)++] = none ? -1 : (int32_t)value;
		text += n;
		if (!*text)
			return 0;
	}
}

/* "other", "batch", "idle", "fifo:10", "rr:10", "deadline:5ms:10ms:10ms". */
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
	if (!strncmp(text, "deadline:", 9))
		return parse_deadline(o, text + 9);
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
	case O_NICE: return parse_nices(o, text);
	case O_PAIRS:
		rc = ss_parse_number(text, SS_MAX_THREADS / 2, &n);
		o->threads = 2 * (uint32_t)n;
		return rc ? rc : n ? 0 : -ERANGE;
	case O_DUTY:
		rc = ss_parse_number(text, 100, &n);
		o->duty = (uint32_t)n;
		return rc ? rc : n ? 0 : -ERANGE;
	case O_GROUP:
		if (o->group_count == SS_MAX_GROUPS)
			return -ERANGE;
		return copy(o->groups[o->group_count++], SS_GROUP_PATH, text);
	case O_COOKIES:
		o->cookies = 1;
		return text ? parse_list(text, 1, o->trust, &o->trust_count) : 0;
	case O_ON: return parse_list(text, 0, (int32_t *)o->place, &o->place_count);
	case O_CONTROL:
		rc = ss_parse_number(text, CPU_SETSIZE - 1, &n);
		o->control_cpu = (uint32_t)n;
		o->have_control = 1;
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
	if (options->duty) /* burst / (burst + sleep), the same sleep for all */
		options->fixed_sleep_ns = (uint64_t)((double)options->burst_ns * (100 - options->duty) / options->duty);
	if (options->duty == 100)
		options->max_sleep_ns = 0;
	if (optind < argc) {
		snprintf(message, message_size, "unexpected argument \"%s\"", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
