import assert from "node:assert/strict";
import { collectiveSwitches } from "../../../lib/sched/core_audit/collective_switch.ts";
import { IDLE, TraceWriter } from "../../trace/make_trace.ts";
import { coreScheduled, type Hog } from "./core_scheduled.ts";
import { coresOf, makeSchedule, type Schedule } from "./make_schedule.ts";

interface Change {
  ts: number;
  core: string;
  group_from: string;
  group_to: string;
  cpus: number;
  skew: number;
  fill: number;
  overlap: number;
  dead: number;
}

/** The definition, from the truth of every nanosecond. */
function changes(schedule: Schedule, cpus: number[]): Change[] {
  const { from, to, groups } = schedule;
  const on = (cpu: number, t: number) => groups.get(schedule.truth(cpu, t));
  const present = (t: number) =>
    new Set(cpus.map((cpu) => on(cpu, t)).filter((group) => group !== undefined));
  const waitsAt = (tid: number, t: number) =>
    Array.from({ length: schedule.cpus }, (_, cpu) => schedule.waiting(cpu, t)).flat().includes(tid);
  const found: Change[] = [];
  /** Group that had the core for itself last, since when, and the last instant at which it did. */
  let pure: { group: string; since: number; last: number } | undefined;
  for (let t = from; t < to; t++) {
    const there = present(t);
    if (there.size !== 1) continue;
    const [group] = [...there] as [string];
    if (pure === undefined || pure.group === group) {
      let since = pure?.since ?? t;
      // An attempt of others that failed: what went before has nothing to do with the next one.
      for (let at = (pure?.last ?? t) + 1; at < t; at++) if (present(at).size > 1) since = t;
      pure = { group, since, last: t };
      continue;
    }
    const change = pure.group;
    const between: Set<string>[] = [];
    for (let at = pure.last + 1; at < t; at++) between.push(present(at));
    const { since, last } = pure;
    pure = { group, since: t, last: t };
    if (between.some((each) => [...each].some((other) => other !== change && other !== group))) continue;
    let enter = last + 1;
    while (!present(enter).has(group)) enter++;
    const left: number[] = [];
    for (const cpu of cpus) {
      let at = t - 1;
      while (at >= since && on(cpu, at) !== change) at--;
      if (at < since) continue;
      const tid = schedule.truth(cpu, at);
      let stays = true;
      for (let u = at + 1; u < t; u++) {
        if (cpus.some((each) => schedule.truth(each, u) === tid)) stays = false;
      }
      const displaced = waitsAt(tid, at + 1) || !sleepsAfter(schedule, tid, at + 1);
      if (at + 1 >= enter || (displaced && stays)) left.push(at + 1);
    }
    if (left.length === 0) continue;
    const first = Math.min(...left);
    let [overlap, dead] = [0, 0];
    for (let at = Math.min(first, enter); at < t; at++) {
      const there = present(at);
      if (there.size === 2) overlap++;
      if (there.size === 0) dead++;
    }
    let lastEnter = enter;
    let end = t;
    while (end < to && [...present(end)].every((each) => each === group)) end++;
    for (const cpu of cpus) {
      let at = enter;
      while (at < end && on(cpu, at) !== group) at++;
      if (at === end || at === enter) continue;
      const tid = schedule.truth(cpu, at);
      let waited = true;
      for (let u = enter; u < at; u++) if (!waitsAt(tid, u)) waited = false;
      if (waited) lastEnter = Math.max(lastEnter, at);
    }
    found.push({
      ts: first - from,
      core: cpus.join(","),
      group_from: change,
      group_to: group,
      cpus: left.length,
      skew: Math.max(...left) - first,
      fill: lastEnter - enter,
      overlap,
      dead,
    });
  }
  return found;
}

/** Whether `tid`, which does not run at `t`, neither waits: it may run elsewhere. */
function sleepsAfter(schedule: Schedule, tid: number, t: number): boolean {
  for (let cpu = 0; cpu < schedule.cpus; cpu++) {
    if (schedule.truth(cpu, t) === tid || schedule.waiting(cpu, t).includes(tid)) return false;
  }
  return true;
}

Deno.test("collective switches are what a look at every nanosecond says, on random schedules", () => {
  let found = 0;
  for (let seed = 1; seed <= 80; seed++) {
    for (const [cpus, siblings, groups] of [[2, 2, 2], [4, 2, 3], [4, 4, 2]] as const) {
      const schedule = makeSchedule(seed, { cpus, groups, tasks: cpus * 3 });
      const cores = coresOf(cpus, siblings);
      const { switches, cores: byCore } = collectiveSwitches(schedule.trace, {
        groups: schedule.groups,
        cores,
        epsilon: 5,
      });
      const rows = [...switches.rows()].filter(({ censored }) => censored === 0);
      const unseen = new Set(
        cores.filter((core) => core.some((cpu) => schedule.known(cpu, schedule.from) < 0)).map((core) =>
          core.join()
        ),
      );
      for (const core of cores) {
        if (unseen.has(core.join())) continue;
        const expected = changes(schedule, core);
        const own = rows.filter((row) => row.core === core.join(",")).map(({ censored: _, ...row }) => row);
        assert.deepEqual(own, expected, `seed ${seed}, core ${core}`);
        const sum = [...byCore.rows()].find((row) => row.core === core.join(","))!;
        const overlaps = expected.map(({ overlap }) => overlap);
        assert.equal(sum.switches, expected.length);
        assert.equal(sum.collective, expected.filter(({ cpus }) => cpus > 1).length);
        assert.equal(sum.overlap, overlaps.reduce((a, b) => a + b, 0));
        if (expected.length > 0) {
          assert.equal(sum.max_overlap, Math.max(...overlaps));
          assert.ok(
            Math.abs(sum.atomic - overlaps.filter((each) => each <= 5).length / expected.length) < 1e-12,
          );
        }
        found += expected.length;
      }
    }
  }
  assert.ok(found > 1000, `${found} changes`);
});

