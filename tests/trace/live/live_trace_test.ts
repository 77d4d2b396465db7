import assert from "node:assert/strict";
import { states } from "../../../lib/sched/states.ts";
import { latency } from "../../../lib/sched/latency/latency.ts";
import { startLive } from "../../../lib/trace/live/mod.ts";
import { ownInstances } from "../record/busy.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Switches between two processes and is gone. */
function pingPong(rounds: number): Promise<unknown> {
  return new Deno.Command("perf", {
    args: ["bench", "sched", "pipe", "-l", String(rounds)],
    stdout: "null",
    stderr: "null",
  }).output();
}

Deno.test("intervals follow one another, are traces like any other, and leave nothing behind", async () => {
  const before = Deno.readTextFileSync("/sys/kernel/tracing/tracing_on");
  {
    await using live = await startLive();
    assert.equal(ownInstances().length, 1);
    let end = 0;
    let events = 0;
    for (let i = 0; i < 4; i++) {
      await pingPong(500);
      const { trace, events: found, lost } = live.take();
      assert.equal(lost, 0);
      assert.equal(trace.span.from, end);
      assert.ok(trace.span.to > end);
      end = trace.span.to;
      const { ts } = trace.stream;
      assert.ok(ts.every((stamp) => stamp >= trace.span.from && stamp <= trace.span.to));
      assert.equal([...trace.counts.values()].reduce((sum, count) => sum + count, 0), found);
      events += found;
      assert.ok(trace.quality.share > 0 && trace.quality.share <= 1);
      assert.equal(latency(trace, { by: "comm" }).column("run").length > 0, true);
      // Each thread's states make up the interval, also of those that did nothing in it.
      const life = new Map<number, number>();
      const all = states(trace);
      const dur = all.column("dur");
      all.column("tid").forEach((tid, row) => life.set(tid, (life.get(tid) ?? 0) + dur[row]!));
      for (const [tid, time] of life) assert.ok(time <= trace.span.to - trace.span.from + 1, `thread ${tid}`);
      const { switches } = trace;
      assert.ok(switches.column("next_comm").dictionary.some((name) => name.startsWith("sched-pipe")));
      assert.ok(switches.column("next_prio").every((prio) => prio >= -1 && prio < 140));
    }
    assert.ok(events > 1000, `${events} events`);
  }
  assert.deepEqual(ownInstances(), []);
  assert.equal(Deno.readTextFileSync("/sys/kernel/tracing/tracing_on"), before);
});

Deno.test("what is kept for the next interval does not grow", async () => {
  await using live = await startLive();
  let most = 0;
  for (let i = 0; i < 6; i++) {
    await pingPong(300);
    const { trace } = live.take();
    const kept = trace.context!.stream.length - trace.stream.length;
    if (i === 2) most = kept;
    if (i > 2) assert.ok(kept < most * 2 + 200, `${kept} rows, after ${most}`);
  }
});

Deno.test("an interval without a record is one too; what was not kept is named; an end is an end", async () => {
  const live = await startLive({ drainEvery: 0 });
  try {
    await sleep(20);
    const { trace } = live.take();
    const again = live.take();
    assert.ok(again.trace.span.from >= trace.span.to);
    assert.throws(() => trace.eventColumns("sched:sched_switch", ["nosuch"]), /no field "nosuch"/);
    assert.throws(() => trace.event("irq:irq_handler_entry"), /no event/);
  } finally {
    await live[Symbol.asyncDispose]();
  }
  assert.throws(() => live.take(), /has ended/);
  assert.deepEqual(ownInstances(), []);
});
