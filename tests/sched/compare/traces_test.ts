import assert from "node:assert/strict";
import { compareRuns } from "../../../lib/sched/compare/compare_runs.ts";
import { compareTraces } from "../../../lib/sched/compare/compare_traces.ts";
import { ALL_THREADS, TRACE_METRICS, traceMetrics } from "../../../lib/sched/compare/trace_metrics.ts";
import { latency } from "../../../lib/sched/latency/latency.ts";
import { waits } from "../../../lib/sched/latency/waits.ts";
import { summary } from "../../../lib/sched/summary.ts";
import { randomFrom } from "../../seeded.ts";
import { randomSchedule } from "../random_schedule.ts";

const traceOf = (seed: number, threads = 5) => randomSchedule(randomFrom(seed), 2, threads, 800).trace;

Deno.test("the metrics of a trace are those of summary() and latency(), by the second of wall time", () => {
  for (let seed = 1; seed <= 15; seed++) {
    const trace = traceOf(seed);
    const seconds = (trace.span.to - trace.span.from) / 1e9;
    const sums = new Map(Array.from(summary(trace, { by: "comm" }).rows(), (row) => [row.comm, row]));
    const delays = new Map(Array.from(latency(trace, { by: "comm" }).rows(), (row) => [row.comm, row]));
    const rows = Array.from(traceMetrics(trace, { threshold: 60 }).rows());
    assert.equal(rows[0]!.group, ALL_THREADS);
    const near = (x: number, y: number) =>
      assert.ok(Math.abs(x - y) <= 1e-9 * Math.abs(y), `${x}, expected ${y}`);
    for (const row of rows.slice(1)) {
      const sum = sums.get(row.group)!;
      near(row.run_share, sum.share);
      near(row.wait_share * seconds * 1e9, sum.wait);
      near(row.switches_per_s * seconds, sum.voluntary + sum.involuntary);
      near(row.preemptions_per_s * seconds, sum.involuntary);
      near(row.migrations_per_s * seconds, sum.migrations);
      near(row.coverage, sum.coverage);
      assert.equal(row.threads, sum.threads);
      const known = delays.get(row.group)!;
      assert.deepEqual([row.p50_wait, row.p95_wait, row.p99_wait, row.max_wait], [
        known.p50_delay,
        known.p95_delay,
        known.p99_delay,
        known.max_delay,
      ]);
    }
    const all = waits(trace);
    const long = [...all.column("delay")].filter((delay) => delay >= 60).length;
    near(rows[0]!.gaps_per_s * seconds, long);
    near(rows[0]!.run_share, rows.slice(1).reduce((sum, row) => sum + row.run_share, 0));
    assert.equal(rows[0]!.max_wait, Math.max(...all.column("delay")));
  }
});

Deno.test("two traces beside each other, also where one lacks a group", () => {
  const [a, b] = [traceOf(1, 6), traceOf(2, 2)];
  const table = compareTraces(a, b);
  const rows = Array.from(table.rows());
  assert.equal(rows[0]!.group, ALL_THREADS);
  assert.deepEqual(new Set(table.column("group")), new Set([ALL_THREADS, "t0", "t1", "t2"]));
  const only = rows.find(({ group }) => group === "t2")!;
  assert.equal(only.in, "a");
  assert.ok(Number.isNaN(only.run_share_b) && only.run_share_a > 0);
  const metrics = Array.from(traceMetrics(b).rows());
  for (const row of rows) {
    const own = metrics.find(({ group }) => group === row.group);
    if (own === undefined) continue;
    assert.deepEqual([row.run_share_b, row.p99_wait_b, row.gaps_per_s_b], [
      own.run_share,
      own.p99_wait,
      own.gaps_per_s,
    ]);
    assert.equal(row.p99_wait_change, row.p99_wait_b - row.p99_wait_a);
  }
});

Deno.test("repeated runs: a row for each group and metric; the same runs are equal, other ones differ", () => {
  const runs = (from: number, threads: number) =>
    Array.from({ length: 6 }, (_, i) => traceMetrics(traceOf(from + i, threads)));
  const [few, many] = [runs(100, 3), runs(200, 9)];
  const same = compareRuns(few, few);
  assert.equal(same.length, 4 * TRACE_METRICS.length);
  for (const row of same.rows()) {
    assert.ok(
      row.verdict === "no difference seen" || row.verdict === "equal",
      `${row.metric}: ${row.verdict}`,
    );
    assert.equal(row.difference, 0);
  }
  const other = Array.from(compareRuns(few, many).rows());
  assert.equal(other[0]!.group, ALL_THREADS);
  const verdict = (metric: string) =>
    other.find((row) => row.group === ALL_THREADS && row.metric === metric)!;
  assert.equal(verdict("wait_share").verdict, "higher");
  assert.equal(verdict("wait_share").cliffs_delta, 1);
  const some = compareRuns(few, many, { groups: ["t1"] });
  assert.deepEqual(new Set(some.column("group")), new Set(["t1"]));
  // A group that one side has in one run only is left out where both have several.
  const single = [...runs(300, 1).slice(0, 5), traceMetrics(traceOf(1, 3))];
  assert.deepEqual(new Set(compareRuns(few, single).column("group")), new Set([ALL_THREADS, "t0"]));
  assert.throws(() => compareRuns([], few), /at least one run of each side/);
  assert.throws(() => compareRuns(few, few, { groups: ["nobody"] }), /share no group of threads/);
});
