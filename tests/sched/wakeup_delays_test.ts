import assert from "node:assert/strict";
import { summary } from "../../lib/sched/summary.ts";
import { wakeupDelays } from "../../lib/sched/wakeup_delays.ts";
import { randomFrom } from "../seeded.ts";
import { IDLE, TraceWriter } from "../trace/make_trace.ts";
import { partAt, randomSchedule } from "./random_schedule.ts";

Deno.test("every wakeup of a made-up schedule, with who did it, where it put whom, and how long that took", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed);
    const records = (["waking", "wakeup", "both"] as const)[seed % 3]!;
    const schedule = randomSchedule(random, 1 + random(4), 2 + random(6), 400, records);
    const { trace, wakeups } = schedule;
    const found = wakeupDelays(trace);
    assert.equal(found.length, wakeups.length, `seed ${seed}`);
    // Where no move was recorded at all, nothing tells where who was not moved was put.
    const moves = records !== "waking" || trace.has("sched:sched_migrate_task");
    wakeups.forEach((truth, i) => {
      const row = found.row(i);
      // sched_wakeup alone does not tell where it had been before.
      const unseen = records === "wakeup" &&
        !schedule.parts.get(truth.tid)!.some(({ from, state }) => from < truth.ts && state === "running");
      const prev = unseen ? -1 : truth.prev;
      assert.deepEqual(
        [row.ts, row.tid, row.waker_tid, row.wake_source, row.waker_cpu, row.prev_cpu, row.placed_cpu],
        [
          truth.ts,
          truth.tid,
          truth.waker,
          truth.source,
          truth.wakerCpu,
          prev,
          moves ? truth.placed : -1,
        ],
        `seed ${seed}, wakeup ${i}`,
      );
      assert.deepEqual(
        [row.delay, row.ran_cpu],
        [truth.ran - truth.ts, truth.ranOn],
        `seed ${seed}, wakeup ${i}`,
      );
      assert.equal(row.censored, Number.isNaN(truth.ran) ? 1 : 0);
      const before = partAt(schedule, truth.tid, truth.ts - 1);
      if (before !== undefined) assert.equal(row.slept, truth.ts - before.from, `seed ${seed}, wakeup ${i}`);
      else assert.ok(Number.isNaN(row.slept));
      const placement = !moves || prev < 0
        ? "unknown"
        : truth.prev === truth.placed
        ? "same cpu"
        : "other cpu";
      assert.equal(row.placement, placement);
    });
    const some = wakeups.filter(({ tid }) => tid === 101);
    assert.equal(wakeupDelays(trace, { tids: [101] }).length, some.length);
    const [from, to] = [schedule.end / 3, schedule.end / 2];
    const within = wakeups.filter(({ ts }) => ts >= from && ts <= to);
    const part = wakeupDelays(trace.window({ from, to }));
    assert.deepEqual([...part.column("ts")], within.map(({ ts }) => ts));
  }
});

Deno.test("the times and counts of a made-up schedule", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomFrom(1000 + seed);
    const schedule = randomSchedule(random, 1 + random(3), 2 + random(5), 500);
    const { trace, tids, end } = schedule;
    const found = new Map(Array.from(summary(trace).rows(), (row) => [row.tid, row]));
    for (const tid of tids) {
      const parts = schedule.parts.get(tid)!;
      const row = found.get(tid);
      if (parts.length === 0) {
        assert.equal(row, undefined);
        continue;
      }
      assert.ok(row !== undefined);
      const times: Record<string, number> = { running: 0, preempted: 0, woken: 0, sleeping: 0, blocked: 0 };
      let longest = NaN;
      let cut = NaN;
      let since = -1;
      parts.forEach(({ from, state }, i) => {
        const until = parts[i + 1]?.from ?? end;
        times[state]! += until - from;
        const waits = state === "woken" || state === "preempted";
        if (!waits) since = -1;
        else {
          if (since < 0) since = from;
          const next = parts[i + 1]?.state;
          if (next === "running" && parts[i + 1]!.from > since) {
            longest = Math.max(longest || 0, until - since);
          } else if (next === undefined && end > since) cut = end - since;
        }
      });
      // Who was woken first slept until then.
      times["sleeping"]! += parts[0]!.from;
      const what = `seed ${seed}, thread ${tid}`;
      assert.deepEqual(
        [row.run, row.preempted, row.woken, row.sleeping, row.blocked, row.stopped, row.unknown],
        [...["running", "preempted", "woken", "sleeping", "blocked"].map((state) => times[state]), 0, 0],
        what,
      );
      assert.equal(row.wait, row.preempted + row.woken);
      assert.equal(row.share, row.run / end);
      assert.equal(row.coverage, 1);
      assert.deepEqual([row.max_wait, row.cut_wait], [longest, cut], what);
      const { voluntary, involuntary, migrations } = schedule.counts.get(tid)!;
      assert.deepEqual(
        [row.voluntary, row.involuntary, row.migrations],
        [voluntary, involuntary, migrations],
        what,
      );
      assert.equal(
        row.wakeups,
        schedule.wakeups.filter((wakeup) => wakeup.tid === tid && wakeup.ts < end).length,
        what,
      );
    }
    for (const by of ["comm", (tid: number) => tid % 2 === 0 ? "even" : undefined] as const) {
      const groups = summary(trace, { by });
      const own = [...found.values()].filter(({ tid }) => by === "comm" || tid % 2 === 0);
      for (const column of ["run", "wait", "sleeping", "voluntary", "wakeups", "threads"] as const) {
        const sum = (values: Iterable<number>) => [...values].reduce((all, value) => all + value, 0);
        assert.equal(sum(groups.column(column)), sum(own.map((row) => row[column])), column);
      }
    }
  }
});

