import assert from "node:assert/strict";
import { entitlement } from "../../../lib/sched/entitlement.ts";
import { Fluid } from "../../../lib/sched/fairness/fluid.ts";
import { niceWeight } from "../../../lib/sched/nice_weight.ts";
import { randomFrom } from "../../seeded.ts";

Deno.test("the fluid's rates are the water-filling of whoever is there, after every change", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomFrom(seed);
    const weights = Array.from({ length: 1 + random(6) }, () => niceWeight(random(40) - 20));
    const fluid = new Fluid(weights, 1 + random(5));
    const there: number[] = [];
    const expected = new Float64Array(fluid.weights.length);
    let clock = 0;
    for (let step = 0; step < 200; step++) {
      const change = random(10);
      if (change === 0) fluid.cpus = random(6);
      else if (there.length > 0 && change < 5) {
        const [bucket] = there.splice(random(there.length), 1);
        fluid.add(bucket!, -1);
      } else {
        const bucket = random(fluid.weights.length);
        there.push(bucket);
        fluid.add(bucket, 1);
      }
      fluid.settle();
      const shares = fluid.cpus === 0
        ? there.map(() => 0)
        : entitlement(there.map((bucket) => fluid.weights[bucket]!), fluid.cpus).tasks.column("share");
      const time = 1 + random(1000);
      there.forEach((bucket, i) => assert.ok(Math.abs(fluid.rate[bucket]! - shares[i]!) < 1e-9));
      // Also what somebody would get who comes at no cost: the same as one of that weight that is there.
      for (const bucket of new Set(there)) expected[bucket]! += shares[there.indexOf(bucket)]! * time;
      const before = Float64Array.from(fluid.weights.keys(), (bucket) => fluid.entitledOf(bucket));
      fluid.elapse(time);
      clock += time;
      for (const bucket of new Set(there)) {
        const got = fluid.entitledOf(bucket) - before[bucket]!;
        assert.ok(Math.abs(got - fluid.rate[bucket]! * time) < 1e-6);
      }
      assert.equal(fluid.clock, clock);
    }
  }
  const one = new Fluid([1024], 2);
  one.settle();
  one.elapse(10);
  assert.deepEqual([one.entitledOf(0), one.saturated], [10, 0], "who is alone has a whole CPU");
  assert.deepEqual([...new Fluid([335, 1024, 335], 1).weights], [1024, 335]);
});
