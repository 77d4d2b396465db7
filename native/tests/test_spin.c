/* A short run: its sums hold together, its layout is what the header says, and its stops do what they should. */
#include "check.h"
#include "histogram.h"
#include "spin.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct ss_spin spin;

static void run(int argc, char **argv)
{
	struct ss_spin_options options;
	char message[256] = "";
	int rc = ss_spin_parse(&options, argc, argv, message, sizeof message);
	CHECK(rc == 0, "%s", message);
	rc = ss_spin_open(&spin, &options, message, sizeof message);
	CHECK(rc == 0, "%s", message);
	rc = ss_spin_run(&spin);
	CHECK(rc == 0, "%s", spin.region->message);
	CHECK(spin.region->state == SS_DONE, "state %u", spin.region->state);
}

static uint64_t sum(const uint64_t *counts, uint32_t n)
{
	uint64_t total = 0;
	while (n--)
		total += counts[n];
	return total;
}

static void sums(void)
{
	const struct ss_region *r = spin.region;
	double ns = 1e9 / r->hz;
	for (uint32_t i = 0; i < r->threads; i++) {
		const struct ss_thread *b = ss_region_thread(r, i);
		const uint64_t *fast = ss_thread_at(b, r->fast_offset), *hist = ss_thread_at(b, r->run_offset);
		const struct ss_gap *gaps = ss_thread_at(b, r->gaps_offset);
		CHECK(((uintptr_t)b & 127) == 0 && (b->seq & 1) == 0, "block %u", i);
		CHECK(b->state == SS_THREAD_DONE && b->bursts >= 1, "thread %u: state %u, %llu bursts", i, b->state,
		      (unsigned long long)b->bursts);
		CHECK(sum(fast, r->fast_len) > 1000, "thread %u sampled", i);
		CHECK(sum(hist, r->hist_len) == b->stall_count, "thread %u: stalls", i);
		/* Samples and stalls fill the bursts but for the bookkeeping. */
		double counted = (double)b->stall_ticks + (double)b->record_ticks;
		for (uint32_t v = 0; v < r->fast_len; v++)
			counted += (double)v * (double)fast[v];
		CHECK(counted > 0.97 * (double)b->wall_ticks && counted < 1.03 * (double)b->wall_ticks, "thread %u: %.0f of %llu ticks", i,
		      counted, (unsigned long long)b->wall_ticks);
		CHECK(b->gap_count + b->overflow >= b->run_count + b->wake_count, "thread %u: %llu listed", i,
		      (unsigned long long)b->gap_count);
		CHECK(b->gap_count < r->gap_capacity, "the list is not full");
		for (uint64_t k = 0; k < b->gap_count; k++) {
			const struct ss_gap *g = &gaps[k];
			CHECK(g->end_tsc - g->start_tsc >= r->threshold_ticks, "gap %llu is long enough", (unsigned long long)k);
			CHECK(!k || g->start_tsc >= gaps[k - 1].end_tsc || g->kind == SS_KIND_WAKE, "gap %llu is in order", (unsigned long long)k);
			double wall = (double)(g->end_ns - g->start_ns), ticks = (double)(g->end_tsc - g->start_tsc) * ns;
			CHECK(wall > ticks - 50 && wall < ticks + 50, "gap %llu: %f ns, %f ns by ticks", (unsigned long long)k, wall, ticks);
			CHECK(g->tid == b->tid && g->thread == i, "gap %llu is its thread's", (unsigned long long)k);
		}
	}
}

