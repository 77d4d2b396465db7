import assert from "node:assert/strict";
import { demands } from "../../../lib/sched/fairness/demands.ts";
import { fairness } from "../../../lib/sched/fairness/fairness.ts";
import { entitlementFromTrace } from "../../../lib/sched/fairness/from_trace.ts";
import { jain } from "../../../lib/sched/fairness/jain.ts";
import { lag } from "../../../lib/sched/fairness/lag.ts";
import { serviceWindows } from "../../../lib/sched/fairness/service_windows.ts";
import { smpNiceError } from "../../../lib/sched/fairness/smp_nice.ts";
import { starvation } from "../../../lib/sched/fairness/starvation.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";

const hog = (tid: number, nice = 0): Task => ({ tid, comm: `hog${tid}`, prio: 120 + nice });
const close = (x: number, y: number, what: string, bound = 1e-6) =>
  assert.ok(Math.abs(x - y) <= bound, `${what}: ${x}, not ${y}`);

/** Wakes all of `hogs` at 0 on `cpu` and runs them in turns for `slices` of the given lengths (ns), again and again until `end`. */
function turns(
  writer: TraceWriter,
  cpu: number,
  hogs: readonly Task[],
  slices: readonly number[],
  end: number,
): void {
  writer.switch(0, cpu, IDLE, 0, hogs[0]!);
  for (const one of hogs.slice(1)) writer.waking(0, cpu, hogs[0]!, one, cpu);
  let now = slices[0]!;
  for (let at = 0; now < end; at++) {
    const next = (at + 1) % hogs.length;
    if (hogs.length > 1) writer.switch(now, cpu, hogs[at % hogs.length]!, 0x100, hogs[next]!);
    now += slices[next % slices.length]!;
  }
}

/** The trace, ended at `end` by a switch of a CPU that is not looked at. */
function finished(writer: TraceWriter, end: number, cpu = 63) {
  return writer.switch(0, cpu, IDLE, 0, hog(999)).switch(end, cpu, hog(999), 1, IDLE).trace();
}

Deno.test("N equal hogs in turns on one CPU: 1/N each, lag within a round, the sum of all lags 0", () => {
  for (const n of [2, 3, 4, 7]) {
    const hogs = Array.from({ length: n }, (_, i) => hog(10 + i));
    const slice = 3e6;
    const end = slice * n * 50;
    const writer = new TraceWriter();
    turns(writer, 0, hogs, [slice], end);
    const trace = finished(writer, end);
    const rows = [...fairness(trace, { cpus: [0] }).rows()];
    assert.equal(rows.length, n);
    for (const row of rows) {
      assert.equal(row.service, end / n);
      close(row.entitled, end / n, "entitled", 1);
      close(row.error, 0, "error");
      // Before its first slice hog i has waited i slices at 1/n each; after its slice it is ahead by what the others are owed.
      const i = row.tid - 10;
      close(row.max_lag, i * slice / n, `the most that ${i} of ${n} is owed`, 1);
      close(
        row.min_lag,
        Math.min(0, i * slice / n - slice * (n - 1) / n),
        `the most that ${i} of ${n} is ahead`,
        1,
      );
      close(row.worst, slice * (n - 1) / n, "the worst window is a whole round without it", 1);
    }
    close(rows.reduce((sum, row) => sum + row.lag, 0), 0, "sum of lags", 1e-3);
    for (const bin of lag(trace, { cpus: [0], bin: slice / 2 }).filter(({ ts }) => ts < end / 3).rows()) {
      assert.ok(Math.abs(bin.lag) <= slice);
    }
    const curve = [...jain(trace, { cpus: [0], windows: [slice, slice * n] }).rows()];
    close(curve[0]!.jain, 1 / n, "within a slice one has all");
    close(curve[1]!.jain, 1, "within a round all have the same");
    close(curve[1]!.smp_nice_max, 0, "error over a round");
    const windows = [...serviceWindows(trace, { cpus: [0], windows: [slice], step: slice }).rows()];
    for (const row of windows) close(row.shortfall, slice / n, "a slice of another's", 1);
  }
});

