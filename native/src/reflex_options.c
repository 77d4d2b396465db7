#include "reflex.h"
#include "text.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { O_SEED = 256, O_CPUS, O_PARENT, O_JSON, O_LOOPS };

static const struct option names[] = {
	{"children", required_argument, 0, 'c'}, {"active", required_argument, 0, 'a'}, {"time", required_argument, 0, 't'},
	{"weight", required_argument, 0, 'w'},	 {"round", required_argument, 0, 'r'},	{"output", required_argument, 0, 'o'},
	{"quiet", no_argument, 0, 'q'},		 {"seed", required_argument, 0, O_SEED}, {"cpus", required_argument, 0, O_CPUS},
	{"parent", required_argument, 0, O_PARENT}, {"json", no_argument, 0, O_JSON},	{"loops", required_argument, 0, O_LOOPS},
	{"help", no_argument, 0, 'h'},		 {0, 0, 0, 0},
};

/* A decimal number of at least `low` and at most `high`. Returns 0, -EINVAL or -ERANGE. */
static int parse_real(const char *text, double low, double high, double *value)
{
	char *end;
	if (!*text || !strchr("+-.0123456789", *text))
		return -EINVAL;
	*value = strtod(text, &end);
	if (*end || !isfinite(*value))
		return -EINVAL;
	return *value < low || *value > high ? -ERANGE : 0;
}

/* As ss_parse_number, but a negative number is out of range and not nonsense. */
static int parse_count(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
	double number;
	int rc = ss_parse_number(text, high, value);
	if (rc == -EINVAL && *text == '-' && parse_real(text, -1e300, 1e300, &number) == 0)
		return -ERANGE;
	return rc ? rc : *value < low ? -ERANGE : 0;
}

/* Parses the value of one option; *expected says what it had to be. */
static int parse_one(struct ss_reflex_options *o, int key, const char *text, const char **expected)
{
	uint64_t n = 0;
	double x = 0;
	int rc;
	switch (key) {
	case 'c':
		*expected = "an even number of children from 2 to 1000000";
		rc = parse_count(text, 2, SS_REFLEX_MAX_CHILDREN, &n);
		o->children = (uint32_t)n;
		return rc ? rc : n % 2 ? -ERANGE : 0;
	case 'a':
		*expected = "a number of active sets from 1 to the number of children";
		rc = parse_count(text, 1, SS_REFLEX_MAX_CHILDREN, &n);
		o->active = (uint32_t)n;
		return rc;
	case 't':
		*expected = "seconds from 0.001 to 1000000";
		rc = parse_real(text, 1e-3, 1e6, &x);
		o->duration_ns = (uint64_t)(x * 1e9 + 0.5);
		return rc;
	case 'w':
		*expected = "a percentage from 0 to 100";
		rc = parse_count(text, 0, 100, &n);
		o->weight = (uint32_t)n;
		return rc;
	case 'r':
		*expected = "us of work from 0 to 10000000";
		return parse_real(text, 0, 1e7, &o->compute_us);
	case 'o':
		*expected = "1 or 2";
		rc = parse_count(text, 1, 2, &n);
		o->output = (uint32_t)n;
		return rc;
	case 'q': o->quiet = 1; return 0;
	case O_SEED: *expected = "a whole number"; return ss_parse_number(text, UINT64_MAX, &o->seed);
	case O_CPUS:
		*expected = "CPUs such as 0,2-3";
		rc = ss_parse_cpus(text, &o->cpus);
		o->have_cpus = 1;
		return rc < 0 ? rc : 0;
	case O_PARENT:
		*expected = "the id of the parent process";
		rc = ss_parse_number(text, INT32_MAX, &n);
		o->parent = (int32_t)n;
		return rc;
	case O_JSON: o->json = 1; return 0;
	case O_LOOPS: *expected = "steps of the work per us, over 0"; return parse_real(text, 1e-3, 1e9, &o->loops_per_us);
	default: *expected = ""; return -EINVAL;
	}
}

int ss_reflex_parse(struct ss_reflex_options *options, int argc, char **argv, char *message, size_t message_size)
{
	*options = (struct ss_reflex_options){
		.children = 40, .active = 20, .weight = 90, .duration_ns = 1000000000, .output = 1, .seed = 5,
	};
	optind = 0; /* glibc: start anew, so that one process can parse more than once */
	opterr = 0;
	int key, index = -1, have_active = 0;
	while ((key = getopt_long(argc, argv, ":c:a:t:w:r:o:qh", names, &index)) != -1) {
		if (key == 'h')
			return 1;
		if (key == '?' || key == ':') {
			snprintf(message, message_size, key == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
			return -EINVAL;
		}
		const char *expected = "";
		int rc = parse_one(options, key, optarg, &expected);
		if (rc < 0) {
			char letter[2] = {(char)key, 0};
			snprintf(message, message_size, "expected %s%s to be %s but found \"%s\"", index < 0 ? "-" : "--",
				 index < 0 ? letter : names[index].name, expected, optarg ? optarg : "");
			return rc;
		}
		have_active |= key == 'a';
		index = -1;
	}
	if (optind < argc) {
		snprintf(message, message_size, "unexpected argument \"%s\"", argv[optind]);
		return -EINVAL;
	}
	if (!have_active)
		options->active = options->children / 2;
	if (options->active > options->children || options->children % options->active) {
		snprintf(message, message_size, "%u children cannot stand in %u active sets of equal size: -a must divide -c", options->children,
			 options->active);
		return -ERANGE;
	}
	return 0;
}
