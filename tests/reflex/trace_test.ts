import assert from "node:assert/strict";
import { reflex, ReflexTrace } from "../../lib/bench/mod.ts";
import type { ReflexRun } from "../../lib/bench/mod.ts";
import { IDLE, TraceWriter } from "../trace/make_trace.ts";

Deno.test("the counters and the tracepoints tell the same of one run", async () => {
  const seen: string[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const { trace } = await reflex({
      children: 16,
      active: 8,
      weight: 75,
      compute: 20,
      duration: 150e6,
      minRuns: 2,
      maxRuns: 2,
      trace: true,
    });
    assert.ok(trace !== null);
    assert.ok(trace.waking > 0 && trace.blocks > 0);
    assert.match(String(trace), /^traced: /);
    seen.push(String(trace));
    // Some machines lose switches without a word: then the recording cannot be held against anything.
    if (trace.recorded < 0.98 || trace.recorded > 1.02) continue;
    if (Math.abs(trace.ratio / trace.counterRatio - 1) <= 0.03) return;
  }
  assert.fail(seen.join("\n"));
});

Deno.test("what is counted of a recording, by hand: this run's children, between its start and its stop", () => {
  const [a, b, other] = [{ tid: 11, comm: "a" }, { tid: 12, comm: "b" }, { tid: 99, comm: "other" }];
  const trace = new TraceWriter()
    .switch(1000, 0, a, 1, b) // before the start
    .waking(2000, 0, b, a, 0)
    .switch(2100, 0, b, 1, a) // blocked
    .switch(2200, 0, a, 0, b) // yielded
    .switch(2300, 0, b, 0x100, other) // preempted
    .switch(2400, 0, other, 1, b) // not ours
    .waking(2500, 0, b, other, 0) // not ours
    .waking(2550, 0, b, a, 0)
    .switch(2600, 0, b, 2, a) // blocked
    .switch(9000, 0, a, 1, IDLE) // after the stop
    .trace();
  const child = { rounds: 0, yields: 0, passes: 0, nvcsw: 0, nivcsw: 0, cpu_ns: 0, run_delay_ns: 0 };
  const run: ReflexRun = {
    children: 2,
    active: 1,
    weight: 50,
    compute_us: 0,
    loops_per_us: 0,
    stopped: "duration",
    start_ns: 1500,
    stop_ns: 8000,
    rounds: 4,
    yields: 2,
    passes: 2,
    nvcsw: 2,
    nivcsw: 3,
    cpu_ns: 0,
    run_delay_ns: 0,
    schedstat: true,
    runnable: 1,
    us_per_round: 1.625,
    per_child: [{ ...child, tid: 11 }, { ...child, tid: 12 }],
  };
  const counted = new ReflexTrace(trace, run);
  const { waking, blocks, runnable, preempted, ratio, counterRatio, recorded, usPerRound } = counted;
  assert.deepEqual({ waking, blocks, runnable, preempted }, {
    waking: 2,
    blocks: 2,
    runnable: 1,
    preempted: 1,
  });
  assert.deepEqual({ ratio, counterRatio, recorded, usPerRound }, {
    ratio: 2,
    counterRatio: 2.5,
    recorded: 0.8,
    usPerRound: 1.625,
  });
});