Deno.test("nice 0 and nice 5 that are served as 1024 to 335 are served as they are entitled to", () => {
  const writer = new TraceWriter();
  const end = (1024 + 335) * 1e4 * 20;
  turns(writer, 0, [hog(1, 0), hog(2, 5)], [1024e4, 335e4], end);
  const trace = finished(writer, end);
  const [heavy, light] = [...fairness(trace, { cpus: [0] }).sort("tid").rows()];
  assert.deepEqual([heavy!.weight, light!.weight], [1024, 335]);
  close(heavy!.service / light!.service, 1024 / 335, "service");
  close(heavy!.entitled / light!.entitled, 1024 / 335, "entitlement");
  close(smpNiceError(fairness(trace, { cpus: [0] })).error, 0, "error");
  // In equal turns the heavy one is owed what the light one has too much.
  const equal = new TraceWriter();
  turns(equal, 0, [hog(1, 0), hog(2, 5)], [5e6], 100e6);
  const fair = [...fairness(finished(equal, 100e6), { cpus: [0] }).sort("tid").rows()];
  close(fair[0]!.lag, 100e6 * (1024 / 1359 - 0.5), "owed", 1);
  close(fair[1]!.lag, -fair[0]!.lag, "ahead", 1);
  close(fair[1]!.error, 0.5 / (335 / 1359) - 1, "error of the light one");
  // Given weights take the place of the nice values'.
  const even = fairness(finished(equal, 100e6), { cpus: [0], weights: new Map([[1, 7], [2, 7]]) });
  close(smpNiceError(even).error, 0, "with equal weights");
});

Deno.test("an infeasible weight has its CPU and no more; the others share what it leaves", () => {
  const writer = new TraceWriter();
  const end = 120e6;
  turns(writer, 0, [hog(1, -20)], [4e6], end);
  turns(writer, 1, [hog(2), hog(3), hog(4)], [4e6], end);
  const trace = finished(writer, end);
  const rows = [...fairness(trace, { cpus: [0, 1] }).sort("tid").rows()];
  assert.deepEqual(rows.map(({ weight }) => weight), [88761, 1024, 1024, 1024]);
  close(rows[0]!.entitled, end, "the heavy one", 1);
  for (const row of rows.slice(1)) close(row.entitled, end / 3, "the others", 1);
  for (const row of rows) close(row.error, 0, "error");
});

Deno.test("where there are no more threads than CPUs everybody is entitled to all that it runs, whatever the weights", () => {
  const writer = new TraceWriter();
  turns(writer, 0, [hog(1, -20)], [4e6], 40e6);
  turns(writer, 1, [hog(2, 19)], [4e6], 40e6);
  writer.switch(0, 2, hog(5), 1, IDLE).switch(0, 3, hog(6), 1, IDLE).waking(40e6, 0, hog(1), hog(6), 3);
  const rows = [...fairness(finished(writer, 40e6), { cpus: [0, 1, 2, 3] }).rows()];
  assert.deepEqual(rows.map(({ tid, service, entitled, error }) => [tid, service, entitled, error]).sort(), [
    [1, 40e6, 40e6, 0],
    [2, 40e6, 40e6, 0],
  ]);
});

Deno.test("a CPU that runs a thread of a higher class is not shared meanwhile", () => {
  const writer = new TraceWriter();
  const end = 80e6;
  turns(writer, 0, [hog(1), hog(2)], [4e6], end);
  const rt: Task = { tid: 3, comm: "rt", prio: 50 };
  writer.switch(0, 1, IDLE, 0, rt).switch(end / 2, 1, rt, 1, IDLE);
  const rows = [...fairness(finished(writer, end), { cpus: [0, 1] }).rows()];
  assert.deepEqual(rows.map(({ tid }) => tid).sort(), [1, 2]);
  // Half of the time one CPU is left for two, then two.
  for (const row of rows) close(row.entitled, end / 4 + end / 2, "entitled", 1);
});

