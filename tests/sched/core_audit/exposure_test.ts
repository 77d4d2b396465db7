import assert from "node:assert/strict";
import type { Trust } from "../../../lib/sched/core_audit/audit_input.ts";
import { exposure } from "../../../lib/sched/core_audit/exposure.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";
import { coresOf, makeSchedule, type Schedule } from "./make_schedule.ts";

/** What the definition says of a schedule, counted nanosecond by nanosecond. */
interface Counted {
  time: number;
  upper: number;
  lengths: number[];
  /** `ts dur core` of each episode. */
  episodes: string[];
  censored: number;
  successions: number;
}

const OTHER = "(no group)";

function groupAt(schedule: Schedule, cpu: number, t: number): string | undefined | null {
  const tid = schedule.known(cpu, t);
  return tid < 0 ? null : tid === 0 ? undefined : schedule.groups.get(tid) ?? OTHER;
}

/** Whether attacker and victim may both be there, and whether they are. */
function present(running: (string | undefined | null)[], attacker: string, victim: string) {
  const missing = Number(!running.includes(attacker)) + Number(!running.includes(victim));
  return { is: missing === 0, may: missing <= running.filter((group) => group === null).length };
}

function count(schedule: Schedule, cores: number[][], attacker: string, victim: string): Counted {
  const counted: Counted = { time: 0, upper: 0, lengths: [], episodes: [], censored: 0, successions: 0 };
  for (const cpus of cores) {
    let length = 0;
    let cut = false;
    let hidden = true;
    const end = (at: number, isHidden: boolean) => {
      if (length === 0) return;
      counted.lengths.push(length);
      counted.episodes.push(`${at - length - schedule.from} ${length} ${cpus}`);
      if (cut || isHidden) counted.censored++;
      length = 0;
    };
    for (let t = schedule.from; t < schedule.to; t++) {
      const running = cpus.map((cpu) => groupAt(schedule, cpu, t));
      const { is, may } = present(running, attacker, victim);
      const unknown = running.includes(null);
      if (may) counted.upper++;
      if (is) {
        if (length === 0) cut = hidden;
        length++;
        counted.time++;
      } else end(t, unknown);
      hidden = unknown;
    }
    end(schedule.to, true);
    for (const cpu of cpus) {
      let last: string | null = null;
      for (let t = schedule.from; t < schedule.to; t++) {
        const group = groupAt(schedule, cpu, t);
        if (group === undefined) continue;
        if (group === attacker && last === victim) counted.successions++;
        last = group;
      }
    }
  }
  counted.lengths.sort((a, b) => a - b);
  return counted;
}

function check(schedule: Schedule, siblings: number): number {
  const cores = coresOf(schedule.cpus, siblings);
  const epsilon = 20;
  const { pairs, cores: byCore, longest } = exposure(schedule.trace, {
    groups: schedule.groups,
    cores,
    epsilon,
  });
  const names = [...new Set(schedule.groups.values())];
  let found = 0;
  for (const attacker of names) {
    for (const victim of names) {
      if (attacker === victim) continue;
      const expected = count(schedule, cores, attacker, victim);
      const listed = [...longest.rows()].filter((row) => row.attacker === attacker && row.victim === victim)
        .map(({ ts, dur, core }) => `${ts} ${dur} ${core}`);
      assert.deepEqual(listed.sort(), attacker < victim ? expected.episodes.sort() : []);
      const rows = [...pairs.filter((row) => row.attacker === attacker && row.victim === victim).rows()];
      if (rows.length === 0) {
        assert.deepEqual([expected.time, expected.successions], [0, 0]);
        continue;
      }
      assert.equal(rows.length, 1);
      const row = rows[0]!;
      const { lengths } = expected;
      const at = (p: number) => lengths[Math.ceil(p * lengths.length) - 1] ?? NaN;
      const long = lengths.filter((length) => length > epsilon);
      let known = 0;
      for (let cpu = 0; cpu < schedule.cpus; cpu++) {
        for (let t = schedule.from; t < schedule.to; t++) {
          if (groupAt(schedule, cpu, t) === victim) known++;
        }
      }
      assert.deepEqual(
        { ...row, share: Math.round(row.share * 1e9) },
        {
          attacker,
          victim,
          exposed: expected.time,
          share: expected.time === 0 ? 0 : Math.round(expected.time / known * 1e9),
          episodes: lengths.length,
          rate: lengths.length / ((schedule.to - schedule.from) / 1e9),
          p50: at(0.5),
          p99: at(0.99),
          max: at(1),
          beyond: long.reduce((sum, length) => sum + length, 0),
          beyond_episodes: long.length,
          upper: expected.upper,
          successions: expected.successions,
          censored: expected.censored,
        },
      );
      found += row.episodes;
    }
  }
  const durations = [...longest.column("dur")];
  assert.deepEqual(durations, durations.toSorted((a, b) => b - a));
  cores.forEach((cpus, core) => {
    let [exposed, upper, covered] = [0, 0, 0];
    for (let t = schedule.from; t < schedule.to; t++) {
      const running = cpus.map((cpu) => groupAt(schedule, cpu, t));
      const unknown = running.filter((group) => group === null).length;
      const groups = new Set(running.filter((group) => typeof group === "string"));
      if (unknown === 0) covered++;
      if (groups.size > 1) exposed++;
      if (groups.size + unknown > 1) upper++;
    }
    const row = byCore.row(core);
    assert.deepEqual([row.core, row.exposed, row.upper, row.covered], [
      cpus.join(","),
      exposed,
      upper,
      covered,
    ]);
  });
  return found;
}

