import assert from "node:assert/strict";
import { bootstrapDifference } from "../../../lib/sched/compare/bootstrap_difference.ts";
import { cliffsDelta, hedgesG } from "../../../lib/sched/compare/effect_size.ts";
import { normalCdf, normalQuantile } from "../../../lib/sched/compare/normal.ts";
import { logGamma, studentQuantile } from "../../../lib/sched/compare/student_t.ts";
import { randomFrom } from "../../seeded.ts";
import { askScipy } from "./scipy_python.ts";

const random = randomFrom(5);
const uniform = () => (random(2 ** 31) + 0.5) / 2 ** 31;
const exponential = () => -Math.log(uniform());
const gauss = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const sample = (n: number, draw: () => number) => Array.from({ length: n }, draw);

interface Answers {
  norm_cdf: number[];
  norm_ppf: number[];
  t_ppf: number[][];
  gammaln: number[];
  intervals: [number, number][];
  hedges: number[];
  cliffs: number[];
}

const RESAMPLES = 30_000;

Deno.test("distributions, intervals and effect sizes are those of scipy", async () => {
  const groups = [
    [sample(12, gauss), sample(9, () => gauss() + 1)],
    [sample(40, exponential), sample(25, () => exponential() * 2)],
    [sample(8, () => Math.exp(gauss())), sample(8, () => Math.exp(gauss() + 0.5))],
    [sample(30, () => random(5)), sample(20, () => random(6))],
  ] as const;
  // Not the median by bca: leaving out one of many equal values changes nothing, and scipy has no interval then.
  const kinds = [["bca", "mean"], ["percentile", "mean"], ["percentile", "median"]] as const;
  const cases = groups.flatMap(([a, b]) =>
    kinds.map(([method, statistic]) => ({ a, b, method, statistic, confidence: 0.9, resamples: RESAMPLES }))
  );
  const asked = {
    z: [-30, -8.5, -3, -1.96, -1e-9, 0, 0.5, 1.7, 1.75, 4, 7.9],
    p: [1e-12, 0.001, 0.025, 0.3, 0.5, 0.77, 0.975, 1 - 1e-9],
    df: [1, 2, 3.7, 9, 30.5, 500],
    x: [0.1, 0.5, 1, 3.3, 12, 150.5],
    cases,
  };
  const answers = await askScipy(asked) as Answers;
  const near = (found: number, expected: number, relative: number, what: string) =>
    assert.ok(
      Math.abs(found - expected) <= relative * Math.max(Math.abs(expected), 1e-300),
      `${what}: ${found} where scipy has ${expected}`,
    );
  asked.z.forEach((z, i) => near(normalCdf(z), answers.norm_cdf[i]!, 1e-11, `normalCdf(${z})`));
  asked.p.forEach((p, i) => {
    if (p !== 0.5) near(normalQuantile(p), answers.norm_ppf[i]!, 1e-9, `normalQuantile(${p})`);
    asked.df.forEach((df, row) => {
      if (p !== 0.5) {
        near(studentQuantile(p, df), answers.t_ppf[row]![i]!, 1e-6, `studentQuantile(${p}, ${df})`);
      }
    });
  });
  asked.x.forEach((x, i) =>
    assert.ok(
      Math.abs(logGamma(x) - answers.gammaln[i]!) < 1e-12 * Math.max(1, Math.abs(answers.gammaln[i]!)),
    )
  );
  cases.forEach((each, i) => {
    const { a, b } = each;
    const what = `case ${i}: ${each.method} of the ${each.statistic} of ${a.length} and ${b.length}`;
    near(hedgesG(a, b), answers.hedges[i]!, 1e-10, what);
    near(cliffsDelta(a, b), answers.cliffs[i]!, 1e-10, what);
    const { low, high } = bootstrapDifference(a, b, { ...each, expanded: false });
    const [from, to] = answers.intervals[i]!;
    // Both are random draws of their own; the medians of few values take few values, and an end may fall on the next of them.
    const slack = (each.statistic === "mean" ? 0.03 : 0.12) * (to - from);
    assert.ok(
      Math.abs(low - from) <= slack && Math.abs(high - to) <= slack,
      `${what}: ${low} to ${high}, ${from} to ${to}`,
    );
  });
});
