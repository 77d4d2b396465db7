import assert from "node:assert/strict";
import { timehistSummary } from "../../../lib/sched/timehist/summary.ts";
import { timehist } from "../../../lib/sched/timehist/timehist.ts";
import { Censored } from "../../../lib/sched/timehist/tracked_runs.ts";
import { writeTimehist } from "../../../lib/sched/timehist/timehist_print.ts";
import { ByteWriter } from "../../../lib/sched/timehist/byte_writer.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { IDLE, TraceWriter } from "../../trace/make_trace.ts";

const A = { tid: 10, comm: "a" };
const B = { tid: 20, comm: "b" };
const R = 0;
const S = 1;
const D = 2;
const PREEMPTED = 0x100;

Deno.test("timehist splits the time before a run by what the thread did, and the parts sum to the wait", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .switch(100, 0, A, S, IDLE) // A sleeps 100..300, woken, runs at 350
    .waking(300, 1, B, A, 0)
    .switch(350, 0, IDLE, R, A)
    .switch(400, 0, A, PREEMPTED, B) // R+: runnable until 470
    .switch(470, 0, B, D, A) // B blocks in D 470..600, woken, runs at 625
    .switch(500, 0, A, R, IDLE) // plain R is runnable too: until 520
    .switch(520, 0, IDLE, R, A)
    .waking(600, 0, A, B, 0)
    .switch(625, 0, A, S, B)
    .switch(700, 0, B, S, IDLE)
    .trace();
  const rows = timehist(trace);
  const of = (tid: number) =>
    Array.from({ length: rows.length }, (_, row) => rows.row(row)).filter((row) => row.tid === tid);
  const parts = (tid: number) =>
    of(tid).map((
      r,
    ) => [r.ts, r.run, r.wait, r.sleep, r.iowait, r.preempt, r.wake_delay, r.state, r.waker_tid]);
  assert.deepEqual(parts(10), [
    [100, 100, NaN, NaN, NaN, NaN, NaN, "S", -1],
    [400, 50, 250, 200, 0, 0, 50, "R+", 20],
    [500, 30, 70, 0, 0, 70, 0, "R", -1],
    [625, 105, 20, 0, 0, 20, 0, "S", -1],
  ]);
  assert.deepEqual(parts(20), [
    [470, 70, NaN, NaN, NaN, NaN, NaN, "D", -1],
    [700, 75, 155, 0, 130, 0, 25, "S", 10],
  ]);
  for (let row = 0; row < rows.length; row++) {
    const { wait, sleep, iowait, preempt, wake_delay, censored } = rows.row(row);
    if (censored === 0 && !Number.isNaN(wake_delay)) {
      assert.equal(sleep + iowait + preempt + wake_delay, wait);
    }
  }
});

Deno.test("what woke a thread for a run that nobody saw is not what it waits for later", () => {
  const start = () =>
    new TraceWriter().switch(0, 0, IDLE, R, A).switch(10, 0, A, S, IDLE).waking(20, 1, B, A, 0);
  const found = (trace: Trace) => {
    const row = Array.from(timehist(trace).rows()).filter(({ tid }) => tid === A.tid).at(-1)!;
    return [row.ts, row.run, row.wait, row.sleep, row.wake_delay, row.censored];
  };
  // It ran somewhen before 100, from where it was seen to leave.
  const left = start().switch(15, 1, IDLE, R, B).switch(100, 1, A, S, IDLE).waking(200, 0, IDLE, A, 1);
  assert.deepEqual(found(left.switch(230, 1, IDLE, R, A).switch(300, 1, A, S, IDLE).trace()), [
    300,
    70,
    130,
    100,
    30,
    0,
  ]);
  const asleep = start().switch(15, 1, IDLE, R, B).switch(100, 1, A, S, IDLE);
  assert.deepEqual(found(asleep.switch(230, 1, IDLE, R, A).switch(300, 1, A, S, IDLE).trace()), [
    300,
    70,
    130,
    130,
    NaN,
    0,
  ]);
  // It was woken again, so it ran and slept in between.
  const twice = start().waking(200, 1, B, A, 0).switch(230, 0, IDLE, R, A).switch(300, 0, A, S, IDLE);
  assert.deepEqual(found(twice.trace()), [300, 70, NaN, NaN, 30, Censored.Wait]);
});