int main(void)
{
	char *plain[] = {"spin", "-n", "3", "--burst", "50ms", "--max-sleep", "20ms", "--duration", "300ms", "--threshold", "20us",
			 "--max-gap", "0", "--brackets", "2", "--bracket", "20ms"};
	run(sizeof plain / sizeof *plain, plain);
	CHECK(spin.region->stop_reason == SS_STOP_DURATION, "reason %u", spin.region->stop_reason);
	CHECK(spin.region->magic == SS_REGION_MAGIC && !memcmp(&spin.region->magic, "SCHSPIN1", 8), "magic");
	sums();
	FILE *null = fopen("/dev/null", "w");
	ss_spin_json(null, spin.region);
	ss_spin_text(null, spin.region);
	fclose(null);
	ss_spin_close(&spin);

	/* 20 threads on one CPU: some thread soon waits more than 2 ms, and one alone is elected. */
	char *crowd[] = {"spin", "-n", "20", "--cpus", "0", "--max-gap", "2ms", "--gaps", "2", "--brackets", "1", "--bracket", "5ms"};
	run(sizeof crowd / sizeof *crowd, crowd);
	CHECK(spin.region->stop_reason == SS_STOP_MAXGAP, "reason %u", spin.region->stop_reason);
	CHECK(spin.region->stop_thread >= 0 && spin.region->stop_gap >= 0, "elected %d", spin.region->stop_thread);
	const struct ss_thread *b = ss_region_thread(spin.region, (uint32_t)spin.region->stop_thread);
	const struct ss_gap *g = (const struct ss_gap *)ss_thread_at(b, spin.region->gaps_offset) + spin.region->stop_gap;
	CHECK(g->end_tsc - g->start_tsc > spin.region->max_gap_ticks, "its gap is over the limit");
	ss_spin_close(&spin);

	/* A control beside two pairs: it is the last thread, watches all the time, and its gaps end nothing. */
	char *pairs[] = {"spin", "--pairs", "2", "--cpus", "0", "--control", "0", "--cookies", "--duty", "50", "--burst", "20ms", "--nice", "0,5",
			 "--duration", "200ms", "--max-gap", "0", "--brackets", "1", "--bracket", "5ms"};
	run(sizeof pairs / sizeof *pairs, pairs);
	const struct ss_region *r = spin.region;
	CHECK(r->threads == 5 && r->control == 1, "%u threads, control %u", r->threads, r->control);
	for (uint32_t i = 0; i < 4; i++) {
		const struct ss_thread *t = ss_region_thread(r, i);
		CHECK(t->sleep_ns == 20000000, "thread %u sleeps %llu", i, (unsigned long long)t->sleep_ns);
		CHECK(t->cookie_state == (t->cookie ? SS_COOKIE_HAS : SS_COOKIE_REFUSED), "thread %u: cookie state %u", i, t->cookie_state);
		CHECK(t->cookie ? !t->cookie_error : t->cookie_error < 0, "thread %u: cookie error %d", i, t->cookie_error);
		CHECK(t->cookie == ss_region_thread(r, i ^ 1)->cookie, "thread %u has its partner's cookie", i);
	}
	CHECK(!strcmp(ss_region_thread(r, 4)->comm, "spin-control") && !ss_region_thread(r, 4)->cookie_state, "control");
	null = fopen("/dev/null", "w");
	ss_spin_json(null, r);
	ss_spin_text(null, r);
	fclose(null);
	ss_spin_close(&spin);

	/* Cookies by a list: threads 0 and 3 one, 1 its own, 2 none; each where it was told to be. */
	char *trust[] = {"spin", "-n", "4", "--on", "0", "--cookies=0,1,-,0", "--burst", "5ms", "--max-sleep", "0", "--duration", "30ms", "--max-gap", "0",
			 "--brackets", "1", "--bracket", "5ms"};
	run(sizeof trust / sizeof *trust, trust);
	r = spin.region;
	uint64_t cookies[4];
	for (uint32_t i = 0; i < 4; i++) {
		const struct ss_thread *t = ss_region_thread(r, i);
		cookies[i] = t->cookie;
		CHECK(t->cpu == 0, "thread %u on CPU %u", i, t->cpu);
		CHECK((t->cookie_state == SS_COOKIE_NONE) == (i == 2), "thread %u: cookie state %u", i, t->cookie_state);
		CHECK(!(t->evidence & SS_EVIDENCE_FORCEIDLE) == !t->forceidle_ns || !t->forceidle_ns, "thread %u: forced idle", i);
	}
	CHECK(cookies[0] == cookies[3] && !cookies[2] && (!cookies[0] || cookies[0] != cookies[1]), "cookies by the list");
	ss_spin_close(&spin);

	struct ss_spin_options options;
	char message[256];
	char *deadline[] = {"spin", "--policy", "deadline:2ms:5ms"};
	CHECK(ss_spin_parse(&options, 3, deadline, message, sizeof message) == 0, "%s", message);
	CHECK(options.policy == SS_POLICY_DEADLINE && options.runtime_ns == 2000000 && options.deadline_ns == 5000000 &&
		      options.period_ns == 5000000, "deadline");
	char *more[][3] = {{"spin", "--policy", "deadline:5ms"}, {"spin", "--policy", "deadline:5ms:2ms"}, {"spin", "--policy", "deadline:1ms:2ms:3ms:"},
			   {"spin", "--nice", "0,,1"}, {"spin", "--nice", "20"}, {"spin", "--nice", "-21"}, {"spin", "--nice", "0,5,"}, {"spin", "--duty", "0"},
			   {"spin", "--duty", "101"}, {"spin", "--pairs", "0"}, {"spin", "--control", "one"}, {"spin", "--group", ""},
			   {"spin", "--on", "0,"}, {"spin", "--on", "-"}, {"spin", "--on", "0-1"}, {"spin", "--cookies=0,x", "--json"}, {"spin", "--cookies=", "--json"}};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		CHECK(ss_spin_parse(&options, 3, more[i], message, sizeof message) < 0, "%s %s", more[i][1], more[i][2]);

	/* A CPU that is not there is refused, also beside one that is. */
	char *absent[] = {"spin", "-n", "1", "--cpus", "0,1000", "--duration", "1ms", "--brackets", "1", "--bracket", "1ms"};
	CHECK(ss_spin_parse(&options, sizeof absent / sizeof *absent, absent, message, sizeof message) == 0, "%s", message);
	CHECK(ss_spin_open(&spin, &options, message, sizeof message) == 0, "%s", message);
	CHECK(ss_spin_run(&spin) == -EINVAL, "absent CPU");
	CHECK(strstr(spin.region->message, "thread 0 could not get its CPUs") && ss_spin_lacking(-EINVAL), "%s", spin.region->message);
	ss_spin_close(&spin);

	char *wrong[][3] = {{"spin", "--threads", "0"}, {"spin", "--threads", "5000"}, {"spin", "--burst", "soon"}, {"spin", "--policy", "fifo:0"},
			    {"spin", "--threshold", "10ns"}, {"spin", "--cpus", "3-1"}, {"spin", "--nope", "1"}, {"spin", "--json", "stray"}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK(ss_spin_parse(&options, 3, wrong[i], message, sizeof message) < 0, "%s %s", wrong[i][1], wrong[i][2]);
	char *gone[] = {"spin", "--shm", "/nowhere/file"};
	CHECK(ss_spin_parse(&options, 3, gone, message, sizeof message) == 0, "parse");
	CHECK(ss_spin_open(&spin, &options, message, sizeof message) == -ENOENT, "%s", message);
	return 0;
}
