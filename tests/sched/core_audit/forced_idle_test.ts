import assert from "node:assert/strict";
import { forcedIdle } from "../../../lib/sched/core_audit/forced_idle.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";
import { coreScheduled, type Hog } from "./core_scheduled.ts";
import { coresOf, makeSchedule, type Schedule } from "./make_schedule.ts";

/** Adds to the number at `key`. */
function add<K>(sums: Map<K, number>, key: K, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}

/** The definition, nanosecond by nanosecond, for a schedule without holes. */
function check(schedule: Schedule, siblings: number): number {
  const { groups, from, to } = schedule;
  const cores = coresOf(schedule.cpus, siblings);
  const result = forcedIdle(schedule.trace, { groups, cores, epsilon: 10 });
  const charged = new Map<number, number>();
  const suffered = new Map<string, number>();
  let row = 0;
  let all = 0;
  for (const cpus of cores) {
    for (const cpu of cpus) {
      const lengths: number[] = [];
      let [idle, unknown, length] = [0, 0, 0];
      for (let t = from; t < to; t++) {
        if (schedule.known(cpu, t) === 0) idle++;
        const waiting = schedule.known(cpu, t) === 0
          ? schedule.waiting(cpu, t).map((tid) => groups.get(tid)!)
          : [];
        const running = cpus.filter((each) => each !== cpu).map((each) => schedule.known(each, t));
        const busy = running.filter((tid) => tid > 0);
        const may = waiting.length > 0 && !busy.some((tid) => waiting.includes(groups.get(tid)!));
        if (may && running.includes(-1)) unknown++;
        if (may && !running.includes(-1) && busy.length > 0) {
          length++;
          for (const tid of busy) add(charged, tid, 1 / busy.length);
          for (const group of new Set(waiting)) add(suffered, group, 1);
        } else if (length > 0) {
          lengths.push(length);
          length = 0;
        }
      }
      if (length > 0) lengths.push(length);
      lengths.sort((a, b) => a - b);
      const forced = lengths.reduce((sum, each) => sum + each, 0);
      const found = result.cpus.row(row++);
      assert.deepEqual(
        [found.cpu, found.core, found.idle, found.forced, found.unknown, found.episodes, found.max],
        [cpu, cpus.join(","), idle, forced, unknown, lengths.length, lengths.at(-1) ?? NaN],
      );
      assert.equal(found.beyond, lengths.filter((each) => each > 10).reduce((sum, each) => sum + each, 0));
      assert.ok(
        siblings > 2 ? Number.isNaN(found.lost_least) : Math.abs(found.lost_least - forced * 0.1) < 1e-6,
      );
      all += forced;
    }
  }
  const near = (a: number, b: number, what: string) =>
    assert.ok(Math.abs(a - b) < 1e-6, `${what}: ${a} ${b}`);
  const byGroup = new Map<string, number>();
  for (const [tid, ns] of charged) add(byGroup, groups.get(tid)!, ns);
  for (const { tid, group, charged: ns } of result.threads.rows()) {
    near(ns, charged.get(tid)!, `thread ${tid}`);
    assert.equal(group, groups.get(tid));
  }
  assert.equal(result.threads.length, charged.size);
  for (const { group, charged: ns, share, suffered: had } of result.groups.rows()) {
    near(ns, byGroup.get(group) ?? 0, group);
    near(share, (byGroup.get(group) ?? 0) / all, group);
    near(had, suffered.get(group) ?? 0, group);
  }
  assert.equal(result.groups.length, new Set([...byGroup.keys(), ...suffered.keys()]).size);
  return all;
}

Deno.test("forced idle is what a count of every nanosecond says, on random schedules", () => {
  let found = 0;
  for (let seed = 1; seed <= 60; seed++) {
    found += check(makeSchedule(seed), 2);
    found += check(makeSchedule(seed, { cpus: 4, tasks: 9 }), 2);
    found += check(makeSchedule(seed, { cpus: 8, tasks: 14, length: 300 }), 4);
  }
  assert.ok(found > 5000, `${found} ns`);
});

function hog(tid: number, cookie: string, cpu: number, weight = 1024): Hog {
  return { tid, comm: `h${tid}`, cookie, cpu, weight };
}

/** Shares of forced idle time of CPU 0 and 1 and what each hog is charged of the core's time. */
function shares(hogs: Hog[]): { cpus: number[]; charged: number[] } {
  const trace = coreScheduled(2, hogs, 40).trace();
  const cookies = new Map(hogs.flatMap(({ tid, cookie }) => cookie === "" ? [] : [[tid, cookie]]));
  const { cpus, threads } = forcedIdle(trace, { groups: cookies, cores: [[0, 1]] });
  const byTid = new Map([...threads.rows()].map(({ tid, charged }) => [tid, charged]));
  const span = trace.span.to - trace.span.from;
  const round = (share: number) => Math.round(share * 1000) / 1000;
  return {
    cpus: [...cpus.column("share")].map(round),
    charged: hogs.map(({ tid }) => round((byTid.get(tid) ?? 0) / span)),
  };
}

