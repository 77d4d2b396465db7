#include "text.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ss_parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"", 1}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	char *end;
	errno = 0;
	double number = strtod(text, &end);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(end, units[i].name))
			continue;
		double value = number * units[i].ns;
		if (errno || value >= 9.2e18)
			return -ERANGE;
		*ns = (uint64_t)(value + 0.5);
		return 0;
	}
	return -EINVAL;
}

int ss_parse_number(const char *text, uint64_t max, uint64_t *value)
{
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

int ss_parse_cpus(const char *text, cpu_set_t *set)
{
	CPU_ZERO(set);
	for (const char *at = text;;) {
		char *end;
		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		unsigned long from = strtoul(at, &end, 10), to = from;
		if (*end == '-') {
			at = end + 1;
			if (!isdigit((unsigned char)*at))
				return -EINVAL;
			to = strtoul(at, &end, 10);
		}
		if (to < from)
			return -EINVAL;
		if (to >= CPU_SETSIZE)
			return -ERANGE;
		for (unsigned long cpu = from; cpu <= to; cpu++)
			CPU_SET(cpu, set);
		if (!*end)
			return CPU_COUNT(set);
		if (*end != ',')
			return -EINVAL;
		at = end + 1;
	}
}
