import assert from "node:assert/strict";
import { spin, spinFairness, type SpinOptions, type SpinResult } from "../../lib/bench/mod.ts";
import { MachineLacksError } from "../../lib/trace/record/mod.ts";

/** All on one CPU, always wanting to run: whoever else runs there takes from all of them alike. */
const CROWD: SpinOptions = { cpus: [0], pin: true, maxSleep: 0, maxGap: 0, burst: 60e9, gapCapacity: 20_000 };

/** Runs until `bad` finds nothing, at most three times: the machine has neighbours. */
async function spinUntil(options: SpinOptions, bad: (result: SpinResult) => string[]): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const found = bad(await spin({ ...CROWD, ...options }));
    if (found.length === 0) return;
    console.log(`  attempt ${attempt}: ${found.join("; ")}`);
    if (attempt === 3) assert.deepEqual(found, []);
  }
}

/** CPU time of thread `a` for each of thread `b`, by the kernel's own clock of each. */
function timeRatio({ threads }: SpinResult, a: number, b: number): number {
  return threads.column("cpu_time")[a]! / threads.column("cpu_time")[b]!;
}

Deno.test("equal spinners on one CPU: Jain's index is at least 0.99 in every second", async () => {
  await spinUntil({ threads: 3, duration: 3.1e9 }, (result) => {
    const fair = spinFairness(result);
    assert.equal(fair.length, 3);
    const jain = [...fair.column("jain")];
    console.log(`  Jain ${jain.map((each) => each.toFixed(5)).join(", ")}`);
    // What the gaps leave is what the kernel says each thread ran.
    const { threads } = result;
    const whole = spinFairness(result, { windows: [result.elapsed] });
    const told = [...threads.column("cpu_time")];
    const bad = jain.filter((each) => each < 0.99).map((each) => `Jain ${each}`);
    for (const [name, kernel] of [["least", Math.min(...told)], ["most", Math.max(...told)]] as const) {
      const own = whole.column(name)[0]!;
      if (Math.abs(own / kernel - 1) > 0.02) bad.push(`${name} ran ${own} ns, by the kernel ${kernel} ns`);
    }
    return bad;
  });
});

Deno.test("nice 0 against 5: 1024 to 335 of running time, within 3 %", async () => {
  await spinUntil({ threads: 2, nice: [0, 5], duration: 4e9, threshold: 500e3 }, (result) => {
    const ratio = timeRatio(result, 0, 1), expected = 1024 / 335;
    console.log(`  nice 0 : 5 = ${ratio.toFixed(4)}, expected ${expected.toFixed(4)}`);
    const weighted = spinFairness(result, { windows: [result.elapsed], weights: [1024, 335] });
    assert.ok(weighted.column("jain")[0]! > 0.99, "by weight they are equal");
    return Math.abs(ratio / expected - 1) <= 0.03 ? [] : [`nice 0 : 5 = ${ratio}`];
  });
});

Deno.test("cgroups of 100 and 300 shares: 1 to 3 of running time, within 3 %", async () => {
  try {
    await spinUntil(
      { threads: 2, groups: [{ shares: 100 }, { shares: 300 }], duration: 4e9, threshold: 500e3 },
      (result) => {
        assert.deepEqual([...result.threads.column("group")], [0, 1]);
        const ratio = timeRatio(result, 1, 0);
        console.log(`  shares 300 : 100 = ${ratio.toFixed(4)}`);
        return Math.abs(ratio / 3 - 1) <= 0.03 ? [] : [`shares 300 : 100 = ${ratio}`];
      },
    );
  } catch (error) {
    if (!(error instanceof MachineLacksError)) throw error;
    console.log(`  no groups here: ${error.message}`);
  }
});

Deno.test("a hog among equals lowers Jain's index by the closed form", async () => {
  // Three of weight 1 and one of weight w share a CPU: J = (3 + w)^2 / (4 (3 + w^2)); nice -5 weighs 3121 where nice 0 weighs 1024.
  const w = 3121 / 1024, expected = (3 + w) ** 2 / (4 * (3 + w * w));
  await spinUntil({ threads: 4, nice: [0, 0, 0, -5], duration: 2.1e9, threshold: 500e3 }, (result) => {
    const jain = [...spinFairness(result).column("jain")];
    console.log(`  Jain ${jain.map((each) => each.toFixed(4)).join(", ")}, expected ${expected.toFixed(4)}`);
    return jain.filter((each) => Math.abs(each - expected) > 0.02).map((each) => `Jain ${each}`);
  });
});

Deno.test("fairness of threads that sleep, or of lists that overflow, is refused", async () => {
  const short = { threads: 2, cpus: [0], duration: 60e6, maxGap: 0, brackets: 1, bracket: 5e6 };
  const sleeping = await spin({ ...short, burst: 10e6, maxSleep: 5e6 });
  assert.throws(() => spinFairness(sleeping), /no thread sleeps/);
  const awake = await spin({ ...short, maxSleep: 0 });
  assert.throws(() => spinFairness(awake), /within the run's \d+ ns but found 1000000000/);
  assert.throws(() => spinFairness(awake, { windows: [10e6], weights: [1] }), /2 weights but found 1/);
  const full = await spin({ ...short, maxSleep: 0, gapCapacity: 2, threshold: 1000 });
  assert.throws(() => spinFairness(full, { windows: [10e6] }), /raise gapCapacity/);
});
