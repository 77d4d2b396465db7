import assert from "node:assert/strict";
import { DelayHistogram, delayHistogram } from "../../../lib/sched/latency/delay_histogram.ts";
import { latency } from "../../../lib/sched/latency/latency.ts";
import { waits } from "../../../lib/sched/latency/waits.ts";
import { randomFrom } from "../../seeded.ts";
import { randomSchedule } from "../random_schedule.ts";

const PERCENTILES = [0, 1, 25, 50, 90, 95, 99, 99.9, 99.99, 100];

/** The smallest of `sorted` that `p` percent do not exceed. */
function exact(sorted: Float64Array, p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length / 100 - 1e-9) - 1)]!;
}

/** From nanoseconds to hours, a few of each size. */
function someDelays(seed: number, count: number): Float64Array {
  const random = randomFrom(seed);
  return Float64Array.from({ length: count }, () => Math.floor(10 ** (random(125_000) / 10_000) - 1));
}

Deno.test("percentiles of merged histograms are those of all values together, at most a thousandth too high", () => {
  for (const sizes of [[1], [2, 3], [500, 20_000, 7], [100_000, 0, 100_000]]) {
    const parts = sizes.map((count, i) => someDelays(count + i, count));
    const all = Float64Array.from(parts.flatMap((part) => [...part])).sort();
    const merged = DelayHistogram.of([]).merge(...parts.map((part) => DelayHistogram.of(part)));
    const direct = DelayHistogram.of(all);
    assert.equal(merged.count, all.length);
    assert.deepEqual([merged.min, merged.max], [all[0], all.at(-1)]);
    assert.equal(merged.mean, merged.sum / all.length);
    for (const p of PERCENTILES) {
      const truth = exact(all, p);
      const found = merged.percentile(p);
      assert.equal(found, direct.percentile(p));
      assert.ok(
        found >= truth && found <= truth * (1 + DelayHistogram.relativeError),
        `p${p} of ${all.length}: ${found}, exactly ${truth}`,
      );
    }
  }
});

Deno.test("a histogram goes through JSON unchanged, and lists its buckets", () => {
  const values = someDelays(3, 2000);
  const before = DelayHistogram.of(values);
  const after = DelayHistogram.fromJSON(JSON.parse(JSON.stringify(before)));
  for (const p of PERCENTILES) assert.equal(after.percentile(p), before.percentile(p));
  assert.deepEqual([after.count, after.min, after.max, after.sum], [
    before.count,
    before.min,
    before.max,
    before.sum,
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(after)), JSON.parse(JSON.stringify(before)));
  for (const frame of [before.toFrame(), after.toFrame(), after.merge(DelayHistogram.of([])).toFrame()]) {
    const [from, to, count] = [frame.column("from"), frame.column("to"), frame.column("count")];
    assert.equal(count.reduce((sum, n) => sum + n, 0), values.length);
    for (let i = 0; i < from.length; i++) {
      assert.ok(to[i]! - from[i]! <= from[i]! / 1000 && (i === 0 || from[i]! > to[i - 1]!));
      assert.equal(count[i], values.filter((value) => value >= from[i]! && value <= to[i]!).length);
    }
  }
  const none = DelayHistogram.of([NaN]);
  assert.deepEqual([none.count, none.percentile(50), none.max, none.toFrame().length], [0, NaN, NaN, 0]);
  assert.equal(DelayHistogram.fromJSON(JSON.parse(JSON.stringify(none))).count, 0);
});

Deno.test("what is no delay, no percentile and no histogram is refused", () => {
  assert.throws(() => DelayHistogram.of([1, -1]), /Expected a delay of 0 to 2\^53 - 1 ns but found -1/);
  assert.throws(() => DelayHistogram.of([Infinity]), /but found Infinity/);
  assert.throws(() => DelayHistogram.of([1]).percentile(101), /from 0 to 100 but found 101/);
  assert.throws(
    () => DelayHistogram.fromJSON({ hdr: "AAAA", min: 1, max: 2, sum: 3 }),
    /Expected an encoded HdrHistogram/,
  );
});

Deno.test("the delays of a trace are those that latency() has exact percentiles of", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { trace } = randomSchedule(randomFrom(seed), 2, 5, 600);
    const table = latency(trace);
    const all = waits(trace);
    assert.equal(all.length, table.column("count").reduce((sum, n) => sum + n, 0));
    const histogram = delayHistogram(trace);
    assert.equal(histogram.count, all.length);
    assert.equal(histogram.max, Math.max(...all.column("delay")));
    for (const { tid, p50_delay, p95_delay, max_delay, max_from, delay } of table.rows()) {
      const own = delayHistogram(trace, { tids: [tid] });
      // All of these are below the size from which buckets are wider than 1 ns.
      assert.deepEqual([own.percentile(50), own.percentile(95), own.max, own.sum], [
        p50_delay,
        p95_delay,
        max_delay,
        delay,
      ]);
      const rows = Array.from(waits(trace, { tids: [tid] }).rows());
      assert.ok(rows.some((row) => row.ts === max_from && row.delay === max_delay));
      for (const row of rows) assert.equal(row.tid, tid);
    }
  }
});

Deno.test("latency() of any groups is of the waits of their threads", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { trace } = randomSchedule(randomFrom(seed), 2, 6, 600);
    const all = Array.from(waits(trace).rows());
    const parity = (tid: number) => tid === 105 ? undefined : tid % 2 === 0 ? "even" : "odd";
    const table = latency(trace, { by: parity });
    assert.ok(table.length <= 2 && table.length > 0);
    for (const row of table.rows()) {
      const own = all.filter(({ tid }) => parity(tid) === row.comm).map(({ delay }) => delay).sort((x, y) =>
        x - y
      );
      assert.equal(row.count, own.length);
      assert.equal(row.max_delay, own.at(-1));
      assert.equal(row.p50_delay, own[Math.ceil(own.length / 2) - 1]);
      assert.equal(row.delay, own.reduce((sum, delay) => sum + delay, 0));
    }
    assert.equal(latency(trace, { by: new Map([[999, "nobody"]]) }).length, 0);
  }
});
