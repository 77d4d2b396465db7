import assert from "node:assert/strict";
import { entitlement } from "../../lib/sched/entitlement.ts";
import { niceWeight } from "../../lib/sched/nice_weight.ts";

const close = (actual: number, expected: number, message?: string) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${message ?? ""} ${actual} is not ${expected}`);

Deno.test("entitlement() has the known vectors", () => {
  const cases: {
    cpus: number;
    tasks: [weight: number, demand: number][];
    lambda: number;
    share: number[];
  }[] = [
    {
      cpus: 4,
      tasks: [[10000, 1], ...Array<[number, number]>(7).fill([1, 1])],
      lambda: 7 / 3,
      share: [1, 3 / 7],
    },
    { cpus: 2, tasks: [[100, 1], [1, 1], [1, 1]], lambda: 2, share: [1, 0.5, 0.5] },
    { cpus: 2, tasks: [[10, 1], [10, 1], [1, 1]], lambda: 10.5, share: [10 / 10.5, 10 / 10.5, 1 / 10.5] },
    {
      cpus: 4,
      tasks: [[1000, 1], [500, 1], [100, 0.5], [1, 1], [1, 1], [1, 1], [1, 1]],
      lambda: 8 / 3,
      share: [1, 1, 0.5, 0.375, 0.375, 0.375, 0.375],
    },
    // scx_utils' own: 64 of weight 1 and one of 10000 on 32 CPUs; the sum of the feasible weights is 66.0645...
    {
      cpus: 32,
      tasks: [[10000, 1], ...Array<[number, number]>(64).fill([1, 1])],
      lambda: 64 / 31,
      share: [1, 31 / 64],
    },
    // Everybody can have all: raw weights would give the first 3.6 CPUs.
    { cpus: 4, tasks: [[10, 1], [1, 1]], lambda: Infinity, share: [1, 1] },
  ];
  for (const { cpus, tasks, lambda, share } of cases) {
    const got = entitlement(tasks.map(([w]) => w), cpus, tasks.map(([, d]) => d));
    if (lambda === Infinity) assert.equal(got.lambda, Infinity);
    else close(got.lambda, lambda, "lambda");
    share.forEach((expected, i) => close(got.tasks.column("share")[i]!, expected, `share ${i}`));
  }
  const scx = entitlement([10000, ...Array<number>(64).fill(1)], 32);
  close(scx.tasks.column("feasible_weight").reduce((a, b) => a + b), 66.06451612903226);
});

/** Water-filling by bisection: another way to the same lambda. */
function bisected(weights: number[], demands: number[], cpus: number): number[] {
  const shares = (lambda: number) => weights.map((w, i) => demands[i]! * Math.min(1, w / lambda));
  let [low, high] = [1e-12, 1e12];
  for (let i = 0; i < 300; i++) {
    const middle = Math.sqrt(low * high);
    if (shares(middle).reduce((a, b) => a + b) > cpus) low = middle;
    else high = middle;
  }
  return shares(high);
}

Deno.test("entitlement() agrees with water-filling by bisection, and keeps what any entitlement keeps", () => {
  let x = 2463534242;
  const random = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
  for (let set = 0; set < 2000; set++) {
    const cpus = 1 + Math.floor(random() * 16);
    const n = 1 + Math.floor(random() * 40);
    const weights = Array.from({ length: n }, () => Math.ceil(10 ** (random() * 4)));
    const demands = Array.from({ length: n }, () => random() < 0.5 ? 1 : random());
    const { tasks, used, lambda } = entitlement(weights, cpus, demands);
    const share = tasks.column("share");
    const wanted = demands.reduce((a, b) => a + b);
    assert.ok(Math.abs(used - Math.min(cpus, wanted)) < 1e-9, "all CPUs, or all demands");
    if (lambda !== Infinity) {
      bisected(weights, demands, cpus).forEach((each, i) => assert.ok(Math.abs(each - share[i]!) < 1e-6));
    }
    share.forEach((each, i) => {
      assert.ok(each <= demands[i]! + 1e-12);
      share.forEach((other, j) => {
        if (weights[i]! >= weights[j]! && demands[i]! >= demands[j]!) assert.ok(each >= other - 1e-9);
      });
    });
    // The feasible weights lead to the same shares, and so do weights ten times as large.
    const again = entitlement(tasks.column("feasible_weight"), cpus, demands).tasks.column("share");
    const scaled = entitlement(weights.map((w) => w * 10), cpus, demands).tasks.column("share");
    share.forEach((each, i) => {
      close(again[i]!, each);
      close(scaled[i]!, each);
    });
    // Nobody has less for one more CPU.
    const more = entitlement(weights, cpus + 1, demands).tasks.column("share");
    share.forEach((each, i) => assert.ok(more[i]! >= each - 1e-9));
  }
});

Deno.test("entitlement() names what is wrong", () => {
  assert.throws(() => entitlement([1, 0], 2), /weight 1 to be above 0 but found 0/);
  assert.throws(() => entitlement([1], 0), /CPUs above 0 but found 0/);
  assert.throws(() => entitlement([1], 1, [1.5]), /demand 0 to be from 0 to 1 but found 1.5/);
  assert.throws(() => entitlement([1, 1], 1, [1]), /Expected 2 demands/);
  assert.equal(entitlement([], 1).tasks.length, 0);
});

Deno.test("niceWeight() is the kernel's table", () => {
  assert.deepEqual([-20, -5, 0, 5, 19].map(niceWeight), [88761, 3121, 1024, 335, 15]);
  for (let nice = -20; nice < 19; nice++) {
    const ratio = niceWeight(nice) / niceWeight(nice + 1);
    assert.ok(ratio > 1.15 && ratio < 1.35, `${nice}: ${ratio}`);
  }
  assert.throws(() => niceWeight(20), /-20 to 19 but found 20/);
});
