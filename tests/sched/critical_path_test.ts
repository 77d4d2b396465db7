import assert from "node:assert/strict";
import { criticalPath } from "../../lib/sched/critical_path.ts";
import { wakeupChain } from "../../lib/sched/wakeup_chain.ts";
import { randomFrom } from "../seeded.ts";
import { IDLE, TraceWriter } from "../trace/make_trace.ts";
import { partAt, type RandomSchedule, randomSchedule } from "./random_schedule.ts";

interface Truth {
  readonly tid: number;
  readonly what: string;
  readonly thread: number;
  readonly depth: number;
}

/** For whom `tid` waits at one moment, straight from the definition: follow who is to wake it until one does not sleep. */
function waitedFor(schedule: RandomSchedule, tid: number, time: number, softirqs: boolean, depth = 0): Truth {
  const part = partAt(schedule, tid, time);
  const asleep = part === undefined || part.state === "sleeping" || part.state === "blocked";
  if (asleep) {
    const wakeup = schedule.wakeups.find((each) => each.tid === tid && each.ts > time);
    if (wakeup === undefined) return { tid, what: "asleep", thread: tid, depth };
    const followed = wakeup.source === "task" ||
      (softirqs && wakeup.source === "softirq" && wakeup.waker > 0);
    if (!followed) return { tid, what: wakeup.source, thread: tid, depth };
    return waitedFor(schedule, wakeup.waker, time, softirqs, depth + 1);
  }
  if (part.state === "running") return { tid, what: "running", thread: tid, depth };
  const on = schedule.running[part.cpu]!.findLast(({ from }) => from <= time);
  if (on?.tid === 0) return { tid, what: "cpu idle", thread: tid, depth };
  return { tid: on?.tid ?? -1, what: part.state === "woken" ? "queued" : "preempted", thread: tid, depth };
}

Deno.test("the critical path is, at every moment, who is waited for; its rows fill the time exactly", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomFrom(seed);
    const schedule = randomSchedule(random, 1 + random(4), 2 + random(7), 400);
    const { trace, settled, end, tids } = schedule;
    assert.ok(settled >= 0 && settled < end, `seed ${seed}`);
    for (const tid of tids) {
      const from = settled + random(Math.max(1, Math.floor((end - settled) / 2)));
      const to = from + random(end - from + 1);
      const softirqs = seed % 3 === 0;
      const path = criticalPath(trace, tid, from, to, { softirqs });
      let at = from;
      for (const row of path.rows()) {
        assert.equal(row.ts, at);
        assert.ok(row.dur > 0);
        for (const time of [row.ts, row.ts + row.dur - 1, row.ts + random(row.dur)]) {
          const truth = waitedFor(schedule, tid, time, softirqs);
          assert.deepEqual(
            { tid: row.tid, what: row.what, thread: row.thread, depth: row.depth },
            truth,
            `seed ${seed}, thread ${tid} at ${time}`,
          );
        }
        at += row.dur;
      }
      assert.equal(at, to);
    }
  }
});

Deno.test("rows fill the time exactly where the trace is full of holes, too", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed);
    const [cpus, threads] = [1 + random(3), 2 + random(4)];
    const tasks = Array.from({ length: threads }, (_, i) => ({ tid: 50 + i, comm: `t${i}` }));
    const any = () => random(5) === 0 ? IDLE : tasks[random(threads)]!;
    const writer = new TraceWriter().switch(0, 0, IDLE, 0, tasks[0]!).waking(1, 0, IDLE, tasks[1]!, 0);
    for (let now = 2; now < 300;) {
      // Records that contradict one another, many at one time.
      now += random(3);
      const kind = random(8);
      if (kind < 4) writer.switch(now, random(cpus), any(), random(3), any());
      else if (kind < 7) {
        writer.waking(now, random(cpus), any(), tasks[random(threads)]!, random(cpus), 8 * random(2));
      } else writer.migrate(now, random(cpus), tasks[random(threads)]!, 0, random(cpus));
    }
    const trace = writer.trace();
    const { to: end } = trace.span;
    for (const { tid } of tasks.slice(0, 2)) {
      for (const [from, to] of [[0, end], [17, 170.5], [-50, end + 50], [30, 30]] as const) {
        const path = criticalPath(trace, tid, from, to);
        const ts = path.column("ts");
        const dur = path.column("dur");
        assert.equal(dur.reduce((sum, each) => sum + each, 0), to - from);
        ts.forEach((begin, row) => {
          assert.equal(begin, row === 0 ? from : ts[row - 1]! + dur[row - 1]!);
          assert.ok(dur[row]! > 0);
        });
        for (const row of path.rows()) {
          if (row.what === "unknown" || row.tid < 0) assert.equal(row.censored, 1);
        }
        assert.ok(wakeupChain(trace, tid, to).length <= 64);
      }
    }
  }
});

const [early, hog, holder, late] = [
  { tid: 1, comm: "early" },
  { tid: 2, comm: "hog" },
  { tid: 3, comm: "holder" },
  { tid: 4, comm: "late" },
];

