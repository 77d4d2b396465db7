import assert from "node:assert/strict";
import { segmentsOf, segmentTable, type ThreadSegments } from "../../../lib/sched/thread_segments.ts";
import { Doing } from "../../../lib/sched/thread_segments.ts";
import { carryOver } from "../../../lib/trace/live/carry_over.ts";
import { type LiveRows, mergeRows, rowsOf, sliceRows, streamOf } from "../../../lib/trace/live/live_rows.ts";
import { pick, type Random, randomFrom } from "../../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../make_trace.ts";
import { firstAbove } from "../../../lib/trace/time_order.ts";

const CPUS = 3;

/** A machine that schedules at random, of whose records a share is missing. */
function randomRows(random: Random, steps: number, missing: number): LiveRows {
  const writer = new TraceWriter();
  const tasks = Array.from({ length: 9 }, (_, i): Task => ({ tid: 100 + i, comm: `task-${i}`, prio: 120 }));
  const on: Task[] = Array.from({ length: CPUS }, () => IDLE);
  /** Runnable ones by CPU; whoever is neither there nor on a CPU sleeps. */
  const queue: Task[][] = Array.from({ length: CPUS }, () => []);
  let ts = 1000;
  const told = () => random(100) >= missing;
  writer.switch(ts, 0, IDLE, 0, IDLE);
  for (let i = 0; i < steps; i++) {
    ts += 1 + random(50);
    const cpu = random(CPUS);
    const asleep = tasks.filter((task) => !on.includes(task) && !queue.some((each) => each.includes(task)));
    switch (random(4)) {
      case 0: {
        if (asleep.length === 0) break;
        const task = pick(random, asleep);
        queue[cpu]!.push(task);
        if (told()) writer.waking(ts, random(CPUS), pick(random, on), task, cpu);
        break;
      }
      case 1: {
        const from = queue[cpu]!;
        const task = from.shift();
        if (task === undefined) break;
        const to = random(CPUS);
        queue[to]!.push(task);
        if (told()) writer.migrate(ts, cpu, task, cpu, to);
        break;
      }
      default: {
        const prev = on[cpu]!;
        const next = queue[cpu]!.shift() ?? IDLE;
        if (prev === next) break;
        const runnable = prev !== IDLE && random(2) === 0;
        if (runnable) queue[cpu]!.push(prev);
        on[cpu] = next;
        if (told()) {
          writer.switch(ts, cpu, prev, runnable ? pick(random, [0, 0x100]) : prev === IDLE ? 0 : 1, next);
        } else if (random(3) === 0) writer.lost(ts, cpu, 1);
      }
    }
  }
  const trace = writer.trace();
  const { counts } = trace;
  const switches = new Map([["sched:sched_switch", counts.get("sched:sched_switch")!]]);
  return rowsOf(trace.stream, 0, switches, (event, fields) => trace.eventColumns(event, fields));
}

/** What a thread does from `time` on, and since when it does what it does then (of a wait: since it began, wherever it was moved). */
function lifeFrom(segments: ThreadSegments, time: number): unknown[] {
  const { from, doing, cpu, hidden } = segments;
  let first = -1;
  while (first + 1 < from.length && from[first + 1]! <= time) first++;
  const waits = (i: number) =>
    i >= 0 && hidden[i] === 0 && (doing[i] === Doing.Preempted || doing[i] === Doing.Woken);
  let begun = first;
  while (waits(begun) && waits(begun - 1)) begun--;
  const life: unknown[] = [
    first < 0
      ? "not seen"
      : { since: from[begun], doing: doing[first], cpu: cpu[first], hidden: hidden[first] },
  ];
  for (let i = first + 1; i < from.length; i++) {
    life.push({ from: from[i], doing: doing[i], cpu: cpu[i], hidden: hidden[i] });
  }
  return life;
}

