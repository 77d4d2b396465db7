import assert from "node:assert/strict";
import { timehist } from "../../lib/sched/timehist/timehist.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { perfOutput } from "../trace/perf_data/record_with_perf.ts";
import { makePerfData } from "./make_perf_data.ts";

Deno.test("what the generator makes is a recording for perf: every event, every run, nothing missing", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    const made = await makePerfData(path, 12e6);
    assert.equal((await Deno.stat(path)).size, made.size);
    const script = (await perfOutput("script", "-i", path)).split("\n").filter((line) => line !== "");
    const of = (event: string) => script.filter((line) => line.includes(`${event}:`)).length;
    assert.equal(of("sched:sched_switch"), made.switches);
    assert.equal(of("sched:sched_waking"), made.wakings);
    const rows = (await perfOutput("sched", "timehist", "-i", path)).split("\n").filter((line) =>
      /^ +\d/.test(line)
    );
    const trace = await openTrace(path);
    assert.equal(rows.length, made.switches);
    assert.equal(trace.switches.length, made.switches);
    assert.equal(trace.quality.holes.length, 0);
    // perf prints the run of each row in its last column, ms cut to us.
    const runs = timehist(trace).column("run");
    const wrong = rows.filter((row, i) => {
      const run = Number(row.trim().split(/ +/).at(-1));
      return !Number.isNaN(runs[i]!) && Math.abs(run - Math.floor(runs[i]! / 1000) / 1000) > 1e-9;
    });
    assert.deepEqual(wrong.slice(0, 3), []);
  } finally {
    await Deno.remove(path);
  }
});