const HOGS: [Hog, Hog, Hog, Hog] = [
  { tid: 10, comm: "a0", cookie: "A", cpu: 0 },
  { tid: 11, comm: "a1", cookie: "A", cpu: 1 },
  { tid: 20, comm: "b0", cookie: "B", cpu: 0 },
  { tid: 21, comm: "b1", cookie: "B", cpu: 1 },
];
const COOKIES = new Map(HOGS.map(({ tid, cookie }) => [tid, cookie]));
const OPTIONS = { groups: COOKIES, cores: [[0, 1]] };

Deno.test("where the sibling follows by an interrupt, skew, fill and overlap are what that takes", () => {
  // Each round has two turns of A and two of B.
  const turns = [HOGS[0], HOGS[2], HOGS[1], HOGS[3]];
  const of = (late: number) => collectiveSwitches(coreScheduled(2, turns, 10, late).trace(), OPTIONS);
  const late = of(3000);
  assert.equal(late.switches.length, 39);
  for (const row of late.switches.rows()) {
    assert.deepEqual([row.cpus, row.skew, row.fill, row.overlap, row.dead, row.censored], [
      2,
      3000,
      3000,
      3000,
      0,
      0,
    ]);
  }
  const sum = late.cores.row(0);
  assert.deepEqual([sum.switches, sum.collective, sum.p50_overlap, sum.overlap, sum.atomic], [
    39,
    39,
    3000,
    117000,
    1,
  ]);
  assert.equal(of(8000).cores.row(0).atomic, 0);
  const atOnce = of(0).cores.row(0);
  assert.deepEqual([atOnce.switches, atOnce.max_skew, atOnce.overlap, atOnce.atomic], [39, 0, 0, 1]);
});

const [A0, A1, B0, B1] = HOGS;

Deno.test("a leader that stops all first leaves dead time; who went to sleep before has left no core", () => {
  const start = () => new TraceWriter().switch(0, 0, IDLE, 0, A0).switch(0, 1, IDLE, 0, A1);
  const rows = (writer: TraceWriter) => [...collectiveSwitches(writer.trace(), OPTIONS).switches.rows()];
  const stopped = start().waking(5, 0, A0, B0, 0).waking(6, 0, A0, B1, 1)
    .switch(100, 0, A0, 0, IDLE).switch(130, 1, A1, 0, IDLE).switch(200, 0, IDLE, 0, B0).switch(
      260,
      1,
      IDLE,
      0,
      B1,
    )
    .switch(900, 1, B1, 0, IDLE);
  assert.deepEqual(rows(stopped), [{
    ...{ ts: 100, core: "0,1", group_from: "A", group_to: "B", cpus: 2 },
    ...{ skew: 30, fill: 60, overlap: 0, dead: 70, censored: 0 },
  }]);
  const asleep = start().switch(100, 0, A0, 1, IDLE).switch(130, 1, A1, 1, IDLE).waking(150, 0, IDLE, B0, 0)
    .switch(200, 0, IDLE, 0, B0).switch(900, 0, B0, 0, IDLE);
  assert.deepEqual(rows(asleep), []);
  // Its second thread was not waiting when B came: it fills nothing.
  const later = start().waking(5, 0, A0, B0, 0).switch(100, 0, A0, 0, B0).switch(120, 1, A1, 1, IDLE)
    .waking(400, 0, B0, B1, 1).switch(410, 1, IDLE, 0, B1).switch(900, 1, B1, 0, IDLE);
  const [row] = rows(later);
  assert.deepEqual([row!.cpus, row!.skew, row!.fill, row!.overlap], [2, 20, 0, 20]);
  // Somebody who was not seen to enter leaves CPU 1: A may have stayed.
  const hole = start().waking(5, 0, A0, B0, 0).switch(100, 0, A0, 0, B0).switch(300, 1, B1, 0, IDLE)
    .switch(900, 0, B0, 0, IDLE);
  assert.deepEqual(rows(hole).map(({ censored }) => censored), [1]);
  const cut = start().waking(5, 0, A0, B0, 0).switch(100, 0, A0, 0, B0).switch(150, 1, A1, 0, IDLE)
    .switch(300, 1, B1, 0, IDLE).switch(900, 0, B0, 0, IDLE);
  assert.deepEqual(rows(cut).map(({ censored, overlap }) => [censored, overlap]), [[1, 50]]);
});
