import assert from "node:assert/strict";
import { gang } from "../../../lib/sched/core_audit/gang.ts";
import { stealMismatch } from "../../../lib/sched/core_audit/steal_mismatch.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";
import { makeSchedule, type Schedule } from "./make_schedule.ts";

/** Threads of `schedule` that have any event, by group. */
function seen(schedule: Schedule): Map<string, number[]> {
  const { stream } = schedule.trace;
  const tids = new Set<number>();
  for (let i = 0; i < stream.length; i++) tids.add(stream.a[i]!).add(stream.kind[i] === 1 ? stream.c[i]! : 0);
  const byGroup = new Map<string, number[]>();
  for (const [tid, group] of schedule.groups) {
    if (tids.has(tid)) byGroup.set(group, [...byGroup.get(group) ?? [], tid]);
  }
  return byGroup;
}

function runs(schedule: Schedule, tid: number, t: number): boolean {
  for (let cpu = 0; cpu < schedule.cpus; cpu++) if (schedule.truth(cpu, t) === tid) return true;
  return false;
}

function waits(schedule: Schedule, tid: number, t: number): boolean {
  for (let cpu = 0; cpu < schedule.cpus; cpu++) if (schedule.waiting(cpu, t).includes(tid)) return true;
  return false;
}

Deno.test("gangs are what a count of every nanosecond says, on random schedules", () => {
  let found = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const schedule = makeSchedule(seed, { cpus: 4, tasks: 10, length: 400 });
    const { gangs, histogram } = gang(schedule.trace, { groups: schedule.groups });
    const expected = new Map([...seen(schedule)].filter(([, tids]) => tids.length > 1));
    assert.deepEqual(new Set(gangs.column("group")), new Set(expected.keys()));
    for (const row of gangs.rows()) {
      const tids = expected.get(row.group)!;
      const had = new Map(tids.map((tid) => [tid, 0]));
      const sum = { run: 0, active: 0, together: 0, contended: 0, apart: 0, stalled: 0 };
      let [runTogether, contendedTogether, skew] = [0, 0, 0];
      const bars = new Map<number, number>();
      for (let t = schedule.from; t < schedule.to; t++) {
        const r = tids.filter((tid) => runs(schedule, tid, t)).length;
        const waiting = tids.filter((tid) => waits(schedule, tid, t));
        const q = r + waiting.length;
        for (const tid of waiting) had.set(tid, had.get(tid)! + 1);
        skew = Math.max(skew, Math.max(...had.values()) - Math.min(...had.values()));
        bars.set(r, (bars.get(r) ?? 0) + 1);
        sum.run += r;
        if (q > 0) sum.active++;
        if (q > 1) sum.contended++;
        if (q > 0 && r === q) sum.together++;
        if (q > 1 && r === q) contendedTogether++;
        if (r === q) runTogether += r;
        if (r > 0 && r < q) sum.apart++;
        if (r === 0 && q > 0) sum.stalled++;
      }
      const { run, active, together, contended, apart, stalled } = row;
      assert.deepEqual({ run, active, together, contended, apart, stalled }, sum);
      assert.deepEqual(
        [row.members, row.skew, row.skew_end, row.unknown, row.known],
        [tids.length, skew, Math.max(...had.values()) - Math.min(...had.values()), 0, 1],
      );
      assert.deepEqual(
        [row.coverage, row.efficiency, row.contended_coverage, row.width],
        [
          sum.together / sum.active,
          runTogether / sum.run,
          contendedTogether / sum.contended,
          sum.run / sum.active,
        ],
      );
      const own = [...histogram.filter((bar) => bar.group === row.group).rows()];
      assert.deepEqual(new Map(own.map(({ running, dur }) => [running, dur])), bars);
      assert.ok(Math.abs(own.reduce((share, bar) => share + bar.share, 0) - 1) < 1e-9);
      found += apart;
    }
    const window = 60;
    const rows = [...stealMismatch(schedule.trace, { groups: schedule.groups, window }).rows()];
    const windows = Math.floor((schedule.to - schedule.from) / window);
    assert.equal(rows.length, windows * expected.size);
    for (const row of rows) {
      const waited = expected.get(row.group)!.map((tid) => {
        let time = 0;
        for (let t = 0; t < window; t++) {
          if (waits(schedule, tid, schedule.from + row.ts + t)) time++;
        }
        return { tid, time };
      });
      const times = waited.map(({ time }) => time);
      assert.deepEqual(
        [row.members, row.least, row.most, row.mismatch, row.censored],
        [waited.length, Math.min(...times), Math.max(...times), Math.max(...times) - Math.min(...times), 0],
      );
      assert.equal(waited.find(({ tid }) => tid === row.tid)!.time, row.most);
    }
  }
  assert.ok(found > 5000, `${found} ns apart`);
});

