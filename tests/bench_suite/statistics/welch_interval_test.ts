import assert from "node:assert/strict";
import { welchInterval } from "../../../lib/bench/statistics/welch_interval.ts";

Deno.test("Welch's interval: Student's where the groups are alike, and its edges", () => {
  // Equal variances and sizes: 2 (n - 1) = 8 degrees of freedom, t(0.975, 8) = 2.306004 of any table; s² = 2.5.
  const [low, high] = welchInterval([1, 2, 3, 4, 5], [11, 12, 13, 14, 15]);
  const half = 2.306004 * Math.sqrt(2 * 2.5 / 5);
  assert.ok(Math.abs(low - 10 + half) < 1e-5 && Math.abs(high - 10 - half) < 1e-5);
  // A group without spread adds neither variance nor degrees of freedom: t(0.975, 4) = 2.776445.
  const [, one] = welchInterval([1, 2, 3, 4, 5], [3, 3, 3]);
  assert.ok(Math.abs(one - 2.776445 * Math.sqrt(0.5)) < 1e-5);
  assert.deepEqual(welchInterval([1, 1], [4, 4, 4]), [3, 3]);
  assert.deepEqual(welchInterval([1], [4, 4]), [NaN, NaN]);
});
