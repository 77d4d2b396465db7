import assert from "node:assert/strict";
import { logBins, survival } from "../../lib/plot/mod.ts";
import { timelineBars } from "../../lib/plot/timeline_slices.ts";
import { random } from "./example_gaps.ts";

Deno.test("powers of ten are on the edge, and in the upper bin", () => {
  const { edges, counts, bins } = logBins(
    Float64Array.of(1, 10, 100, 1000, 9.999999999999998, 999.9999999999999),
    { perDecade: 1 },
  );
  assert.deepEqual([...edges], [1, 10, 100, 1000, 10_000]);
  assert.deepEqual([...counts], [2, 1, 2, 1]);
  assert.equal(bins, 4);
});

Deno.test("each value lies between the edges of its bin, and none is lost", () => {
  const next = random(5);
  const values = Float64Array.from({ length: 20_000 }, () => 10 ** (next() * 12));
  for (const perDecade of [1, 3, 7, 10]) {
    const { edges, counts, bins, left_out } = logBins(values, { perDecade });
    const sorted = values.toSorted();
    for (let bin = 0; bin < bins; bin++) {
      const inside = sorted.filter((value) => value >= edges[bin]! && value < edges[bin + 1]!).length;
      assert.equal(counts[bin], inside);
      assert.ok(Math.abs(edges[bin + 1]! / edges[bin]! / 10 ** (1 / perDecade) - 1) < 1e-12);
    }
    assert.equal(counts.reduce((a, b) => a + b, 0), values.length);
    assert.equal(left_out, 0);
  }
});

Deno.test("series are counted apart; zero, negative and no number are left out", () => {
  const { counts, bins, left_out } = logBins(Float64Array.of(1, 2, 20, 0, -1, NaN, Infinity), {
    perDecade: 1,
    codes: Uint8Array.of(0, 1, 1, 0, 0, 0, 1),
    series: 2,
  });
  assert.deepEqual([...counts], [1, 0, 1, 1]);
  assert.equal(bins, 2);
  assert.equal(left_out, 4);
  assert.equal(logBins(new Float64Array(0)).bins, 0);
});

Deno.test("survival of 1..n is (n - i + 1) / n", () => {
  const { x, p } = survival(Float64Array.from({ length: 100 }, (_, at) => 100 - at));
  assert.deepEqual([...x], Array.from({ length: 100 }, (_, at) => at + 1));
  for (let at = 0; at < 100; at++) assert.ok(Math.abs(p[at]! - (100 - at) / 100) < 1e-15);
});

Deno.test("survival of exponential values follows exp(-x), thinned or not", () => {
  const next = random(9);
  const values = Float64Array.from({ length: 100_000 }, () => -Math.log(1 - next()));
  const { x, p } = survival(values);
  assert.ok(x.length <= 500);
  assert.equal(x.at(-1), values.toSorted().at(-1));
  assert.equal(p.at(-1), 1 / 100_000);
  // Kolmogorov and Smirnov: the largest deviation of 100,000 values is below 1.95 / sqrt(n) in 999 of 1000 draws.
  for (let at = 0; at < x.length; at++) {
    assert.ok(Math.abs(p[at]! - Math.exp(-x[at]!)) < 1.95 / Math.sqrt(1e5));
  }
});

Deno.test("survival counts ties once, zeros among all, and takes counts", () => {
  const ties = survival(Float64Array.of(2, 1, 2, 0));
  assert.deepEqual([[...ties.x], [...ties.p], ties.values], [[1, 2], [0.75, 0.5], 4]);
  const counted = survival(Float64Array.of(0, 1, 2), { counts: Float64Array.of(1, 1, 2) });
  assert.deepEqual(counted, ties);
});

Deno.test("merged timeline bars hold the run time of each lane to a cell", () => {
  const next = random(13);
  const rows = 5000;
  const input = {
    cpu: Uint16Array.from({ length: rows }, (_, row) => row % 2),
    ts: Float64Array.from({ length: rows }, (_, row) => Math.floor(row / 2) * 1000),
    // CPU 0 runs 900 of each 1000 ns, CPU 1 only 100: mostly idle.
    dur: Float64Array.from({ length: rows }, (_, row) => row % 2 === 0 ? 900 : 100),
    tid: Int32Array.from({ length: rows }, () => next() < 0.5 ? 7 : 8),
    lanes: [0, 1],
    from: 0,
    to: 2_500_000,
    victim: 7,
    culprit: undefined,
  };
  const exact = timelineBars(input, rows);
  assert.equal(exact.row.length, rows);
  const merged = timelineBars(input, 200);
  assert.ok(merged.row.length <= 200);
  assert.ok(merged.row.every((row) => row === -1));
  assert.ok(merged.lane.every((lane) => lane === 0), "a lane that is mostly idle shows as idle");
  const shown = merged.to.reduce((sum, to, at) => sum + to - merged.from[at]!, 0);
  assert.equal(Math.round(shown), 2_500_000);
});