Deno.test("timehist does not charge a run with time in which switches are missing", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .switch(100, 0, A, S, B)
    // B left and A came, unseen.
    .switch(900, 0, A, S, IDLE)
    .switch(1000, 0, IDLE, R, B)
    .lost(1050, 0, 7)
    .switch(1100, 0, B, S, A)
    .switch(1200, 0, A, S, IDLE)
    .trace();
  const rows = timehist(trace);
  assert.deepEqual([...rows.column("run")], [NaN, 100, NaN, 100, NaN, 100]);
  const { Run, Wait } = Censored;
  assert.deepEqual([...rows.column("censored")], [Run, Wait, Run | Wait, 0, Run | Wait, 0]);
  const summary = timehistSummary(trace);
  assert.equal(summary.lost, 7);
  assert.equal(summary.cpus.row(0).breaks, 1);
  assert.equal(summary.cpus.row(0).idle, 100);
  assert.equal(summary.cpus.row(0).covered, 300);
  assert.equal(summary.share, 300 / 1200);
  assert.deepEqual([...summary.threads.column("run")], [200, 0]);
});

Deno.test("timehist takes a thread as never asleep that was woken before it had left its CPU", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A)
    .waking(90, 1, B, A, 0)
    .switch(100, 0, A, S, IDLE)
    .switch(140, 0, IDLE, R, A)
    .switch(200, 0, A, S, IDLE)
    .trace();
  const { wait, sleep, wake_delay, waker_tid } = timehist(trace).row(3);
  assert.deepEqual([wait, sleep, wake_delay, waker_tid], [40, 0, 40, 20]);
});

Deno.test("timehistSummary gives the standard deviation and the standard error of the runs", () => {
  const lengths = [10, 20, 60];
  const writer = new TraceWriter();
  let now = 0;
  for (const length of lengths) {
    writer.switch(now, 0, IDLE, R, A).switch(now + length, 0, A, S, IDLE);
    now += 100;
  }
  const [row] = [timehistSummary(writer.trace()).threads.row(0)];
  // Closed form: mean 30, sum of squares 400 + 100 + 900.
  assert.equal(row.run_mean, 30);
  assert.equal(row.run_stddev, Math.sqrt(1400 / 2));
  assert.ok(Math.abs(row.run_stderr - Math.sqrt(700) / Math.sqrt(3)) < 1e-9);
  assert.deepEqual([row.runs, row.run, row.run_min, row.run_max, row.migrations], [3, 90, 10, 60, NaN]);
});

Deno.test("timehist filters runs by CPU, process, thread and window", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, R, A).switch(0, 1, IDLE, R, B)
    .switch(100, 0, A, S, IDLE).switch(150, 1, B, S, IDLE)
    .switch(200, 0, IDLE, R, A).switch(250, 0, A, S, IDLE)
    .trace();
  assert.deepEqual([...timehist(trace, { tids: new Set([10]) }).column("ts")], [100, 250]);
  assert.deepEqual([...timehist(trace, { pids: new Set([20]) }).column("comm")], ["b"]);
  assert.deepEqual([...timehist(trace, { cpus: new Set([1]) }).column("ts")], [0, 150]);
  assert.deepEqual([...timehist(trace, { from: 150, to: 200 }).column("ts")], [150, 200]);
});

Deno.test("timehist stands any number as a tid without much memory", () => {
  const writer = new TraceWriter();
  const tids = [-1, -2147483648, 2147483647, 4194304, 4194305, 99999999];
  tids.forEach((tid, i) =>
    writer.switch(i * 10, 0, { tid, comm: "?" }, S, { tid: tids[i + 1] ?? 1, comm: "?" })
  );
  assert.deepEqual([...timehist(writer.trace()).column("tid")], tids);
});

Deno.test("timehist prints a name with controls so that it does nothing to the terminal", () => {
  const hostile = { tid: 66, comm: "\x1b[2J\x07\u202e" };
  const trace = new TraceWriter().switch(0, 0, IDLE, R, A).switch(10, 0, A, S, IDLE).trace();
  const withName = new TraceWriter().switch(0, 0, IDLE, R, hostile).switch(10, 0, hostile, S, IDLE).trace();
  for (
    const options of [{}, { next: true, wakeups: true, migrations: true, state: true }, { summaryOnly: true }]
  ) {
    let text = "";
    for (const each of [trace, withName]) {
      const writer = new ByteWriter((block) => text += new TextDecoder().decode(block));
      writeTimehist(each, writer, options);
      writer.flush();
    }
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
  }
});
