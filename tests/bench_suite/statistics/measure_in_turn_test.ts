import assert from "node:assert/strict";
import { measureInTurn } from "../../../lib/bench/statistics/measure_in_turn.ts";
import { compare } from "../../../lib/sched/compare/compare.ts";
import { normalNoise } from "./normal_noise.ts";

Deno.test("in turn: A B B A, so that a steady drift is on both sides alike", async () => {
  const order: string[] = [];
  let time = 0;
  const take = (name: string) => () => {
    order.push(name);
    return ++time;
  };
  const { a, b } = await measureInTurn(take("A"), take("B"), { pairs: 6 });
  assert.equal(order.join(""), "ABBAABBAABBA");
  assert.deepEqual(a, [1, 4, 5, 8, 9, 12]);
  const sum = (values: number[]) => values.reduce((x, y) => x + y, 0);
  assert.equal(sum(a), sum(b));
});

Deno.test("in turn: of 200 pairs of like groups at most one in twenty is said to differ", async () => {
  const draw = normalNoise(77);
  for (
    const [name, value] of [
      ["normal", () => draw(100, 3)],
      ["lognormal", () => Math.exp(draw(3, 0.4))],
    ] as const
  ) {
    let said = 0;
    for (let trial = 0; trial < 200; trial++) {
      const { a, b } = await measureInTurn(value, value);
      const { verdict } = compare({ us: a }, { us: b }, { resamples: 2000, seed: trial }).row(0);
      said += Number(verdict === "higher" || verdict === "lower");
    }
    assert.ok(said <= 10, `${name}: ${said} of 200 like pairs were said to differ`);
  }
});

Deno.test("in turn: a signal keeps the pairs that are whole", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let runs = 0;
  const measure = () => {
    if (++runs === 6) controller.abort(new DOMException("interrupted", "AbortError"));
    signal.throwIfAborted();
    return runs;
  };
  assert.deepEqual(await measureInTurn(measure, measure, { signal }), { a: [1, 4], b: [2, 3] });
  await assert.rejects(measureInTurn(measure, measure, { signal }), { name: "AbortError" });
  await assert.rejects(measureInTurn(measure, measure, { pairs: 0 }), RangeError);
});
