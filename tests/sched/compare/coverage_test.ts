import assert from "node:assert/strict";
import { bootstrapDifference } from "../../../lib/sched/compare/bootstrap_difference.ts";
import { compare } from "../../../lib/sched/compare/compare.ts";
import { noiseFloor } from "../../../lib/sched/compare/noise_floor.ts";
import { seededRandom } from "../../../lib/sched/compare/seeded_random.ts";
import { randomFrom } from "../../seeded.ts";

/** Not the generator of the resamples: what is tested does not make its own input. */
const random = randomFrom(11);
const uniform = () => (random(2 ** 31) + 0.5) / 2 ** 31;
const gauss = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const DRAWS: Record<string, { draw: () => number; mean: number }> = {
  normal: { draw: gauss, mean: 0 },
  exponential: { draw: () => -Math.log(uniform()), mean: 1 },
  lognormal: { draw: () => Math.exp(gauss()), mean: Math.exp(0.5) },
};

Deno.test("an interval of 95 % holds the true difference in about 95 % of cases, with 4 to 40 runs", () => {
  for (const [name, { draw, mean }] of Object.entries(DRAWS)) {
    for (const n of [4, 10, 40]) {
      const cases = 500;
      let held = 0;
      for (let seed = 0; seed < cases; seed++) {
        const a = Array.from({ length: n }, draw);
        const b = Array.from({ length: n }, () => 1.5 * draw() + 2);
        const { low, high } = bootstrapDifference(a, b, { resamples: 799, seed });
        const truth = 0.5 * mean + 2;
        if (low <= truth && truth <= high) held++;
      }
      // Two standard errors of 500 cases are 2 %; the long tail of the lognormal is known to cost some.
      const least = name === "lognormal" ? 0.87 : 0.905;
      assert.ok(held / cases >= least && held / cases <= 0.985, `${name}, ${n} runs: ${held / cases}`);
    }
  }
});

Deno.test("of groups of one kind, about one in twenty is called different; of groups far apart, all", () => {
  let wrong = 0;
  let right = 0;
  const cases = 300;
  for (let seed = 0; seed < cases; seed++) {
    const a = Float64Array.from({ length: 10 }, gauss);
    const b = Float64Array.from({ length: 12 }, gauss);
    const rows = compare({ same: a, apart: a }, { apart: b.map((x) => x + 4), same: b }, {
      resamples: 499,
      seed,
    });
    assert.deepEqual([...rows.column("metric")], ["same", "apart"]);
    if (["higher", "lower"].includes(rows.row(0).verdict)) wrong++;
    if (rows.row(1).verdict === "higher") right++;
  }
  assert.ok(wrong / cases <= 0.08, `${wrong} of ${cases} called different`);
  assert.equal(right, cases);
});

Deno.test("the noise floor is what groups of these sizes differ by: the normal one in closed form", () => {
  const values = Float64Array.from({ length: 400 }, gauss);
  const mean = values.reduce((sum, x) => sum + x, 0) / 400;
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 399);
  for (const against of [400, 100, 40]) {
    const expected = 1.95996 * deviation * Math.sqrt(1 / 400 + 1 / against);
    const found = noiseFloor(values, { against, splits: 20_000 });
    assert.ok(Math.abs(found / expected - 1) < 0.04, `against ${against}: ${found}, expected ${expected}`);
  }
  assert.ok(Number.isNaN(noiseFloor([1, 2, 3])));
  assert.equal(noiseFloor([5, 5, 5, 5]), 0);
});

Deno.test("verdicts of what has no spread, too few runs, missing values; what makes no sense is refused", () => {
  const runs = (...values: number[]) => ({ x: values });
  const verdict = (a: number[], b: number[]) => compare(runs(...a), runs(...b)).row(0);
  assert.equal(verdict([3, 3, 3, 3], [3, 3, 3, 3, 3]).verdict, "equal");
  const apart = verdict([3, 3, 3, 3], [4, 4, 4, 4]);
  assert.deepEqual([apart.verdict, apart.low, apart.high, apart.hedges_g], ["higher", 1, 1, Infinity]);
  const few = verdict([1, 2, 3], [9, 9, 9, 9, 9]);
  assert.deepEqual([few.verdict, few.difference, few.low], ["too few runs", 7, NaN]);
  const gone = verdict([NaN, NaN], [1, 2]);
  assert.deepEqual([gone.verdict, gone.n_a, gone.n_b, gone.b], ["too few runs", 0, 2, 1.5]);
  assert.equal(verdict([0, 0, 0, 1], [5, 5, 5, 6]).change, 20);
  assert.ok(Number.isNaN(verdict([0, 0, 0, 0], [5, 5, 5, 6]).change));
  assert.throws(() => compare({ x: [1] }, { y: [1] }), /share no metric: the first has "x", the second "y"/);
  assert.throws(
    () => verdict([1, 2, 3, Infinity], [1, 2, 3, 4]),
    /Value 3 of the first \(x\) group is Infinity/,
  );
  assert.throws(() => bootstrapDifference([], [1]), /first group has no value/);
  assert.throws(
    () => bootstrapDifference([1, 2], [1, 2], { confidence: 95 }),
    /between 0 and 1 but found 95/,
  );
  assert.throws(
    () => bootstrapDifference([1, 2], [1, 2], { resamples: 0 }),
    /at least 1 resample but found 0/,
  );
});

Deno.test("the same seed gives the same interval; any function can be what is compared", () => {
  const a = Array.from({ length: 20 }, gauss);
  const b = Array.from({ length: 20 }, gauss);
  assert.deepEqual(bootstrapDifference(a, b), bootstrapDifference(a, b, { seed: 1 }));
  assert.notDeepEqual(bootstrapDifference(a, b), bootstrapDifference(a, b, { seed: 2 }));
  const largest = (values: Float64Array) => Math.max(...values);
  assert.equal(bootstrapDifference(a, b, { statistic: largest }).difference, Math.max(...b) - Math.max(...a));
  const before = a.slice();
  bootstrapDifference(a, b, { statistic: "median" });
  assert.deepEqual(a, before);
});

Deno.test("seeded numbers are even and apart", () => {
  const next = seededRandom(3);
  const bins = new Int32Array(16);
  for (let i = 0; i < 64_000; i++) bins[Math.floor(next() * 16)]!++;
  const chi = bins.reduce((sum, n) => sum + (n - 4000) ** 2 / 4000, 0);
  assert.ok(chi > 3 && chi < 38, `chi² of 15 degrees of freedom is ${chi}`);
  assert.notEqual(seededRandom(1)(), seededRandom(2)());
});
