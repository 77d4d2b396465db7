import assert from "node:assert/strict";
import { DictColumn } from "../../lib/frame/column.ts";
import { Frame } from "../../lib/frame/frame.ts";
import { GAP_CAUSES } from "../../lib/sched/gap_cause.ts";
import { GapExplainer } from "../../lib/sched/gap_explainer.ts";
import { explainGaps, gaps, type MeasuredGapColumns } from "../../lib/sched/gaps.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

const VICTIM: Task = { tid: 10, comm: "victim" };
const HOG: Task = { tid: 20, comm: "hog" };
const RT: Task = { tid: 30, comm: "rt", prio: 10 };
const STOPPER: Task = { tid: 40, comm: "migration/0", prio: 0 };
const R = 0;
const R_PLUS = 0x100;
const S = 1;

function partsOf(explanation: { parts: Float64Array }): Record<string, number> {
  return Object.fromEntries(
    GAP_CAUSES.map((cause, i) => [cause, explanation.parts[i]!]).filter(([, ns]) => ns !== 0),
  );
}

Deno.test("a displaced thread is preempted by whoever displaced it and queued behind those who ran after", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, VICTIM)
    .switch(1000, 0, VICTIM, R_PLUS, RT)
    .switch(4000, 0, RT, S, HOG)
    .switch(5000, 0, HOG, R, VICTIM)
    .switch(9000, 0, VICTIM, S, IDLE)
    .trace();
  const why = new GapExplainer(trace, [10]).explain(10, 900, 5100);
  assert.deepEqual(partsOf(why), { "preempted": 3000, "queued": 1000, "nothing scheduled": 200 });
  assert.equal(GAP_CAUSES[why.cause], "preempted");
  assert.equal(why.culprit, "rt");
  assert.equal(why.culpritTid, 30);
  assert.equal(why.culpritClass, "rt");
  assert.equal(why.cpu, 0);
});

Deno.test("a woken thread waits for an idle CPU to wake, or behind whom the CPU runs", () => {
  const trace = new TraceWriter()
    .switch(0, 0, VICTIM, S, IDLE)
    .switch(0, 1, IDLE, R, HOG)
    .waking(1000, 1, HOG, VICTIM, 0)
    .switch(1500, 0, IDLE, R, VICTIM)
    .switch(2000, 0, VICTIM, S, HOG)
    .waking(3000, 1, RT, VICTIM, 0)
    .switch(7000, 0, HOG, R, VICTIM)
    .switch(8000, 0, VICTIM, S, IDLE)
    .trace();
  const explainer = new GapExplainer(trace, [10]);
  assert.deepEqual(partsOf(explainer.explain(10, 500, 1500)), { "asleep": 500, "waking": 500 });
  const behind = explainer.explain(10, 2000, 7000);
  assert.deepEqual(partsOf(behind), { "queued": 4000, "asleep": 1000 });
  assert.equal(behind.culprit, "hog");

  const ledger = gaps(trace, { threshold: 400, tids: [10] });
  assert.deepEqual([...ledger.gaps.column("dur")], [500, 4000]);
  assert.deepEqual([...ledger.gaps.column("kind")], ["woken", "woken"]);
  assert.deepEqual([...ledger.gaps.column("cause")], ["waking", "queued"]);
});

Deno.test("a moved thread waits where it was moved to, and the stopper's time is the move's", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, VICTIM)
    .switch(0, 1, IDLE, R, HOG)
    .switch(1000, 0, VICTIM, R_PLUS, STOPPER)
    .migrate(1200, 0, VICTIM, 0, 1)
    .switch(1300, 0, STOPPER, S, IDLE)
    .switch(5200, 1, HOG, R, VICTIM)
    .switch(6000, 1, VICTIM, S, IDLE)
    .trace();
  const why = new GapExplainer(trace, [10]).explain(10, 1000, 5200);
  assert.deepEqual(partsOf(why), { "queued": 4000, "migrated": 200 });
  assert.equal(why.culprit, "hog");
  assert.equal(why.cpu, 1);
});

