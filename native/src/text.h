/* Texts that people and other programs hand in. */
#ifndef SS_TEXT_H
#define SS_TEXT_H

#include <sched.h>
#include <stdint.h>

/* "250", "1.5ms", "2s" (ns us ms s m; none: ns) to ns. Returns 0 or -EINVAL, -ERANGE past 2^63. */
int ss_parse_duration(const char *text, uint64_t *ns);

/* A decimal number up to `max`. Returns 0, -EINVAL or -ERANGE. */
int ss_parse_number(const char *text, uint64_t max, uint64_t *value);

/* "0,2-3" to a set. Returns the number of CPUs, -EINVAL for other text or none, -ERANGE at CPU_SETSIZE. */
int ss_parse_cpus(const char *text, cpu_set_t *set);

#endif
