import { Frame } from "../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../frame/units.ts";
import { jainIndex } from "../sched/fairness/jain.ts";
import type { SpinResult } from "./spin_result.ts";

/** Options of {@linkcode spinFairness}. */
export interface SpinFairnessOptions {
  /** Lengths of windows, ns. Default: `[1e9]`. */
  windows?: readonly number[];
  /** What each thread's time is divided by before they are compared, in the order of the threads. Default: 1 for each. */
  weights?: readonly number[];
}

/** Columns of {@linkcode spinFairness}: a row for each window of each length, side by side from the start of the run on. */
export type SpinFairnessColumns = {
  /** Length of the window, ns. */
  window: Ns;
  /** Its start, ns after the result's `epoch`. */
  ts: Ns;
  /** Jain's index of the threads' running times in it, divided by their weights: 1 where all are equal, 1/n where one has all. */
  jain: Ratio;
  /** Running time of the thread that had least, ns. */
  least: Ns;
  /** Of the one that had most, ns. */
  most: Ns;
};

/**
 * How evenly the threads of a spin run shared their CPUs, window by window: a thread runs whenever it is not in a gap. Needs neither root
 * nor a trace.
 *
 * All threads have to want to run all the time: throws a RangeError for a run with `maxSleep` over 0, for one in which gaps gave way to
 * newer ones in the list (`gapCapacity`), and for one that is shorter than a window.
 */
export function spinFairness(
  result: SpinResult,
  options: SpinFairnessOptions = {},
): Frame<SpinFairnessColumns> {
  const { windows = [1e9], weights } = options;
  const { threads, elapsed } = result;
  if (threads.column("sleep").some((sleep) => sleep > 0)) {
    throw new RangeError("Expected a run in which no thread sleeps (maxSleep: 0) but found one that does");
  }
  const overflow = threads.column("overflow").reduce((a, b) => a + b, 0);
  if (overflow > 0) {
    throw new RangeError(
      `Expected every gap to be listed but found ${overflow} that gave way: raise gapCapacity or threshold`,
    );
  }
  if (threads.column("first").some(Number.isNaN)) {
    throw new RangeError("Expected every thread to have run but found one that did not");
  }
  if (weights !== undefined && weights.length !== threads.length) {
    throw new RangeError(`Expected ${threads.length} weights but found ${weights.length}`);
  }
  const rows: { window: number; ts: number; jain: number; least: number; most: number }[] = [];
  for (const window of windows) {
    const count = Math.floor(elapsed / window);
    if (!(window > 0) || count === 0) {
      throw new RangeError(`Expected windows within the run's ${elapsed} ns but found ${window}`);
    }
    const runs = Array.from({ length: count }, () => new Float64Array(threads.length).fill(window));
    takeGaps(result, window, runs);
    for (const [i, run] of runs.entries()) {
      rows.push({
        window,
        ts: i * window,
        jain: jainIndex(weights === undefined ? run : run.map((time, thread) => time / weights[thread]!)),
        least: Math.min(...run),
        most: Math.max(...run),
      });
    }
  }
  return new Frame<SpinFairnessColumns>({
    window: ns(Float64Array.from(rows, (row) => row.window)),
    ts: ns(Float64Array.from(rows, (row) => row.ts)),
    jain: ratio(Float64Array.from(rows, (row) => row.jain)),
    least: ns(Float64Array.from(rows, (row) => row.least)),
    most: ns(Float64Array.from(rows, (row) => row.most)),
  });
}

/**
 * Takes out of each thread's time, in the windows that they touch, its gaps, and what lies before its first sample and after its last:
 * there it waited for its CPU as well, and no gap tells of it.
 */
function takeGaps(
  { gaps, threads, elapsed }: SpinResult,
  window: number,
  runs: readonly Float64Array[],
): void {
  const take = (thread: number, start: number, to: number) => {
    const from = Math.max(0, start);
    for (let i = Math.floor(from / window); i < runs.length && i * window < to; i++) {
      runs[i]![thread]! -= Math.min(to, (i + 1) * window) - Math.max(from, i * window);
    }
  };
  const ts = gaps.column("ts"), dur = gaps.column("dur"), thread = gaps.column("thread");
  const first = threads.column("first"), last = threads.column("last");
  for (let row = 0; row < gaps.length; row++) {
    take(
      thread[row]!,
      Math.max(ts[row]!, first[thread[row]!]!),
      Math.min(ts[row]! + dur[row]!, last[thread[row]!]!),
    );
  }
  for (let i = 0; i < threads.length; i++) {
    take(i, 0, first[i]!);
    take(i, last[i]!, elapsed);
  }
}