Deno.test("forced idle has the closed forms of cookies that take turns on a core", () => {
  // One with a cookie against four without: what the kernel's commit b171501f gives as 80 % and 20 %.
  assert.deepEqual(
    shares([hog(10, "A", 0), hog(11, "", 1), hog(12, "", 1), hog(13, "", 1), hog(14, "", 1)]),
    { cpus: [0.8, 0.2], charged: [0.2, 0.2, 0.2, 0.2, 0.2] },
  );
  assert.deepEqual(shares([hog(10, "A", 0), hog(11, "B", 1)]), { cpus: [0.5, 0.5], charged: [0.5, 0.5] });
  assert.deepEqual(
    shares([hog(10, "A", 0), hog(11, "B", 0), hog(12, "C", 1), hog(13, "D", 1)]),
    { cpus: [0.5, 0.5], charged: [0.25, 0.25, 0.25, 0.25] },
  );
  assert.deepEqual(
    shares([hog(10, "A", 0), hog(11, "B", 0), hog(12, "C", 1, 3121), hog(13, "D", 1)]),
    { cpus: [0.669, 0.331], charged: [0.165, 0.165, 0.504, 0.165] },
  );
  // A has a thread on either CPU, B one: nobody idles in A's turn, and B is charged all.
  const turns = [hog(10, "A", 0), hog(12, "B", 1)];
  const trace = coreScheduled(2, [...turns, hog(11, "A", 1)], 40).trace();
  const cookies = new Map([[10, "A"], [11, "A"], [12, "B"]]);
  const { cpus, groups, threads } = forcedIdle(trace, { groups: cookies, cores: [[0, 1]] });
  const span = trace.span.to;
  assert.deepEqual([...cpus.column("forced")].map((ns) => Math.round(ns / span * 3)), [1, 0]);
  assert.deepEqual(
    [...groups.rows()].map(({ group, charged, suffered }) => [group, charged > 0, suffered > 0]),
    [
      ["B", true, false],
      ["A", false, true],
    ],
  );
  assert.deepEqual([...threads.column("tid")], [12]);
});

const A: Task = { tid: 10, comm: "a" };
const B: Task = { tid: 20, comm: "b" };
const GROUPS = new Map([[10, "a"], [20, "b"]]);

Deno.test("who waits for a CPU whose sibling's group it shares, or that sleeps, forces nothing; holes are unknown", () => {
  const options = { groups: GROUPS, cores: [[0, 1]] };
  const start = () =>
    new TraceWriter().switch(0, 1, IDLE, 0, B).switch(0, 0, IDLE, 0, A).switch(100, 0, A, 1, IDLE);
  const forced = (writer: TraceWriter, more = {}) => {
    const { cpus } = forcedIdle(writer.trace(), { ...options, ...more });
    const row = cpus.row(0);
    return [row.forced, row.unknown, row.episodes, row.censored];
  };
  const woken = () => start().waking(300, 1, B, A, 0);
  assert.deepEqual(forced(woken().switch(500, 0, IDLE, 0, A).switch(900, 1, B, 1, IDLE)), [200, 0, 1, 0]);
  const same = new Map([[10, "a"], [20, "a"]]);
  assert.deepEqual(forced(woken().switch(500, 0, IDLE, 0, A), { groups: same }), [0, 0, 0, 0]);
  // Without a wakeup nobody waits, and the sibling that goes idle too forces nobody.
  assert.deepEqual(forced(start().switch(500, 0, IDLE, 0, A).waking(600, 1, B, A, 0)), [0, 0, 0, 0]);
  assert.deepEqual(forced(woken().switch(350, 1, B, 1, IDLE).switch(500, 0, IDLE, 0, A)), [50, 0, 1, 0]);
  // B's CPU was left by somebody who was not seen to enter it.
  const hole = woken().switch(350, 1, B, 1, IDLE).switch(450, 1, { tid: 77, comm: "x" }, 1, B);
  assert.deepEqual(forced(hole.switch(500, 0, IDLE, 0, A)), [100, 100, 2, 2]);
  // It waits until the end.
  assert.deepEqual(forced(woken().switch(900, 1, B, 1, IDLE)), [600, 0, 1, 1]);
  const trace = woken().switch(500, 0, IDLE, 0, A).switch(900, 1, B, 1, IDLE).trace();
  const part = forcedIdle(trace.window({ from: 350, to: 450 }), options).cpus.row(0);
  assert.deepEqual([part.forced, part.censored, part.idle, part.share], [100, 1, 100, 1]);
  assert.throws(() => forcedIdle(trace, { ...options, kappa: [0.8, 0.7] }), /kappa.*found \[0.8,0.7\]/);
  assert.throws(() => forcedIdle(start().trace(), options), /sched:sched_waking/);
});
