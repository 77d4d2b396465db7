import assert from "node:assert/strict";
import { measureInTurn } from "../../lib/bench/mod.ts";
import { reflexSettings } from "../../lib/bench/reflex/reflex_options.ts";
import { reflexRun } from "../../lib/bench/reflex/reflex_run.ts";
import { noiseFloor } from "../../lib/sched/compare/noise_floor.ts";

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

Deno.test("the program and the library differ by less than a group of runs differs from itself", async () => {
  const seen: string[] = [];
  let loops = 0;
  const side = (isolation: "process" | "thread") => async () => {
    const settings = reflexSettings({
      children: 16,
      active: 8,
      weight: 75,
      compute: 20,
      duration: 25e6,
      isolation,
    });
    const run = await reflexRun(settings, 0, loops);
    loops = run.loops_per_us;
    return run.us_per_round;
  };
  for (let attempt = 0; attempt < 4; attempt++) {
    const { a, b } = await measureInTurn(side("process"), side("thread"), { pairs: 20 });
    const difference = Math.abs(mean(a) - mean(b));
    // On a still machine the floor is a few parts in a thousand, which the two ways of linking the same code may differ by.
    const floor = Math.max(noiseFloor([...a, ...b], { against: 20 }), mean(a) / 50);
    seen.push(`${mean(a).toFixed(3)} and ${mean(b).toFixed(3)} us/round, floor ${floor.toFixed(3)}`);
    if (difference <= floor) return;
  }
  assert.fail(seen.join("\n"));
});
