import assert from "node:assert/strict";
import { runUntilPrecise } from "../../../lib/bench/statistics/run_until_precise.ts";
import { studentInterval } from "../../../lib/bench/statistics/student_interval.ts";
import { normalNoise } from "./normal_noise.ts";

Deno.test("Student's interval: values of the printed tables", () => {
  // t(0.975, 3) = 3.18245, t(0.975, 1) = 12.7062, t(0.995, 9) = 3.24984 (any table of the distribution).
  const four = studentInterval([1, 2, 3, 4]);
  assert.equal(four.mean, 2.5);
  const half = 3.182446 * Math.sqrt(5 / 3 / 4);
  assert.ok(Math.abs(four.interval[1] - 2.5 - half) < 1e-5 && Math.abs(2.5 - four.interval[0] - half) < 1e-5);
  assert.ok(Math.abs(four.relative - half / 2.5) < 1e-6);
  assert.ok(Math.abs(studentInterval([1, 3]).interval[1] - 2 - 12.7062) < 1e-3);
  const ten = studentInterval([-9, -7, -5, -3, -1, 1, 3, 5, 7, 9], 0.99);
  assert.ok(Math.abs(ten.interval[1] - 3.249836 * Math.sqrt(330 / 9 / 10)) < 1e-4);
  assert.equal(ten.relative, Infinity);
  assert.deepEqual(studentInterval([7, 7, 7]), { mean: 7, interval: [7, 7], relative: 0 });
  assert.ok(Number.isNaN(studentInterval([7]).interval[0]));
  assert.throws(() => studentInterval([1, 2], 1), RangeError);
});

Deno.test("the stop rule: intervals of runs that stopped by it hold the truth in at least 93 % of cases", async () => {
  // Deviations at which it stops at once, soon, late, and mostly not at all.
  for (const [deviation, seed] of [[1, 1], [1.8, 2], [2.5, 3], [4, 4]] as const) {
    const draw = normalNoise(seed);
    const trials = 2000;
    let held = 0, runs = 0, ok = 0;
    for (let trial = 0; trial < trials; trial++) {
      const result = await runUntilPrecise(() => draw(100, deviation));
      held += Number(result.interval[0] <= 100 && 100 <= result.interval[1]);
      runs += result.values.length;
      ok += Number(result.verdict === "ok");
    }
    assert.ok(held >= 0.93 * trials, `deviation ${deviation} %: ${held} of ${trials} held the truth`);
    assert.ok(runs >= 10 * trials && runs <= 30 * trials);
    if (deviation === 1) assert.ok(ok > 0.99 * trials, `${ok} of ${trials} were precise`);
  }
});

Deno.test("the stop rule: FRC after the most runs where it cannot be precise, and no sooner than the fewest", async () => {
  const draw = normalNoise(9);
  const wide = await runUntilPrecise(() => draw(100, 20));
  assert.equal(wide.verdict, "FRC");
  assert.equal(wide.values.length, 30);
  assert.ok(wide.interval[0] < wide.mean && wide.mean < wide.interval[1]);

  const seen: number[] = [];
  const flat = await runUntilPrecise((run) => run % 2, {
    minRuns: 4,
    maxRuns: 7,
    onProgress: ({ runs, relative }) => seen.push(runs, relative),
  });
  assert.equal(flat.verdict, "FRC");
  assert.deepEqual(seen.filter((_, i) => i % 2 === 0), [1, 2, 3, 4, 5, 6, 7]);

  const equal = await runUntilPrecise(() => 5, { minRuns: 3 });
  assert.deepEqual(equal, { mean: 5, interval: [5, 5], relative: 0, values: [5, 5, 5], verdict: "ok" });
  // A mean of 0 is known only where every run gave it.
  assert.equal((await runUntilPrecise(() => 0)).verdict, "ok");
  assert.equal((await runUntilPrecise((run) => run % 2 ? 1 : -1)).verdict, "FRC");
});

Deno.test("the stop rule: a signal keeps the runs that are done", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const kept = await runUntilPrecise((run) => {
    if (run === 4) controller.abort(new DOMException("interrupted", "AbortError"));
    signal.throwIfAborted();
    return run;
  }, { signal });
  assert.deepEqual(kept.values, [0, 1, 2, 3]);
  assert.equal(kept.verdict, "FRC");
  await assert.rejects(runUntilPrecise(() => 1, { signal }), { name: "AbortError", message: "interrupted" });
});

Deno.test("the stop rule: what makes no sense is told", async () => {
  await assert.rejects(runUntilPrecise(() => 1, { minRuns: 1 }), RangeError);
  await assert.rejects(runUntilPrecise(() => 1, { minRuns: 10, maxRuns: 9 }), RangeError);
  await assert.rejects(runUntilPrecise(() => 1, { width: 0 }), RangeError);
  await assert.rejects(runUntilPrecise(() => 1, { confidence: 0 }), RangeError);
  await assert.rejects(runUntilPrecise(() => NaN), RangeError);
  await assert.rejects(runUntilPrecise(() => Promise.reject(new Error("no CPU"))), /no CPU/);
});