/** `late` sleeps on what `holder` has, which is kept from its CPU by `hog`, and was woken by the timer through `early`. */
function lockChain() {
  return new TraceWriter()
    .switch(0, 0, IDLE, 0, late)
    .switch(1, 1, IDLE, 0, holder)
    .switch(10, 1, holder, 1, hog) // the holder sleeps
    .switch(20, 0, late, 2, IDLE) // late blocks
    .waking(30, 0, IDLE, early, 0, 8)
    .switch(32, 0, IDLE, 0, early)
    .waking(40, 0, early, holder, 1)
    .switch(45, 0, early, 1, IDLE)
    .switch(60, 1, hog, 0x100, holder)
    .waking(70, 1, holder, late, 0)
    .switch(75, 0, IDLE, 0, late)
    .switch(80, 1, holder, 1, hog)
    .switch(90, 0, late, 1, IDLE)
    .trace();
}

Deno.test("a chain of a lock: to the holder, behind the hog, to the timer", () => {
  const trace = lockChain();
  const path = Array.from(criticalPath(trace, late.tid, 10, 90).rows());
  assert.deepEqual(
    path.map((row) => [row.ts, row.dur, row.comm, row.what, row.thread_comm, row.state, row.depth, row.via]),
    [
      [10, 10, "late", "running", "late", "running", 0, -1],
      [20, 10, "early", "irq", "early", "sleeping", 2, 3],
      [30, 2, "early", "cpu idle", "early", "woken", 2, 3],
      [32, 8, "early", "running", "early", "running", 2, 3],
      [40, 20, "hog", "queued", "holder", "woken", 1, 4],
      [60, 10, "holder", "running", "holder", "running", 1, 4],
      [70, 5, "late", "cpu idle", "late", "woken", 0, -1],
      [75, 15, "late", "running", "late", "running", 0, -1],
    ],
  );
  const chain = Array.from(wakeupChain(trace, late.tid, 90).rows());
  assert.deepEqual(
    chain.map((row) => [row.comm, row.ts, row.slept, row.delay, row.ran, row.wake_source, row.waker_comm]),
    [
      ["late", 70, 50, 5, 15, "task", "holder"],
      ["holder", 40, 30, 20, 10, "task", "early"],
      ["early", 30, 30, 2, 8, "irq", "swapper"].map((cell, i) => i === 2 ? NaN : cell),
    ],
  );
  assert.equal(wakeupChain(trace, late.tid, 90, { limit: 2 }).length, 2);
  const shallow = criticalPath(trace, late.tid, 20, 70, { depth: 0 }).row(0);
  assert.deepEqual([shallow.dur, shallow.what, shallow.state, shallow.tid], [50, "asleep", "blocked", 4]);
  const window = trace.window({ from: 35, to: 80 });
  assert.deepEqual(
    Array.from(criticalPath(window, late.tid, 35, 80).column("comm")),
    ["early", "hog", "holder", "late", "late"],
  );
});

Deno.test("threads that are said to have woken each other while they slept end a path, and do not go round", () => {
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, early)
    .switch(5, 0, early, 1, hog)
    .switch(10, 0, hog, 1, IDLE)
    .waking(50, 0, early, hog, 0)
    .waking(50, 0, hog, early, 0)
    .switch(60, 0, IDLE, 0, hog)
    .trace();
  for (const { tid } of [early, hog]) {
    const path = Array.from(criticalPath(trace, tid, 20, 50).rows());
    assert.deepEqual(path.map(({ ts, dur, what, censored }) => [ts, dur, what, censored]), [[
      20,
      30,
      "asleep",
      1,
    ]]);
    assert.ok(wakeupChain(trace, tid, 55).length <= 3);
  }
});

Deno.test("no such thread, no such time", () => {
  const trace = lockChain();
  assert.throws(() => criticalPath(trace, 99, 0, 10), /No thread 99 is in the trace/);
  assert.throws(() => criticalPath(trace, 4, 10, 0), /from is not after its to but found 10 to 0/);
  assert.throws(() => wakeupChain(trace, 99, 5), /No thread 99 is in the trace/);
  assert.equal(criticalPath(trace, 4, 5, 5).length, 0);
  const before = wakeupChain(trace, late.tid, 60).row(0);
  assert.deepEqual([before.ts, before.waker_tid, before.censored], [NaN, -1, 1]);
});

Deno.test("a chain tells how long each one ran and was kept from it until it woke the next", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = randomFrom(500 + seed);
    const schedule = randomSchedule(random, 1 + random(3), 2 + random(5), 400);
    const { trace, settled, end, tids } = schedule;
    const time = settled + random(end - settled);
    for (const tid of tids) {
      let until = time;
      const chain = Array.from(wakeupChain(trace, tid, time).rows());
      chain.forEach((row, step) => {
        const wakeup = schedule.wakeups.findLast((each) => each.tid === row.tid && each.ts <= until);
        const what = `seed ${seed}, thread ${tid}, step ${step}`;
        if (wakeup === undefined) {
          assert.ok(Number.isNaN(row.ts), what);
          return;
        }
        assert.deepEqual(
          [row.ts, row.waker_tid, row.wake_source],
          [wakeup.ts, wakeup.waker, wakeup.source],
          what,
        );
        assert.equal(row.delay, wakeup.ran - wakeup.ts, what);
        const last = step === chain.length - 1;
        assert.ok(last || (wakeup.source === "task" && chain[step + 1]!.tid === wakeup.waker), what);
        const ran = [0, 0];
        for (let at = wakeup.ran; at < until; at++) {
          const { state } = partAt(schedule, row.tid, at)!;
          if (state === "running") ran[0]!++;
          if (state === "preempted") ran[1]!++;
        }
        if (!Number.isNaN(wakeup.ran)) assert.deepEqual([row.ran, row.preempted], ran, what);
        until = wakeup.ts;
      });
    }
  }
});
