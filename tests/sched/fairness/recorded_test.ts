import assert from "node:assert/strict";
import { fairness } from "../../../lib/sched/fairness/fairness.ts";
import { jain } from "../../../lib/sched/fairness/jain.ts";
import { starvation } from "../../../lib/sched/fairness/starvation.ts";
import { load } from "../../../lib/sched/load/cpu_load.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { type HogRecording, recordHogs, threeTimes } from "./hogs.ts";

const CPU = 0;
const near = (x: number, y: number, share: number, what: string) =>
  assert.ok(Math.abs(x / y - 1) <= share, `${what}: ${x}, where ${y} was expected`);

/** 3 %, or where a busy machine left a hog little, two ticks: a scheduler that works by ticks is not nearer than that. */
const bound = (service: number) => Math.max(0.03, 8e6 / service);

/** The rows of `hogs` in their order, and how much of the time of `cpus` is known. */
function rowsOf(trace: Trace, { hogs }: HogRecording, cpus: number[]) {
  const rows = [...fairness(trace, { cpus }).rows()];
  const own = hogs.map(({ tid }) => rows.find((row) => row.tid === tid)!);
  assert.ok(own.every((row) => row !== undefined), "all hogs are in the trace");
  assert.ok(own[0]!.coverage > 0.5, `the recording tells ${own[0]!.coverage} of the time of CPUs ${cpus}`);
  return { rows, own };
}

/** On a pinned CPU: what the whole trace says a hog ran is what the kernel counted, as far as the trace tells. */
function assertCounted(trace: Trace, recording: HogRecording): void {
  const { own } = rowsOf(trace, recording, [CPU]);
  own.forEach((row, i) => {
    // What is not covered or not known of it may have been its own; a run of some ms is cut at the stop.
    const hidden = (1 - row.coverage) * (trace.span.to - trace.span.from) + row.unknown;
    const { run } = recording.hogs[i]!;
    assert.ok(
      row.service <= run * 1.01 + 25e6 && row.service >= run * 0.99 - 25e6 - hidden,
      `hog ${i} ran ${row.service} ns, by the kernel ${run}, ${hidden} hidden`,
    );
  });
}

Deno.test("nice 0 against nice 5 on one CPU: 1024 to 335, served and entitled, and what the kernel counted", async () => {
  await threeTimes(async (dir) => {
    const recording = await recordHogs([{ nice: 0, cpu: CPU }, { nice: 5, cpu: CPU }], 3500, dir);
    assertCounted(recording.trace, recording);
    const trace = recording.trace.window({ from: recording.from, to: recording.to });
    const [heavy, light] = rowsOf(trace, recording, [CPU]).own;
    assert.deepEqual([heavy!.weight, light!.weight], [1024, 335]);
    near(heavy!.service / light!.service, 1024 / 335, bound(light!.service), "service");
    // Both wanted to run all of the time: the fluid has the very ratio, whoever else ran.
    near(heavy!.entitled / light!.entitled, 1024 / 335, 0.01, "entitlement");
  });
});

Deno.test("three equal hogs on one CPU: a third each, and fair over a second though not over ten milliseconds", async () => {
  await threeTimes(async (dir) => {
    const plan = Array.from({ length: 3 }, () => ({ nice: 0, cpu: CPU }));
    const recording = await recordHogs(plan, 3000, dir);
    assertCounted(recording.trace, recording);
    const trace = recording.trace.window({ from: recording.from, to: recording.to });
    const { own } = rowsOf(trace, recording, [CPU]);
    const all = own.reduce((sum, row) => sum + row.service, 0);
    const entitled = own.reduce((sum, row) => sum + row.entitled, 0);
    for (const row of own) {
      near(row.service, all / 3, bound(all / 3), "a third of what they got");
      near(row.entitled, entitled / 3, 0.01, "a third of what they are entitled to");
    }
    const by = new Map(recording.hogs.map(({ tid }) => [tid, `hog ${tid}`]));
    const curve = [...jain(trace, { cpus: [CPU], by, windows: [5e6, 1e9] }).rows()];
    assert.ok(curve[1]!.jain > 0.98, `over a second: ${curve[1]!.jain}`);
    assert.ok(curve[0]!.jain < curve[1]!.jain - 0.05, `over 5 ms: ${curve[0]!.jain}`);
    const [row] = [...load(trace).filter(({ cpu }) => cpu === CPU).rows()];
    assert.ok(row!.utilization > 0.95 && row!.mean_depth > 2.9, `${row!.utilization} ${row!.mean_depth}`);
  });
});

Deno.test("four equal hogs anywhere: the same entitlement each, and all entitlements fill the CPUs", async () => {
  await threeTimes(async (dir) => {
    const recording = await recordHogs(Array.from({ length: 4 }, () => ({ nice: 0 })), 2500, dir);
    const trace = recording.trace.window({ from: recording.from, to: recording.to });
    const cpus = [...load(trace).column("cpu")];
    const { rows, own } = rowsOf(trace, recording, cpus);
    const time = (trace.span.to - trace.span.from) * own[0]!.coverage;
    const shared = Math.min(1, cpus.length / 4);
    const absent = own.reduce((sum, row) => sum + Math.max(0, time - row.demand), 0);
    const rate = (row: typeof own[number]) => row.entitled / row.demand;
    for (const row of own) {
      assert.ok(row.entitled <= shared * time * 1.000001 + absent, "no more than M/N");
      // At each moment it is the same for all of them; one may be unknown, or not there yet, for a part of the time.
      near(rate(row), rate(own[0]!), 0.05, "the same each");
    }
    // Four want all of the time, so that no CPU is ever left over; what threads of higher classes took is nobody's.
    const all = rows.reduce((sum, row) => sum + row.entitled, 0);
    if (cpus.length <= 4) {
      const unknown = own.reduce((sum, row) => sum + row.unknown, 0);
      assert.ok(
        all <= cpus.length * time * 1.000001 && all >= 0.95 * cpus.length * time - unknown,
        `${all} of ${time}`,
      );
    }
  });
});

Deno.test("a thread that is starved is found, for as long as the kernel says that it waited", async () => {
  await threeTimes(async (dir) => {
    // By its weight it is entitled to 1/637 of the CPU, in slices of some ms: it waits for seconds.
    const recording = await recordHogs([{ nice: 19, cpu: CPU }, { nice: -10, cpu: CPU }], 2000, dir);
    const [victim] = recording.hogs;
    const rows = [...starvation(recording.trace).rows()].filter(({ tid }) => tid === victim!.tid);
    assert.ok(rows.length > 0 && rows[0]!.dur > 300e6, `the longest wait was ${rows[0]?.dur} ns`);
    const waited = rows.reduce((sum, { dur }) => sum + dur, 0);
    assert.ok(waited <= victim!.delay * 1.01 + 25e6, `${waited} ns in all, by the kernel ${victim!.delay}`);
    assert.ok(waited >= 0.5 * victim!.delay, `${waited} ns in all, by the kernel ${victim!.delay}`);
  });
});
