import assert from "node:assert/strict";
import { stampOrder } from "../../../lib/sched/core_audit/stamp_order.ts";
import { randomFrom } from "../../seeded.ts";

Deno.test("stamps are put in order, equal ones as they stand, however they are spread", () => {
  const random = randomFrom(3);
  const spreads: ((i: number) => number)[] = [
    () => random(1000),
    (i) => (i * 7919) % 1009,
    () => random(2) === 0 ? random(50) : 1e15 + random(50),
    () => 5,
    () => random(1e9) * 1000 + 0.5,
  ];
  for (const spread of spreads) {
    for (const length of [0, 1, 2, 3, 50, 3000]) {
      const ts = Float64Array.from({ length }, (_, i) => spread(i));
      const expected = [...ts.keys()].sort((a, b) => ts[a]! - ts[b]! || a - b);
      assert.deepEqual([...stampOrder(ts)], expected);
    }
  }
});