Deno.test("exposure is what a count of every nanosecond says, on random schedules with and without holes", () => {
  let found = 0;
  for (let seed = 1; seed <= 60; seed++) {
    found += check(makeSchedule(seed, { dropped: seed % 3 === 0 ? 6 : 0 }), 2);
    found += check(makeSchedule(seed, { cpus: 4, tasks: 9, dropped: seed % 2 === 0 ? 9 : 0 }), 2);
    found += check(
      makeSchedule(seed, { cpus: 8, tasks: 14, length: 300, dropped: seed % 2 === 0 ? 9 : 0 }),
      4,
    );
  }
  assert.ok(found > 5000, `${found} episodes`);
});

const A: Task = { tid: 10, comm: "a" };
const B: Task = { tid: 20, comm: "b" };
const KTHREAD: Task = { tid: 30, comm: "kworker/1:0" };
const CORES = [[0, 1]];

/** A on CPU 0 and B on CPU 1, from 100 to 1100. */
function hogs(): TraceWriter {
  return new TraceWriter().switch(100, 0, IDLE, 0, A).switch(100, 1, IDLE, 0, B);
}

Deno.test("two hogs of different groups on siblings are exposed all the time", () => {
  const trace = hogs().switch(1100, 0, A, 0, IDLE).switch(1100, 1, B, 0, IDLE).trace();
  const { pairs, cores } = exposure(trace, { groups: "comm", cores: CORES });
  assert.deepEqual([...pairs.column("exposed")], [1000, 1000]);
  assert.deepEqual([...pairs.column("share")], [1, 1]);
  assert.deepEqual([...cores.rows()], [{
    core: "0,1",
    exposed: 1000,
    upper: 1000,
    covered: 1000,
    coverage: 1,
  }]);
  const one = exposure(trace, { groups: new Map([[10, "one"], [20, "one"]]), cores: CORES });
  assert.equal(one.pairs.length, 0);
  assert.equal(one.cores.row(0).exposed, 0);
  const apart = exposure(trace, { groups: "comm", cores: [[0, 2], [1, 3]] });
  assert.equal(apart.cores.row(0).exposed, 0);
  // Of a CPU without a switch nothing is known.
  assert.deepEqual([apart.cores.row(0).upper, apart.cores.row(0).coverage], [1000, 0]);
});

Deno.test("the kernel's threads and others are trusted, victims or untrusted as told", () => {
  const trace = new TraceWriter().switch(100, 0, IDLE, 0, A).switch(100, 1, IDLE, 0, KTHREAD)
    .switch(1100, 0, A, 0, IDLE).trace();
  const rows = (kthreads: Trust) =>
    [...exposure(trace, { groups: "comm", cores: CORES, kthreads }).pairs.rows()].map((row) =>
      `${row.attacker} ${row.victim} ${row.exposed}`
    ).sort();
  assert.deepEqual(rows("trusted"), []);
  assert.deepEqual(rows("victim"), ["a (kernel) 1000"]);
  assert.deepEqual(rows("untrusted"), ["(kernel) a 1000", "a (kernel) 1000"]);
  const both = hogs().switch(1100, 0, A, 0, IDLE).trace();
  const others = (others: Trust, trusted: string[] = []) =>
    [...exposure(both, { groups: new Map([[10, "tenant"]]), cores: CORES, others, trusted }).pairs.rows()]
      .map((row) => `${row.attacker} ${row.victim}`).sort();
  assert.deepEqual(others("trusted"), []);
  assert.deepEqual(others("victim"), ["tenant (no group)"]);
  assert.deepEqual(others("untrusted"), ["(no group) tenant", "tenant (no group)"]);
  assert.deepEqual(others("untrusted", ["tenant"]), []);
});

