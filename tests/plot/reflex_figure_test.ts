import assert from "node:assert/strict";
import { publishedReflex } from "../../lib/bench/mod.ts";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import { plotReflex } from "../../lib/plot/mod.ts";
import { HOSTILE } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

/** A sweep of this shape: two tasks cost much, then it is flat. */
function exampleSweep() {
  const rows = [25, 50, 90].flatMap((weight) =>
    [2, 4, 8, 16, 32, 64, 128].map((children) => {
      const value = (children === 2 ? 5 : 0.8 + children / 400) * (0.4 + weight / 90);
      return { children, weight, value, half: value * (children === 2 ? 0.4 : 0.05) };
    })
  );
  return new Frame({
    children: Int32Array.from(rows, ({ children }) => children),
    weight: Int32Array.from(rows, ({ weight }) => weight),
    us_per_round: Float64Array.from(rows, ({ value }) => value),
    low: Float64Array.from(rows, ({ value, half }) => value - half),
    high: Float64Array.from(rows, ({ value, half }) => value + half),
  });
}

Deno.test("us per round by children and weight, with what was published beside: tests/golden/plot/reflex.svg", async () => {
  const figure = plotReflex(exampleSweep(), { reference: publishedReflex() });
  await assertGolden(figure, "reflex");
  assert.match(figure.alt, /w = 90: 2 7\.00, 4 1\.13/);
  assert.match(figure.alt, /O\(1\), 8 CPUs: 2 9\.06/);
});

Deno.test("one weight, no reference: tests/golden/plot/reflex_plain.svg", async () => {
  const sweep = exampleSweep();
  const one = sweep.filter((row) => row.weight === 90).with({
    low: new Float64Array(7).fill(NaN),
    high: new Float64Array(7).fill(NaN),
  });
  await assertGolden(plotReflex(one), "reflex_plain");
});

Deno.test("nothing measured says so; names from elsewhere cannot break out", async () => {
  const empty = exampleSweep().head(0);
  assert.match(plotReflex(empty).alt, /No round/);
  const reference = new Frame({
    series: DictColumn.from([HOSTILE, HOSTILE]),
    children: Int32Array.of(2, 4),
    us_per_round: Float64Array.of(1, 2),
  });
  const figure = plotReflex(exampleSweep(), { reference, referenceTitle: HOSTILE });
  assert.deepEqual((await xmlTags(figure.svg)).filter((tag) => /script|img/.test(tag)), []);
});