for (const missing of [0, 6]) {
  Deno.test(`a trace that goes on with what was carried over is the whole trace, of which ${missing} % is missing`, () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = randomFrom(seed);
      const rows = randomRows(random, 400, missing);
      const end = rows.ts.at(-1)!;
      let carried = sliceRows(rows, 0, 0);
      let from = 0;
      // In several intervals, so that what was carried is carried on.
      const cuts = Array.from({ length: 1 + random(6) }, () => random(end)).sort((x, y) => x - y);
      for (const cut of cuts) {
        const to = firstAbove(rows.ts, 0, rows.length, cut);
        carried = carryOver(mergeRows([carried, sliceRows(rows, from, to)]));
        from = to;
      }
      const cut = cuts.at(-1)!;
      const whole = segmentTable(streamOf(rows));
      const part = segmentTable(streamOf(mergeRows([carried, sliceRows(rows, from, rows.length)])));
      assert.ok(carried.length <= rows.length);
      whole.tids.forEach((tid, k) => {
        const at = part.tids.indexOf(tid);
        const expected = lifeFrom(segmentsOf(whole, k), cut);
        const found = at < 0 ? ["not seen"] : lifeFrom(segmentsOf(part, at), cut);
        assert.deepEqual(found, expected, `seed ${seed}, thread ${tid}, cut at ${cut}`);
      });
    }
  });
}

Deno.test("what is carried over does not grow with time, and says who runs on each CPU", () => {
  const random = randomFrom(7);
  const rows = randomRows(random, 20_000, 0);
  const carried = carryOver(rows);
  assert.ok(carried.length < 9 * 24, `${carried.length} rows`);
  const last = (of: LiveRows) => {
    const who = new Map<number, number>();
    for (let i = 0; i < of.length; i++) if (of.kind[i] === 1) who.set(of.cpu[i]!, of.c[i]!);
    return [...who].sort((x, y) => x[0] - y[0]);
  };
  assert.deepEqual(last(carried), last(rows));
});

Deno.test("a thread that is moved for ever waits from the beginning, in few rows", () => {
  const hog: Task = { tid: 1, comm: "hog" };
  const poor: Task = { tid: 2, comm: "poor" };
  const writer = new TraceWriter().switch(0, 0, IDLE, 0, poor).switch(10, 0, poor, 0, hog);
  for (let i = 0; i < 10_000; i++) writer.migrate(20 + i, 0, poor, i % 2, 1 - i % 2);
  const trace = writer.trace();
  const counts = new Map([["sched:sched_switch", 2]]);
  const rows = rowsOf(trace.stream, 0, counts, (event, fields) => trace.eventColumns(event, fields));
  const carried = carryOver(rows);
  assert.ok(carried.length < 100);
  const [, waits] = [segmentTable(streamOf(carried)), segmentsOf(segmentTable(streamOf(carried)), 1)];
  const life = lifeFrom(waits, 1e6)[0] as { since: number; doing: number };
  assert.equal(life.since, 10);
  assert.equal(life.doing, Doing.Preempted);
});

Deno.test("who ended is not carried, nor who sleeps since long ago", () => {
  const dead: Task = { tid: 1, comm: "dead" };
  const sleeper: Task = { tid: 2, comm: "sleeper" };
  const waiter: Task = { tid: 3, comm: "waiter" };
  const hog: Task = { tid: 4, comm: "hog" };
  const trace = new TraceWriter().switch(0, 0, IDLE, 0, dead).switch(10, 0, dead, 0x20, sleeper)
    .switch(20, 0, sleeper, 1, waiter).switch(30, 0, waiter, 0, hog).trace();
  const rows = rowsOf(
    trace.stream,
    0,
    new Map([["sched:sched_switch", 4]]),
    (event, fields) => trace.eventColumns(event, fields),
  );
  const known = (forget: number) => [...segmentTable(streamOf(carryOver(rows, { forget }))).tids];
  assert.deepEqual(known(-Infinity), [2, 3, 4]);
  assert.deepEqual(known(1000), [3, 4], "who waits is never forgotten");
});