Deno.test("placements by the machine's topology; the sched_wakeup record says where when it is there", () => {
  const a = { tid: 7, comm: "a" };
  const b = { tid: 8, comm: "b" };
  const to = (cpu: number) => {
    const writer = new TraceWriter().cores([[0, 1], [2], [3]]).packages([[0, 1, 2], [3]]);
    writer.switch(0, 0, IDLE, 0, a).switch(10, 0, a, 1, IDLE).switch(11, 1, IDLE, 0, b);
    writer.waking(20, 1, b, a, 0);
    if (cpu !== 0) writer.migrate(21, 1, a, 0, cpu);
    // Without any such record, nothing tells where who was not moved was put.
    writer.migrate(22, 1, { tid: 9, comm: "c" }, 0, 1);
    return wakeupDelays(writer.switch(30, cpu, IDLE, 0, a).switch(40, 1, b, 1, IDLE).trace()).row(0);
  };
  assert.deepEqual([0, 1, 2, 3].map((cpu) => to(cpu).placement), [
    "same cpu",
    "smt sibling",
    "same package",
    "other package",
  ]);
  assert.equal(to(2).delay, 10);
});

Deno.test("a move by another CPU, or after a switch, is no placement; a waking of one that goes on running is no wakeup", () => {
  const [a, b, c] = [{ tid: 7, comm: "a" }, { tid: 8, comm: "b" }, { tid: 9, comm: "c" }];
  const start = () =>
    new TraceWriter().switch(0, 0, IDLE, 0, a).switch(1, 1, IDLE, 0, b).switch(10, 0, a, 1, c);
  const pulled = start().waking(20, 1, b, a, 0).migrate(25, 2, a, 0, 2).switch(30, 2, IDLE, 0, a).trace();
  const row = wakeupDelays(pulled).row(0);
  assert.deepEqual([row.prev_cpu, row.placed_cpu, row.ran_cpu, row.delay], [0, 0, 2, 10]);
  const later = start().waking(20, 1, b, a, 0).switch(22, 1, b, 0, c).migrate(25, 1, a, 0, 1).trace();
  // Nobody moved anything with the wakeup, and moves were recorded: it stayed.
  assert.equal(wakeupDelays(later).row(0).placed_cpu, 0);
  // Long after the wakeup, by the CPU that made it and was idle since: it pulled what it had put elsewhere.
  const idle = start().switch(12, 1, b, 1, IDLE).waking(20, 1, IDLE, a, 0, 8).migrate(200_020, 1, a, 0, 1);
  assert.equal(wakeupDelays(idle.switch(200_030, 1, IDLE, 0, a).trace()).row(0).placed_cpu, 0);
  const awake = start().waking(20, 1, b, c, 0).switch(30, 0, c, 0, a).trace();
  assert.equal(wakeupDelays(awake).length, 0);
  // Woken before it had left its CPU: it was runnable from when it left.
  const early = start().waking(20, 1, b, c, 0).switch(30, 0, c, 1, IDLE).switch(37, 0, IDLE, 0, c).trace();
  const { ts, slept, delay } = wakeupDelays(early).row(0);
  assert.deepEqual([ts, slept, delay], [20, 0, 7]);
});