Deno.test("interrupts on the CPU of a running thread are taken apart, nested ones counted once", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, VICTIM)
    .event("irq_vectors:local_timer_entry", 1000, 0, { vector: 236 })
    .event("irq_vectors:local_timer_exit", 1400, 0, { vector: 236 })
    .event("irq:softirq_entry", 1500, 0, { vec: 1 })
    .event("irq:irq_handler_entry", 1600, 0, { irq: 5, name: "nic" })
    .event("irq:irq_handler_exit", 1700, 0, { irq: 5 })
    .event("irq:softirq_exit", 2000, 0, { vec: 1 })
    .switch(9000, 0, VICTIM, S, IDLE)
    .trace();
  const explainer = new GapExplainer(trace, [10]);
  const why = explainer.explain(10, 900, 2100);
  assert.deepEqual(partsOf(why), { "irq": 500, "softirq": 400, "nothing scheduled": 300 });
  assert.equal(why.culprit, "local_timer");
  assert.deepEqual(partsOf(explainer.explain(10, 900, 2100, { steal: 250 })), {
    "irq": 500,
    "softirq": 400,
    "steal": 250,
    "nothing scheduled": 50,
  });
});

Deno.test("what the trace does not cover is unknown, never blamed on anybody", () => {
  const trace = new TraceWriter()
    .switch(1000, 0, VICTIM, R_PLUS, HOG)
    .switch(3000, 0, RT, S, VICTIM) // hog's switch-out is missing
    .switch(4000, 0, VICTIM, S, IDLE)
    .trace();
  const explainer = new GapExplainer(trace, [10]);
  const why = explainer.explain(10, 0, 2000);
  assert.deepEqual(partsOf(why), { "unknown": 2000 });
  assert.equal(why.culprit, "");
  assert.deepEqual(partsOf(explainer.explain(10, 2500, 5000)), {
    "unknown": 2000,
    "nothing scheduled": 500,
  });
  assert.deepEqual(partsOf(explainer.explain(99, 0, 100)), { "unknown": 100 });
});

Deno.test("who came back at a known time tells how long the one before ran, though its switch-out is missing", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, VICTIM)
    .switch(1000, 0, VICTIM, R_PLUS, HOG) // hog's switch back to the victim is missing
    .switch(5000, 0, VICTIM, R_PLUS, RT)
    .switch(6000, 0, RT, S, IDLE)
    .trace();
  const explainer = new GapExplainer(trace, [10]);
  assert.deepEqual(partsOf(explainer.explain(10, 1000, 3000)), { "unknown": 2000 });
  const why = explainer.explain(10, 1000, 3000, { resumed: true });
  assert.deepEqual(partsOf(why), { "preempted": 2000 });
  assert.equal(why.culprit, "hog");
});

Deno.test("the parts of every gap add up to its length, whatever the trace", () => {
  const tasks = [VICTIM, HOG, RT, STOPPER, IDLE];
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const writer = new TraceWriter();
  let ts = 0;
  for (let i = 0; i < 4000; i++) {
    ts += random(125);
    const one = tasks[random(5)]!;
    const two = tasks[random(5)]!;
    const kind = random(10);
    if (kind < 6) writer.switch(ts, random(3), one, [R, S, R_PLUS, 2][random(4)]!, two);
    else if (kind < 8) writer.waking(ts, random(3), one, two, random(3));
    else writer.migrate(ts, random(3), one, random(3), random(3));
  }
  const trace = writer.trace();
  const explainer = new GapExplainer(trace, [10, 20, 30]);
  for (let i = 0; i < 3000; i++) {
    const from = random(60_000 * 8) / 8;
    const dur = random(40_000) / 8;
    const { parts } = explainer.explain([10, 20, 30][random(3)]!, from, from + dur, {
      steal: random(3) * 1000,
    });
    assert.equal(parts.reduce((sum, ns) => sum + ns, 0), dur);
    assert.ok(parts.every((ns) => ns >= 0), String(parts));
  }
});

