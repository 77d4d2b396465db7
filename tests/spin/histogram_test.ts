import assert from "node:assert/strict";
import { Histogram, spin } from "../../lib/bench/mod.ts";
import { logLinearEdge } from "../../lib/bench/spin_region.ts";

/** A seeded sequence of numbers in [0, 1). */
function* random(seed: number): Generator<number, never> {
  for (let x = seed;;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x / 2 ** 32;
  }
}

/** The bucket whose edges enclose `value`, by looking at each. */
function bucketOf(edges: Float64Array, value: number): number {
  let i = 0;
  while (i + 1 < edges.length && edges[i + 1]! <= value) i++;
  return i;
}

Deno.test("buckets: ascending, without holes, at most 3.2 % wide", () => {
  for (let i = 0; i < 1407; i++) {
    const edge = logLinearEdge(i, 5), next = logLinearEdge(i + 1, 5);
    assert.ok(next > edge, `bucket ${i}`);
    assert.ok(
      next - edge === 1 || (next - edge) / edge <= 1 / 32,
      `bucket ${i} is ${next - edge} wide at ${edge}`,
    );
  }
  assert.equal(logLinearEdge(31, 5), 31);
  assert.equal(logLinearEdge(128, 5), 256);
});

Deno.test("percentiles lie within a bucket's width of those of the sorted values", () => {
  const edges = Float64Array.from({ length: 1408 }, (_, i) => logLinearEdge(i, 5));
  const counts = new Float64Array(1408);
  const numbers = random(7);
  const values = Array.from({ length: 5000 }, () => Math.floor(Math.exp(numbers.next().value * 20)));
  for (const value of values) counts[bucketOf(edges, value)]!++;
  const histogram = new Histogram(edges, counts, 0.5);
  values.sort((a, b) => a - b);
  for (const p of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.max(0, Math.ceil(p * values.length) - 1)]! * 0.5;
    const found = histogram.percentile(p);
    assert.ok(found >= exact && found <= exact * 33 / 32 + 0.5, `p${p}: ${found}, exact ${exact}`);
  }
  const survival = histogram.survival();
  for (let row = 0; row < survival.length; row++) {
    const { value, count } = survival.row(row);
    assert.equal(count, values.filter((v) => v * 0.5 >= value).length);
  }
});

Deno.test("merging adds, and refuses other buckets and other ticks", () => {
  const edges = Float64Array.of(0, 1, 2);
  const a = new Histogram(edges, Float64Array.of(1, 2, 3), 1),
    b = new Histogram(edges, Float64Array.of(10, 0, 1), 1);
  assert.deepEqual(a.merge(b).counts, Float64Array.of(11, 2, 4));
  assert.throws(
    () => a.merge(new Histogram(Float64Array.of(0, 1, 3), Float64Array.of(1, 1, 1), 1)),
    RangeError,
  );
  assert.throws(() => a.merge(new Histogram(edges, Float64Array.of(1, 1, 1), 1.01)), RangeError);
  assert.ok(Number.isNaN(new Histogram(edges, new Float64Array(3), 1).percentile(0.5)));
});

Deno.test("a run's histogram, sums and list of gaps tell the same", async () => {
  const result = await spin({
    threads: 4,
    burst: 200e6,
    maxSleep: 20e6,
    duration: 1e9,
    threshold: 20e3,
    maxGap: 0,
    gapCapacity: 20000,
  });
  const { gaps, threads } = result;
  assert.equal(threads.column("overflow").reduce((a, b) => a + b), 0);
  assert.ok(gaps.length > 10, `${gaps.length} gaps`);
  for (let thread = 0; thread < 4; thread++) {
    const of = (kind: "run" | "wake") =>
      [...Array(gaps.length).keys()].filter((row) =>
        gaps.column("thread")[row] === thread && gaps.column("kind").at(row) === kind &&
        !(gaps.column("flags")[row]! & 1)
      ).map((row) => Number(gaps.column("end_tsc")[row]! - gaps.column("start_tsc")[row]!));
    for (const kind of ["run", "wake"] as const) {
      const listed = of(kind);
      const histogram = result.threadHistograms[thread]![kind];
      const rebuilt = new Float64Array(histogram.edges.length);
      for (const ticks of listed) rebuilt[bucketOf(histogram.edges, ticks)]!++;
      const first = bucketOf(histogram.edges, 20e3 * result.tsc.hz / 1e9) + 1; // the first bucket wholly over the threshold
      assert.deepEqual(
        histogram.counts.subarray(first),
        rebuilt.subarray(first),
        `thread ${thread}, ${kind}`,
      );
      const row = threads.row(thread);
      assert.equal(kind === "run" ? row.run_gaps : row.wake_gaps, listed.length);
      const sum = listed.reduce((a, b) => a + b, 0) * 1e9 / result.tsc.hz;
      const told = kind === "run" ? row.run_gap_time : row.wake_gap_time;
      assert.ok(Math.abs(told - sum) < 1, `thread ${thread}, ${kind}: ${told} ns told, ${sum} ns listed`);
    }
  }
});

Deno.test("what does not fit the list is counted; the newest and the longest stay", async () => {
  const result = await spin({
    threads: 2,
    cpus: [0],
    burst: 500e6,
    maxSleep: 0,
    duration: 500e6,
    threshold: 10e3,
    maxGap: 0,
    gapCapacity: 4,
  });
  const { gaps, threads } = result;
  for (let thread = 0; thread < 2; thread++) {
    const row = threads.row(thread);
    const listed = gaps.filter((gap) => gap.thread === thread);
    assert.equal(listed.length, 4);
    assert.ok(row.overflow > 0 && row.run_gaps > 4, `${row.overflow} beyond the list of ${row.run_gaps}`);
    // The three newest, and the longest of the others.
    assert.ok(listed.column("ts")[3]! > 300e6, "the newest are there");
    assert.ok(Math.abs(Math.max(...listed.column("dur")) - row.run_gap_max) < 1);
  }
});