Deno.test("a group is entitled to what its threads are", () => {
  const writer = new TraceWriter();
  const end = 120e6;
  turns(writer, 0, [hog(1), hog(2), hog(3), hog(4)], [3e6], end);
  const by = new Map([[1, "a"], [2, "a"], [3, "a"], [4, "b"]]);
  const rows = [...fairness(finished(writer, end), { cpus: [0], by }).rows()];
  assert.deepEqual(rows.map(({ name, tid, threads }) => [name, tid, threads]), [["a", -1, 3], ["b", -1, 1]]);
  close(rows[0]!.entitled, end * 3 / 4, "a", 1);
  close(rows[1]!.entitled, end / 4, "b", 1);
});

Deno.test("groups that share the CPU first: what a session of one has, a session of two has to share", () => {
  const writer = new TraceWriter();
  const end = 120e6;
  turns(writer, 0, [hog(1), hog(2, 5), hog(3, 19), hog(4)], [3e6], end);
  const trace = finished(writer, end);
  const entitled = (shares: Parameters<typeof fairness>[1]) =>
    [...fairness(trace, { cpus: [0], ...shares }).sort("tid").column("entitled")].map((time) => time / end);
  const sessions = new Map([[1, "a"], [2, "a"], [3, "b"]]);
  // Two sessions of 1024 each and a thread of 1024 that stands beside them; nice values count inside of a session only.
  entitled({ shares: { by: sessions } }).forEach((share, i) =>
    close(share, [1 / 3 * 1024 / 1359, 1 / 3 * 335 / 1359, 1 / 3, 1 / 3][i]!, `share ${i}`)
  );
  entitled({ shares: { by: sessions, weights: new Map([["b", 2048]]) } }).forEach((share, i) =>
    close(share, [1 / 4 * 1024 / 1359, 1 / 4 * 335 / 1359, 1 / 2, 1 / 4][i]!, `weighted share ${i}`)
  );
  assert.throws(
    () => entitled({ shares: { by: sessions, weights: new Map([["b", 0]]) } }),
    /weight of group "b" to be above 0 but found 0/,
  );
});

Deno.test("time in a hole of any CPU counts for nobody", () => {
  const writer = new TraceWriter();
  const end = 120e6;
  turns(writer, 0, [hog(1), hog(2)], [3e6], end);
  // CPU 1 is next seen to leave somebody it was not seen to enter.
  writer.switch(0, 1, IDLE, 0, hog(3)).switch(30e6, 1, hog(3), 1, IDLE).switch(60e6, 1, hog(4), 1, IDLE);
  const trace = finished(writer, end);
  for (const row of fairness(trace, { cpus: [0, 1] }).rows()) {
    close(row.coverage, 0.75, "coverage");
    assert.equal(row.censored, 1);
    if (row.tid < 3) close(row.service, 45e6, "service of 90 known ms");
  }
  for (const row of fairness(trace, { cpus: [0] }).rows()) {
    assert.deepEqual([row.coverage, row.service, row.censored], [1, 60e6, 0]);
  }
  const bins = [...lag(trace, { cpus: [0, 1], bin: 30e6, limit: 1 }).rows()];
  assert.deepEqual(bins.map(({ censored }) => censored), [0, 1, 0, 0]);
  const [row] = [...jain(trace, { cpus: [0, 1], windows: [30e6] }).rows()];
  close(row!.coverage, 0.75, "of the windows");
  assert.equal(row!.censored, 1);
});

