import assert from "node:assert/strict";
import { nativeProgram } from "../../lib/native/mod.ts";

const CPU = 0;
const SECONDS = 1;

interface Measured {
  /** Gaps of more than 10 us for each second of watching. */
  readonly rate: number;
  /** Mean time between two samples, ns. */
  readonly period: number;
}

async function output(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** oslat of rt-tests: bucket n has the samples that took n - 1 to n us, the last one also those beyond. */
async function oslat(): Promise<Measured> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const watcher = navigator.hardwareConcurrency > 1 ? 1 : 0;
    await output("oslat", [
      ...["-c", String(CPU), "-C", String(watcher), "-f", "1", "-D", String(SECONDS), "-b", "1024", "-q"],
      `--json=${file}`,
    ]);
    const { thread } = JSON.parse(await Deno.readTextFile(file)) as {
      thread: Record<string, { duration: number; histogram: Record<string, number> }>;
    };
    const { duration, histogram } = thread["0"]!;
    let long = 0, all = 0;
    for (const [us, count] of Object.entries(histogram)) {
      all += count;
      if (Number(us) > 10) long += count;
    }
    return { rate: long / duration, period: duration * 1e9 / all };
  } finally {
    await Deno.remove(file);
  }
}

async function spin(): Promise<Measured> {
  const text = await output(nativeProgram("schedscope-spin"), [
    ...[
      "-n",
      "1",
      "--cpus",
      String(CPU),
      "--policy",
      "fifo:1",
      "--max-sleep",
      "0",
      "--burst",
      "60s",
      "--max-gap",
      "0",
    ],
    ...["--duration", `${SECONDS}s`, "--threshold", "10us", "--brackets", "1", "--bracket", "10ms", "--json"],
  ]);
  const { per_thread, tsc } = JSON.parse(text) as {
    tsc: { hz: number };
    per_thread: { run_gaps: number; wall_ns: number; run_ticks: [number, number][] }[];
  };
  const { run_gaps, wall_ns, run_ticks } = per_thread[0]!;
  assert.ok(tsc.hz > 1e6);
  const samples = run_ticks.reduce((sum, [, count]) => sum + count, 0);
  return { rate: run_gaps / (wall_ns / 1e9), period: wall_ns / samples };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

Deno.test("spin and oslat in turn on one CPU: as many gaps over 10 us as their own runs differ, and no slower sampling", async () => {
  for (let attempt = 1;; attempt++) {
    const theirs: Measured[] = [], ours: Measured[] = [];
    for (let i = 0; i < 3; i++) {
      // A B B A: what changes on the machine meanwhile meets both.
      const turn = i % 2 ? [spin, oslat] : [oslat, spin];
      for (const measure of turn) (measure === spin ? ours : theirs).push(await measure());
    }
    const show = (runs: Measured[]) =>
      `${runs.map(({ rate }) => rate.toFixed(0)).join(" ")} gaps over 10 us a second, a sample every ${
        median(runs.map(({ period }) => period)).toFixed(1)
      } ns`;
    console.log(`  oslat: ${show(theirs)}\n  spin:  ${show(ours)}`);
    const rates = (runs: Measured[]) => runs.map(({ rate }) => rate);
    const range = (runs: Measured[]) => Math.max(...rates(runs)) - Math.min(...rates(runs));
    const distance = Math.abs(median(rates(theirs)) - median(rates(ours)));
    // The runs' own spread, and a quarter: three runs do not tell a spread well.
    const allowed = Math.max(range(theirs), range(ours)) + 0.25 * median(rates(theirs));
    const slower = median(ours.map(({ period }) => period)) / median(theirs.map(({ period }) => period));
    const bad: string[] = [];
    if (!(distance <= allowed)) bad.push(`medians differ by ${distance}, runs of one by ${allowed}`);
    if (!(slower <= 1.1)) bad.push(`spin samples ${slower} times as slowly`);
    if (bad.length > 0 && attempt < 3) continue;
    assert.deepEqual(bad, []);
    break;
  }
});
