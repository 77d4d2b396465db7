import { type MeanInterval, studentInterval } from "./student_interval.ts";

/** Whether the mean is known as well as was asked for: `FRC`, "failed to reach confidence", is what the scheduler's tables of 2001 called it. */
export type PrecisionVerdict = "ok" | "FRC";

/** What {@linkcode runUntilPrecise} tells after each run. */
export interface PreciseProgress extends MeanInterval {
  /** Runs that are done. */
  readonly runs: number;
  /** What each of them gave, in order. */
  readonly values: readonly number[];
}

/** Options of {@linkcode runUntilPrecise}. */
export interface RunUntilPreciseOptions {
  /**
   * Fewest runs, at least 2. Default 10: with fewer the rule stops at intervals that are narrow by chance, and they hold the truth less
   * often than they say (88 to 95 % of cases with 2, 94 to 95.5 % with 10).
   */
  minRuns?: number;
  /** Most runs: what is not precise by then is `FRC`. Default 30, or `minRuns` where that is more. */
  maxRuns?: number;
  /** Share of such intervals that hold the true mean. Default 0.95. */
  confidence?: number;
  /** Half of the interval's width, as a share of the mean, at which it is precise enough. Default 0.01. */
  width?: number;
  /** Ends it after the runs that are done, which are the result. Default: none. */
  signal?: AbortSignal;
  /** Called after each run. Default: none. */
  onProgress?: (progress: PreciseProgress) => void;
}

/** What {@linkcode runUntilPrecise} found. */
export interface PreciseResult extends MeanInterval {
  /** What each run gave, in order: all that were made. */
  readonly values: readonly number[];
  /** `ok` where the interval is as narrow as was asked for, after at least `minRuns` runs; else `FRC`. */
  readonly verdict: PrecisionVerdict;
}

/**
 * Repeats a measurement until its mean is known well enough: until the interval of the mean by Student's t is within ± `width` of it.
 *
 * Runs are made one after another; `measure` gets the number of the run, from 0, and returns one number. An aborted signal ends the
 * whole: the runs that were done by then are the result (`FRC` unless they were precise), and one in progress may end by throwing the
 * signal's reason. Rejects with that reason where no run was done; with what `measure` throws otherwise; with a RangeError for options that
 * make no sense and for a value that is not finite.
 *
 * @example
 * ```ts
 * import { runUntilPrecise } from "@schedscope/schedscope/bench";
 * import assert from "node:assert/strict";
 *
 * const { mean, verdict, values } = await runUntilPrecise((run) => 100 + run % 2);
 * assert.equal(verdict, "ok");
 * assert.equal(values.length, 10);
 * assert.equal(mean, 100.5);
 * ```
 */
export async function runUntilPrecise(
  measure: (run: number) => Promise<number> | number,
  options: RunUntilPreciseOptions = {},
): Promise<PreciseResult> {
  const { minRuns = 10, confidence = 0.95, width = 0.01, signal, onProgress } = options;
  const { maxRuns = Math.max(30, minRuns) } = options;
  if (!Number.isSafeInteger(minRuns) || minRuns < 2) {
    throw new RangeError(`Expected minRuns to be a whole number from 2 but found ${minRuns}`);
  }
  if (!Number.isSafeInteger(maxRuns) || maxRuns < minRuns) {
    throw new RangeError(
      `Expected maxRuns to be a whole number from minRuns (${minRuns}) but found ${maxRuns}`,
    );
  }
  if (!(width > 0)) throw new RangeError(`Expected a width above 0 but found ${width}`);
  const values: number[] = [];
  let known = studentInterval(values, confidence);
  let precise = false;
  while (!precise && values.length < maxRuns && !signal?.aborted) {
    let value: number;
    try {
      value = await measure(values.length);
    } catch (error) {
      if (signal?.aborted && error === signal.reason) break;
      throw error;
    }
    if (!Number.isFinite(value)) {
      throw new RangeError(`Expected run ${values.length} to give a finite number but found ${value}`);
    }
    values.push(value);
    known = studentInterval(values, confidence);
    precise = values.length >= minRuns && known.relative <= width;
    onProgress?.({ ...known, runs: values.length, values });
  }
  if (values.length === 0) signal?.throwIfAborted();
  return { ...known, values, verdict: precise ? "ok" : "FRC" };
}