Deno.test("starvation() goes on across queues and ends with the run", () => {
  const [a, b, c] = [hog(1), hog(2), hog(3, 19)];
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, a).switch(0, 1, IDLE, 0, b)
    .waking(10e6, 0, a, c, 0).migrate(60e6, 1, c, 0, 1).migrate(90e6, 0, c, 1, 0)
    .switch(160e6, 0, a, 0, c).switch(170e6, 0, c, 0x100, a)
    // Exactly the threshold is not longer than it.
    .switch(270e6, 0, a, 1, c).switch(280e6, 0, c, 0x100, a)
    // To the end of the trace.
    .switch(500e6, 1, b, 1, IDLE).trace();
  const rows = [...starvation(trace).rows()];
  assert.deepEqual(
    rows.map(({ ts, dur, tid, comm, kind, cpu, moves, prio, censored }) => [
      ts,
      dur,
      tid,
      comm,
      kind,
      cpu,
      moves,
      prio,
      censored,
    ]),
    [
      [280e6, 220e6, 3, "hog3", "preempted", 0, 0, 139, 1],
      [10e6, 150e6, 3, "hog3", "woken", 0, 2, 139, 0],
      [160e6, 110e6, 1, "hog1", "preempted", 0, 0, 120, 0],
    ].filter(([, , tid]) => tid === 3),
  );
  assert.equal(starvation(trace, { threshold: 99e6 }).length, 3);
  assert.throws(() => starvation(trace, { threshold: -1 }), /at least 0 ns but found -1/);
});

Deno.test("demands() leaves the wait out", () => {
  const [a, b] = [hog(1), hog(2, 5)];
  const trace = new TraceWriter()
    .switch(0, 0, IDLE, 0, a).waking(0, 0, a, b, 0)
    .switch(50, 0, a, 1, b) // a ran 50; b waited 50
    .switch(80, 0, b, 1, IDLE) // b ran 30
    .waking(120, 0, IDLE, a, 0).switch(120, 0, IDLE, 0, a) // a slept 70
    .switch(150, 0, a, 1, IDLE).waking(200, 0, IDLE, a, 0).switch(200, 0, IDLE, 0, a).trace(); // 30 more, and 50 of sleep
  const [first, second] = [...demands(trace).rows()];
  assert.deepEqual([first!.run, first!.wait, first!.sleep, first!.demand], [80, 0, 120, 0.4]);
  assert.deepEqual([second!.run, second!.wait, second!.sleep, second!.demand, second!.weight], [
    30,
    50,
    120,
    0.2,
    335,
  ]);
  const bins = [...demands(trace, { bin: 100 }).rows()].filter(({ tid }) => tid === 2);
  assert.deepEqual(bins.map(({ ts, dur, run, wait, sleep }) => [ts, dur, run, wait, sleep]), [
    [0, 100, 30, 50, 20],
    [100, 100, 0, 0, 100],
  ]);
});

Deno.test("entitlementFromTrace() fills the CPUs by what was wanted", () => {
  const writer = new TraceWriter();
  const end = 120e6;
  turns(writer, 0, [hog(1, -20)], [4e6], end);
  turns(writer, 1, [hog(2), hog(3), hog(4)], [4e6], end);
  const { tasks, cpus } = entitlementFromTrace(finished(writer, end, 1), { cpus: 2 });
  assert.equal(cpus, 2);
  const rows = [...tasks.rows()].filter(({ tid }) => tid < 900);
  assert.deepEqual(rows.map(({ tid, infeasible }) => [tid, infeasible]), [[1, 1], [2, 0], [3, 0], [4, 0]]);
  close(rows[0]!.share, 1, "the heavy one");
});

Deno.test("what cannot be is named", () => {
  const writer = new TraceWriter();
  turns(writer, 0, [hog(1), hog(2)], [4e6], 40e6);
  const trace = finished(writer, 40e6);
  assert.throws(
    () => fairness(trace, { cpus: [5] }),
    /None of the CPUs 5 switched in the trace; it has 0, 63/,
  );
  assert.throws(
    () => fairness(trace, { weights: new Map([[1, 0]]) }),
    /weight of thread 1 to be above 0 but found 0/,
  );
  assert.throws(() => fairness(trace, { by: "cgroup" }), /cgroup_attach_task/);
  assert.throws(() => jain(trace, { windows: [0] }), /window above 0 ns but found 0/);
  assert.throws(() => lag(trace, { bin: -1 }), /bin above 0 ns but found -1/);
  assert.throws(() => fairness(new TraceWriter().trace()), /fairness needs sched:sched_switch/);
  const empty = fairness(trace.window({ from: 50e6, to: 50e6 }));
  assert.equal(empty.length, 0);
});