Deno.test("without a trace the counters tell the kind of cause and no culprit", () => {
  const measured = new Frame<MeasuredGapColumns>({
    ts: Float64Array.of(0, 1e6, 2e6, 3e6, 4e6),
    dur: Float64Array.of(1000, 1000, 1000, 1000, 1000),
    tid: Int32Array.of(1, 1, 1, 1, 1),
    comm: DictColumn.from(["spin-00", "spin-00", "spin-00", "spin-00", "spin-00"]),
    kind: DictColumn.from(["run", "run", "wake", "run", "run"]),
    cpu_before: Uint16Array.of(0, 0, 0, 0, 1),
    cpu_after: Uint16Array.of(0, 0, 0, 1, 1),
    nivcsw: Int32Array.of(1, 0, 0, 0, 0),
    nvcsw: Int32Array.of(0, 0, 1, 0, 0),
    run_delay: Float64Array.of(900, 0, 200, 0, 0),
    steal: Float64Array.of(0, 0, 0, 0, 0),
    wall: Float64Array.of(1100, 1100, 1100, 1100, 1100),
    uncounted: Float64Array.of(0, 800, 700, 0, 0),
  });
  const ledger = explainGaps(measured, 0n);
  assert.equal(ledger.evidence, "counters");
  assert.deepEqual([...ledger.gaps.column("cause")], [
    "preempted",
    "steal",
    "asleep",
    "migrated",
    "nothing scheduled",
  ]);
  assert.deepEqual([...ledger.gaps.column("culprit")], ["", "", "", "", ""]);
  const total = ledger.causes.column("dur").reduce((sum, ns) => sum + ns, 0);
  assert.equal(total, 5000);
});

Deno.test("gaps() names the event that is missing", () => {
  const trace = new TraceWriter().switch(0, 0, IDLE, R, VICTIM).trace();
  assert.throws(() => gaps(trace), /gaps needs sched:sched_waking or sched:sched_wakeup.*schedscope record/);
});

Deno.test("a gap ends where the thread may have run unseen, and is marked", () => {
  const trace = new TraceWriter()
    .switch(0, 0, VICTIM, S, HOG)
    .waking(1000, 1, RT, VICTIM, 0)
    .switch(3000, 0, HOG, R, RT) // rt's switch to the victim is missing
    .switch(9000, 0, VICTIM, S, IDLE)
    .waking(9500, 1, RT, VICTIM, 0)
    .waking(9700, 1, RT, VICTIM, 0) // it must have run and slept in between
    .switch(9800, 0, IDLE, R, VICTIM)
    .switch(9900, 0, VICTIM, S, IDLE)
    .trace();
  const ledger = gaps(trace, { threshold: 0, tids: [10] });
  assert.deepEqual([...ledger.gaps.column("ts")], [1000, 9700]);
  assert.deepEqual([...ledger.gaps.column("dur")], [2000, 100]);
  assert.deepEqual([...ledger.gaps.column("censored")], [1, 0]);
});

Deno.test("a wait that the trace does not see end is known up to the hole in which it may have ended", () => {
  const trace = new TraceWriter()
    .switch(0, 0, VICTIM, S, HOG)
    .waking(1000, 1, RT, VICTIM, 0)
    .switch(2000, 0, HOG, R, RT)
    .lost(5000, 0, 7)
    .switch(6000, 0, RT, R, HOG)
    .switch(9000, 0, HOG, S, IDLE)
    .trace();
  const { gaps: found } = gaps(trace, { threshold: 500, tids: [10] });
  assert.deepEqual([...found.column("ts")], [1000]);
  assert.deepEqual([...found.column("dur")], [1000]);
  assert.deepEqual([...found.column("censored")], [1]);
});
