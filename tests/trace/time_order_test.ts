import assert from "node:assert/strict";
import { timeOrder } from "../../lib/trace/time_order.ts";

Deno.test("timeOrder() is a stable sort, and nothing at all where there is order", () => {
  assert.equal(timeOrder(Float64Array.of()), undefined);
  assert.equal(timeOrder(Float64Array.of(1, 1, 2, 2, 3)), undefined);
  let seed = 3;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 300; round++) {
    const n = 1 + random(200);
    // Runs that overlap a little, as the CPUs' buffers of a recording do, and sometimes no order at all.
    const keys = Float64Array.from(
      { length: n },
      (_, i) => (round % 3 === 0 ? random(50) : Math.floor(i / 10) * 5 + random(9)),
    );
    const order = timeOrder(keys) ?? Uint32Array.from(keys.keys());
    const expected = [...keys.keys()].sort((x, y) => keys[x]! - keys[y]! || x - y);
    assert.deepEqual([...order], expected);
  }
});