Deno.test("a CPU that never switched had who woke others there, if that was one", () => {
  const woken: Task = { tid: 40, comm: "c" };
  const groups = new Map([[10, "a"], [20, "b"]]);
  const row = (writer: TraceWriter) => {
    const trace = writer.switch(1100, 0, A, 0, IDLE).trace();
    const { exposed, upper, coverage } = exposure(trace, { groups, cores: CORES, others: "trusted" }).cores
      .row(0);
    return [exposed, upper, coverage];
  };
  // All of them run on CPU 0 first, so that they have names.
  const start = () =>
    new TraceWriter().switch(98, 0, IDLE, 0, B).switch(99, 0, B, 1, woken).switch(100, 0, woken, 1, A);
  assert.deepEqual(row(start().waking(300, 1, IDLE, woken, 0)), [0, 0, 1]);
  assert.deepEqual(row(start().waking(300, 1, B, woken, 0).waking(400, 1, B, woken, 0)), [1000, 1000, 1]);
  assert.deepEqual(row(start().waking(300, 1, B, woken, 0).waking(400, 1, woken, B, 0)), [0, 1001, 0]);
  assert.deepEqual(row(start().waking(300, 0, A, woken, 0)), [0, 1001, 0]);
});

Deno.test("a window has what lies in it, with who ran at its start", () => {
  const trace = hogs().switch(600, 0, A, 0, IDLE).switch(1100, 1, B, 0, IDLE).trace();
  const part = trace.window({ from: 200, to: 700 });
  const { pairs, cores } = exposure(part, { groups: "comm", cores: CORES });
  const row = pairs.row(0);
  assert.deepEqual([row.exposed, row.episodes, row.censored, row.rate], [300, 1, 1, 1 / 500e-9]);
  assert.equal(cores.row(0).covered, 500);
});

Deno.test("a loss that the recorder told is unknown time", () => {
  const trace = hogs().lost(400, 0, 3).switch(600, 0, A, 0, IDLE).switch(700, 0, IDLE, 0, A)
    .switch(1100, 0, A, 0, IDLE).switch(1100, 1, B, 0, IDLE).trace();
  const row = exposure(trace, { groups: "comm", cores: CORES }).pairs.row(0);
  assert.deepEqual([row.exposed, row.upper, row.censored], [400, 900, 1]);
});

Deno.test("what cannot be audited is said, with the remedy", () => {
  const trace = hogs().trace();
  const wrong = (options: Parameters<typeof exposure>[1]) => () =>
    exposure(trace, { groups: "comm", ...options });
  assert.throws(wrong({}), /does not tell which CPUs share a core.*cores: \[\[0, 2\]/);
  const single = hogs().cores([[0], [1]]).trace();
  assert.throws(() => exposure(single, { groups: "comm" }), /2 cores with one CPU each: no SMT.*--cores/);
  assert.throws(wrong({ cores: [[0]] }), /at least two CPUs in a core but found \[0\]/);
  assert.throws(wrong({ cores: [[0, 1], [1, 2]] }), /each CPU once in the cores but found 1 again/);
  assert.throws(wrong({ cores: [[0, -1]] }), /number of a CPU but found -1/);
  assert.throws(wrong({ cores: [] }), /at least one core/);
  assert.throws(wrong({ cores: CORES, trusted: ["c"] }), /found "c"; it has "a", "b"/);
  assert.throws(wrong({ cores: CORES, epsilon: -1 }), /epsilon to be at least 0 ns but found -1/);
  assert.throws(wrong({ cores: CORES, kthreads: "good" as Trust }), /kthreads.*found "good"/);
  assert.throws(() => exposure(new TraceWriter().trace(), { cores: CORES }), /sched:sched_switch/);
  assert.deepEqual(
    exposure(hogs().cores([[0, 1]]).switch(1100, 0, A, 0, IDLE).trace(), { groups: "comm" }).cores.row(0)
      .exposed,
    1000,
  );
});

Deno.test("thousands of groups are told apart", () => {
  const writer = new TraceWriter();
  const tasks = Array.from({ length: 3000 }, (_, i): Task => ({ tid: 10 + i, comm: `t${i}` }));
  const last: Task[] = [IDLE, IDLE];
  tasks.forEach((task, i) => {
    writer.switch(i * 10, i % 2, last[i % 2]!, 1, task);
    last[i % 2] = task;
  });
  const { pairs, cores } = exposure(writer.trace(), { groups: "thread", cores: CORES });
  // Each but the first and the last runs 10 ns beside the one before and 10 ns beside the one after.
  assert.equal(pairs.filter(({ exposed }) => exposed > 0).length, 2 * 2998);
  assert.ok([...pairs.column("exposed")].every((ns) => ns === 10 || ns === 0));
  assert.equal(cores.row(0).exposed, 29980);
  const row = pairs.filter(({ attacker, victim }) => attacker === "t70 [80]" && victim === "t71 [81]").row(0);
  assert.deepEqual([row.exposed, row.episodes, row.share], [10, 1, 0.5]);
});
