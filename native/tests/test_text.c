#include "check.h"
#include "text.h"
#include <errno.h>

int main(void)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t ns;
	} durations[] = {
		{"0", 0, 0}, {"250", 0, 250}, {"250ns", 0, 250}, {"1.5us", 0, 1500}, {"100ms", 0, 100000000}, {"2s", 0, 2000000000},
		{"1m", 0, 60000000000}, {"", -EINVAL, 0}, {"-1", -EINVAL, 0}, {"ms", -EINVAL, 0}, {"1h", -EINVAL, 0}, {"1 ms", -EINVAL, 0},
		{"1e30", -ERANGE, 0}, {"nan", -EINVAL, 0}, {"inf", -EINVAL, 0},
	};
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
		uint64_t ns = 0;
		int rc = ss_parse_duration(durations[i].text, &ns);
		CHECK(rc == durations[i].rc && (rc || ns == durations[i].ns), "\"%s\" gave %d, %llu", durations[i].text, rc,
		      (unsigned long long)ns);
	}
	static const struct {
		const char *text;
		int rc;
	} lists[] = {{"0", 1}, {"0,2-3", 3}, {"1-1", 1}, {"0-1023", 1024}, {"", -EINVAL}, {"1-", -EINVAL}, {"2-1", -EINVAL},
		     {"1,", -EINVAL}, {"a", -EINVAL}, {"1024", -ERANGE}, {"99999999999999999999", -ERANGE}};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		cpu_set_t set;
		int rc = ss_parse_cpus(lists[i].text, &set);
		CHECK(rc == lists[i].rc, "\"%s\" gave %d", lists[i].text, rc);
	}
	cpu_set_t set;
	ss_parse_cpus("1,5-6", &set);
	CHECK(!CPU_ISSET(0, &set) && CPU_ISSET(1, &set) && CPU_ISSET(5, &set) && CPU_ISSET(6, &set), "members of 1,5-6");
	uint64_t n;
	CHECK(ss_parse_number("18446744073709551615", UINT64_MAX, &n) == 0 && n == UINT64_MAX, "2^64 - 1");
	CHECK(ss_parse_number("18446744073709551616", UINT64_MAX, &n) == -ERANGE, "2^64");
	CHECK(ss_parse_number("12x", 100, &n) == -EINVAL, "12x");
	return 0;
}