const VCPUS: Task[] = [0, 1].map((n) => ({ tid: 101 + n, pid: 100, comm: `CPU ${n}/KVM` }));
const EMULATOR: Task = { tid: 100, pid: 100, comm: "qemu-system-x86" };
const HOG: Task = { tid: 7, comm: "hog" };

/** A machine of two CPUs on CPUs 0 and 1; the second of them waits from 400 to 700 while the first runs. */
function machine(): TraceWriter {
  const [v0, v1] = VCPUS as [Task, Task];
  return new TraceWriter().switch(0, 0, IDLE, 0, v0).switch(0, 1, IDLE, 0, v1)
    .waking(50, 0, v0, EMULATOR, 2).switch(60, 2, IDLE, 0, EMULATOR).switch(70, 2, EMULATOR, 1, IDLE)
    .switch(400, 1, v1, 0, HOG).switch(700, 1, HOG, 1, v1).switch(1000, 0, v0, 1, IDLE).switch(
      1000,
      1,
      v1,
      1,
      IDLE,
    );
}

Deno.test("of a virtual machine the virtual CPUs are the gang", () => {
  const { gangs, histogram } = gang(machine().trace());
  assert.equal(gangs.length, 1);
  const row = gangs.row(0);
  assert.deepEqual([row.group, row.members, row.run, row.apart, row.skew], [
    ...["qemu-system-x86 [100]", 2, 1700, 300, 300],
  ]);
  assert.deepEqual([row.coverage, row.contended_coverage, row.efficiency], [0.7, 0.7, 1400 / 1700]);
  assert.deepEqual([...histogram.column("dur")], [300, 700]);
  const windows = stealMismatch(machine().trace(), { window: 500 });
  assert.deepEqual([...windows.column("ts")], [0, 500]);
  assert.deepEqual([...windows.column("mismatch")], [100, 200]);
  assert.deepEqual([...windows.column("tid")], [102, 102]);
  // The default window is longer than the trace: all of it is one.
  assert.deepEqual([...stealMismatch(machine().trace()).column("most")], [300]);
});

Deno.test("what is not known of a member is left out of a gang's time and marks the window", () => {
  const [, v1] = VCPUS as [Task, Task];
  // Somebody who was not seen to enter leaves the second CPU at 700: what its virtual CPU did since 400 is not known.
  const hole = new TraceWriter().switch(0, 0, IDLE, 0, VCPUS[0]!).switch(0, 1, IDLE, 0, v1)
    .waking(10, 0, VCPUS[0]!, HOG, 1)
    .switch(700, 1, HOG, 1, v1).switch(1000, 0, VCPUS[0]!, 1, IDLE).switch(1000, 1, v1, 1, IDLE).trace();
  const row = gang(hole).gangs.row(0);
  assert.deepEqual([row.unknown, row.active, row.together], [700, 300, 300]);
  assert.ok(Math.abs(row.known - 0.3) < 1e-9);
  assert.deepEqual([...stealMismatch(hole, { window: 350 }).column("censored")], [1, 1]);
  const part = machine().trace().window({ from: 500, to: 900 });
  const inside = gang(part).gangs.row(0);
  assert.deepEqual([inside.apart, inside.active, inside.known], [200, 400, 1]);
  assert.throws(() => stealMismatch(part, { window: 0 }), /window above 0 ns but found 0/);
  assert.equal(gang(machine().trace(), { groups: new Map([[7, "alone"]]) }).gangs.length, 0);
});
