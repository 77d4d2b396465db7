import assert from "node:assert/strict";
import { type GapColumns, inject, type Injection, type SpinResult } from "../../lib/bench/mod.ts";
import type { Frame } from "../../lib/frame/mod.ts";
import { startSpin } from "./start_spin.ts";

const threshold = 500e3;

interface Judgement {
  /** Windows over twice the threshold, and those of them that some gap covers. */
  windows: number;
  found: number;
  /** |gap - window| of the found ones, a window being from when it was due until the thief gave the CPU back, ns. */
  errors: number[];
  /** Gaps over twice the threshold; of them those that a window explains; of the rest those with evidence of another thief. */
  gaps: number;
  injected: number;
  others: number;
}

/** Ticks that both have. */
function overlap(gaps: Frame<GapColumns>, row: number, start: bigint, end: bigint): bigint {
  const from = gaps.column("start_tsc")[row]!, to = gaps.column("end_tsc")[row]!;
  return (to < end ? to : end) - (from > start ? from : start);
}

/**
 * Whether the kernel's counters say that the spinner really lost most of that time to somebody else: another task ran (it was switched out, or
 * waited on a run queue), or its CPU clock stood still although it had the CPU (the hypervisor, or interrupts).
 */
function explained(gaps: Frame<GapColumns>, row: number): boolean {
  const lost = gaps.column("run_delay")[row]! + gaps.column("uncounted")[row]! + gaps.column("steal")[row]!;
  return lost >= 0.5 * gaps.column("dur")[row]!;
}

function judge(result: SpinResult, truth: Injection): Judgement {
  const { gaps } = result, { windows } = truth;
  const dur = gaps.column("dur");
  const hit = new Set<number>();
  const j: Judgement = { windows: 0, found: 0, errors: [], gaps: 0, injected: 0, others: 0 };
  for (let w = 0; w < windows.length; w++) {
    const start = windows.column("due_tsc")[w]!, end = windows.column("end_tsc")[w]!;
    const rows = [...dur.keys()].filter((row) => overlap(gaps, row, start, end) > 0n);
    for (const row of rows) hit.add(row);
    if (windows.column("dur")[w]! <= 2 * threshold) continue;
    j.windows++;
    const cover = rows.find((row) => overlap(gaps, row, start, end) >= (end - start) * 99n / 100n);
    if (cover === undefined) continue;
    j.found++;
    j.errors.push(Math.abs(dur[cover]! - Number(end - start) * 1e9 / result.tsc.hz));
  }
  for (let row = 0; row < gaps.length; row++) {
    if (dur[row]! <= 2 * threshold) continue;
    j.gaps++;
    if (hit.has(row)) j.injected++;
    else if (explained(gaps, row)) j.others++;
  }
  return j;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

Deno.test("spin finds every window that a SCHED_FIFO thread steals, at its length", async () => {
  const cpu = 1 % navigator.hardwareConcurrency;
  for (let attempt = 1;; attempt++) {
    const abort = new AbortController();
    const { ended } = await startSpin({
      threads: 1,
      cpus: [cpu],
      burst: 60e9,
      maxSleep: 0,
      maxGap: 0,
      threshold,
      // Below the thief's priority, above all fair tasks: else those that waited for the thief as well would run first and
      // make the gap longer than the window, which is true but not what is held against the truth here.
      policy: "fifo:1",
      signal: abort.signal,
    });
    const truth = await inject(cpu, { windows: 40, seed: attempt });
    abort.abort();
    const result = await ended;
    const j = judge(result, truth);
    const recall = j.found / j.windows, precision = (j.injected + j.others) / j.gaps;
    console.log(
      `  attempt ${attempt}: recall ${j.found}/${j.windows}, precision ${j.injected}+${j.others} of ${j.gaps}, ` +
        `length error median ${(median(j.errors) / 1e3).toFixed(1)} us, 9 in 10 below ${
          (j.errors.toSorted((a, b) => a - b)[Math.floor(j.errors.length * 0.9)]! / 1e3).toFixed(1)
        } us, max ${(Math.max(...j.errors) / 1e3).toFixed(1)} us`,
    );
    const ok = recall === 1 && precision >= 0.99 && median(j.errors) < 20e3;
    if (!ok && attempt < 5) continue; // a neighbour's load on the host; the last attempt must hold
    assert.ok(j.windows >= 35, "windows over twice the threshold");
    assert.equal(recall, 1, "recall");
    assert.ok(precision >= 0.99, `precision ${precision}`);
    assert.ok(median(j.errors) < 20e3, `median length error ${median(j.errors)} ns`);
    break;
  }
});
