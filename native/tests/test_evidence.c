/* The counters grow with what the thread does. */
#include "check.h"
#include "evidence.h"
#include "spin_region.h"
#include <sched.h>
#include <time.h>

int main(void)
{
	struct ss_evidence_source source;
	struct ss_evidence a = {0}, b = {0};
	CHECK(ss_evidence_open(&source, 1) == 0, "open");
	CHECK(source.have & SS_EVIDENCE_RUSAGE, "rusage");
	ss_evidence_read(&source, &a);
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	uint64_t until = ss_thread_cpu_ns() + 5000000;
	while (ss_thread_cpu_ns() < until)
		;
	ss_evidence_read(&source, &b);
	CHECK(b.nvcsw > a.nvcsw, "a sleep is a voluntary switch: %llu, %llu", (unsigned long long)a.nvcsw, (unsigned long long)b.nvcsw);
	CHECK(b.cpu_ns - a.cpu_ns >= 5000000, "CPU time grew by %llu ns", (unsigned long long)(b.cpu_ns - a.cpu_ns));
	CHECK(b.mono_ns - a.mono_ns >= 7000000, "wall time grew by %llu ns", (unsigned long long)(b.mono_ns - a.mono_ns));
	CHECK(b.run_delay >= a.run_delay, "waiting cannot shrink");
	if (source.have & SS_EVIDENCE_STEAL)
		CHECK(ss_evidence_steal(&source, 0) < 60000000000ull, "steal since the last reading");
	CHECK(ss_evidence_steal(&source, 100000) == 0, "no such CPU");
	ss_evidence_close(&source);
	ss_evidence_close(&source);
	return 0;
}
