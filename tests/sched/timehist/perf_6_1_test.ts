import assert from "node:assert/strict";
import { openTrace } from "../../../lib/trace/open.ts";
import { ByteWriter } from "../../../lib/sched/timehist/byte_writer.ts";
import type { TimehistPrintOptions } from "../../../lib/sched/timehist/options.ts";
import { writePerfTimehist } from "../../../lib/sched/timehist/perf_6_1.ts";
import { Kind } from "../../../lib/trace/stream.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import { record, recordings } from "./recordings.ts";

/** perf's own options, and ours for the same. */
type Case = readonly [perf: string, ours: TimehistPrintOptions];

for (const plan of recordings) {
  Deno.test(`timehist --rules perf-6.1 equals perf: ${plan.name}`, async (t) => {
    const directory = await Deno.makeTempDir();
    try {
      const path = `${directory}/perf.data`;
      await record(plan, path);
      const trace = await openTrace(path);
      for (const [perf, ours] of cases(trace)) {
        await t.step(perf === "" ? "no option" : perf, async () => {
          assertSameBytes(output(trace, ours), await perfOutput(path, perf), perf);
        });
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function cases(trace: Trace): Case[] {
  const seconds = (share: number) => {
    const ns = trace.epoch + BigInt(Math.floor(trace.span.to * share));
    return { ns, text: `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}` };
  };
  const a = seconds(0.3);
  const b = seconds(0.7);
  const later = trace.epoch + BigInt(trace.span.to) + 5_000_000_000n;
  const window = { from: a.ns, to: b.ns };
  const { tid, pid } = busiest(trace);
  const pids = new Set([pid]);
  const tids = new Set([tid, 0]);
  const all = { migrations: true, cpuVisual: true, wakeups: true, state: true } as const;
  return [
    ["", {}],
    ["-s", { summaryOnly: true }],
    ["-S", { withSummary: true }],
    ["-w", { wakeups: true }],
    ["-n", { next: true }],
    ["-M", { migrations: true }],
    ["-V", { cpuVisual: true }],
    ["-I", { idleOnly: true }],
    ["-I -s", { idleOnly: true, summaryOnly: true }],
    ["-I -S --state", { idleOnly: true, withSummary: true, state: true }],
    ["-I -w -M -V", { idleOnly: true, wakeups: true, migrations: true, cpuVisual: true }],
    ["--state", { state: true }],
    ["-s --state", { state: true, summaryOnly: true }],
    ["-s -M", { migrations: true, summaryOnly: true }],
    ["-MVw --state", all],
    ["-MVwn --state -S", { ...all, next: true, withSummary: true }],
    [`--time ${a.text},${b.text}`, { time: window }],
    [`--time ${a.text}, -w -M`, { time: { from: a.ns, to: undefined }, wakeups: true, migrations: true }],
    [`--time ,${b.text} -S`, { time: { from: undefined, to: b.ns }, withSummary: true }],
    [`--time ${a.text},${b.text} -s`, { time: window, summaryOnly: true }],
    [`--time ${a.text},${b.text} -MVw --state -S`, { ...all, time: window, withSummary: true }],
    [`--time ${a.text},${b.text} -I -S`, { time: window, idleOnly: true, withSummary: true }],
    [`--time 1,2 -s`, { time: { from: 1_000_000_000n, to: 2_000_000_000n }, summaryOnly: true }],
    [`--time ${later / 1_000_000_000n}, -S`, {
      time: { from: later / 1_000_000_000n * 1_000_000_000n, to: undefined },
      withSummary: true,
    }],
    ["-C 0", { cpus: new Set([0]) }],
    ["-C 0 -s", { cpus: new Set([0]), summaryOnly: true }],
    ["-C 0-1 -S -w", { cpus: new Set([0, 1]), withSummary: true, wakeups: true }],
    ["-C 1 -MVw --state -I", { ...all, cpus: new Set([1]), idleOnly: true }],
    [`-p ${pid}`, { pids }],
    [`-p ${pid} -s`, { pids, summaryOnly: true }],
    [`-p ${pid} -w -M -S`, { pids, wakeups: true, migrations: true, withSummary: true }],
    [`-t ${tid},0 -S -n`, { tids, withSummary: true, next: true }],
    [`-t ${tid},0 -s --state`, { tids, summaryOnly: true, state: true }],
    [`-t ${tid},0 -p ${pid} -wMV`, { tids, pids, wakeups: true, migrations: true, cpuVisual: true }],
    [`-t ${tid},0 -I -S`, { tids, idleOnly: true, withSummary: true }],
    [`-C 0 -t ${tid},0 --time ${a.text},${b.text} -MVw --state -S`, {
      ...all,
      cpus: new Set([0]),
      tids,
      time: window,
      withSummary: true,
    }],
  ];
}

/** The thread that switched most, and its process. */
function busiest(trace: Trace): { tid: number; pid: number } {
  const { kind, tid, pid, a, length } = trace.stream;
  const counts = new Map<number, number>();
  const pids = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    if (kind[i] !== Kind.Switch || a[i] === 0 || tid[i] !== a[i]) continue;
    counts.set(tid[i]!, (counts.get(tid[i]!) ?? 0) + 1);
    pids.set(tid[i]!, pid[i]!);
  }
  const [best] = [...counts].sort((x, y) => y[1] - x[1])[0]!;
  return { tid: best, pid: pids.get(best)! };
}

function output(trace: Trace, options: TimehistPrintOptions): Uint8Array {
  const blocks: Uint8Array[] = [];
  const writer = new ByteWriter((block) => blocks.push(block.slice()));
  writePerfTimehist(trace, writer, options);
  writer.flush();
  const bytes = new Uint8Array(blocks.reduce((size, block) => size + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

async function perfOutput(path: string, options: string): Promise<Uint8Array> {
  const args = ["sched", "timehist", ...options.split(" ").filter(Boolean), "-i", path];
  const { stdout } = await new Deno.Command("perf", { args, stdout: "piped", stderr: "null" }).output();
  return stdout;
}

/** Fails with the first lines that differ. */
function assertSameBytes(ours: Uint8Array, perfs: Uint8Array, options: string): void {
  if (ours.length === perfs.length && ours.every((byte, i) => byte === perfs[i])) {
    assert.ok(ours.length > 0, "perf printed nothing at all");
    return;
  }
  const latin1 = new TextDecoder("latin1");
  const left = latin1.decode(ours).split("\n");
  const right = latin1.decode(perfs).split("\n");
  const first = right.findIndex((line, i) => line !== left[i]);
  const from = first < 0 ? right.length : first;
  assert.fail(
    `perf sched timehist ${options}: line ${from + 1} of ${right.length} (ours ${left.length})\n` +
      `perf: ${JSON.stringify(right.slice(from, from + 3), null, 1)}\n` +
      `ours: ${JSON.stringify(left.slice(from, from + 3), null, 1)}`,
  );
}
