import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type FairService, fairService } from "./fair_service.ts";
import type { FairnessOptions } from "./fairness_options.ts";

/**
 * Jain's fairness index of `values`: (sum x)^2 / (n sum x^2). 1 where all are equal, 1/n where one has all; NaN without values, and
 * where all are 0.
 */
export function jainIndex(values: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    squares += values[i]! * values[i]!;
  }
  return sum * sum / (values.length * squares);
}

/** Columns of {@linkcode jain}: a row for each length of window. */
export type JainColumns = {
  /** Length of the windows, ns. */
  window: Ns;
  /** Windows of that length in which two or more competed, side by side from the start of the span on. */
  windows: Int32Array;
  /** Jain's index, the mean over the windows; NaN where none counts. */
  jain: Ratio;
  /** Of the windows the tenth part that is least fair is not above this. */
  jain_p10: Ratio;
  /** The least fair of them, and where it begins, ns since the epoch. */
  jain_min: Ratio;
  min_ts: Ns;
  /** Largest relative error of anybody in a window, |service - entitled| / entitled: the mean over the windows, and the worst. */
  smp_nice: Ratio;
  smp_nice_max: Ratio;
  /** Threads or groups that count in a window, the mean. */
  counted: Float64Array;
  /** Time that is known of all CPUs as a share of the windows. */
  coverage: Ratio;
  /** 1 where `coverage` is below 1. */
  censored: Uint8Array;
};

/** Options of {@linkcode jain}. */
export interface JainOptions extends FairnessOptions {
  /** Lengths of windows, ns. Default: 10 ms to 10 s in steps of 1, 2, 5, as far as the span goes. */
  windows?: Iterable<number>;
  /**
   * Who was runnable for less than this share of a window does not count there: of who is served at once and sleeps again, the
   * quotient tells how short its bursts are. Default 0.1.
   */
  least?: number;
}

const DEFAULT_WINDOWS = [10e6, 20e6, 50e6, 100e6, 200e6, 500e6, 1e9, 2e9, 5e9, 10e9];

/**
 * Jain's fairness index as a function of the length of the window: how unfair a schedule is at short sight, and how long one has to
 * look until it is fair. The values are x_i = service_i / entitled_i of the threads (or groups) that were entitled to something in
 * the window: not raw times, so that nice values and sleep do not count as unfairness. What is counted is as in `fairness`.
 *
 * Windows are whole multiples of the shortest one (others are rounded to that) and lie side by side. A part of a window that is left
 * at the end of the span is not counted, nor is a window in which nobody competes with another.
 *
 * Needs and throws what `fairness` does, and a RangeError for a window that is not above 0 or makes more than ten million.
 *
 * @example
 * ```ts
 * import { jain } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function fairFrom(path: string) {
 *   const curve = jain(await openTrace(path));
 *   return [...curve.rows()].find((row) => row.jain > 0.99)?.window;
 * }
 * ```
 */
export function jain(trace: Trace, options: JainOptions = {}): Frame<JainColumns> {
  const { from, to } = trace.span;
  const { least = 0.1 } = options;
  const wanted = Array.from(options.windows ?? DEFAULT_WINDOWS.filter((window) => window <= to - from));
  for (const window of wanted) {
    if (!(window > 0 && window < Infinity)) {
      throw new RangeError(`Expected a window above 0 ns but found ${window}`);
    }
  }
  const shortest = Math.min(...wanted, Math.max(1, to - from));
  const found = fairService(trace, "jain", options, shortest);
  const steps = [...new Set(wanted.map((window) => Math.max(1, Math.round(window / shortest))))]
    .sort((x, y) => x - y);
  const rows = steps.map((bins) => overWindows(found, bins, least));
  const column = (of: (row: WindowFigures) => number) => Float64Array.from(rows, of);
  return new Frame<JainColumns>({
    window: ns(Float64Array.from(steps, (bins) => bins * shortest)),
    windows: Int32Array.from(rows, ({ windows }) => windows),
    jain: ratio(column(({ jain }) => jain)),
    jain_p10: ratio(column(({ p10 }) => p10)),
    jain_min: ratio(column(({ min }) => min)),
    min_ts: ns(column(({ minTs }) => minTs)),
    smp_nice: ratio(column(({ error }) => error)),
    smp_nice_max: ratio(column(({ errorMax }) => errorMax)),
    counted: column(({ counted }) => counted),
    coverage: ratio(column(({ coverage }) => coverage)),
    censored: Uint8Array.from(rows, ({ coverage }) => coverage < 1 - 1e-12 ? 1 : 0),
  }, rows.length);
}

interface WindowFigures {
  windows: number;
  jain: number;
  p10: number;
  min: number;
  minTs: number;
  error: number;
  errorMax: number;
  counted: number;
  coverage: number;
}

/** The figures of windows of `width` bins. */
function overWindows(found: FairService, width: number, least: number): WindowFigures {
  const { samples, bins } = found;
  const service = new Float64Array(found.size);
  const entitled = new Float64Array(found.size);
  const demand = new Float64Array(found.size);
  const isTouched = new Uint8Array(found.size);
  const touched: number[] = [];
  const indexes: number[] = [];
  const figures = { error: 0, errorMax: -Infinity, counted: 0, min: Infinity, minTs: NaN };
  let known = 0;
  // The last bin may be shorter than the others: a window that has it whole is whole only then.
  const whole = bins.end(bins.count - 1) - bins.start(bins.count - 1) >= bins.length * (1 - 1e-9)
    ? bins.count
    : bins.count - 1;
  const count = Math.floor(whole / width);
  const values: number[] = [];
  for (let window = 0, row = 0; window < count; window++) {
    const end = (window + 1) * width;
    for (; row < samples.bin.length && samples.bin[row]! < end; row++) {
      const entity = samples.entity[row]!;
      if (isTouched[entity] === 0) touched.push(entity);
      isTouched[entity] = 1;
      service[entity]! += samples.service[row]!;
      entitled[entity]! += samples.entitled[row]!;
      demand[entity]! += samples.demand[row]!;
    }
    let seen = 0;
    for (let bin = window * width; bin < end; bin++) seen += found.known[bin]!;
    known += seen;
    values.length = 0;
    let error = 0;
    for (const entity of touched) {
      if (entitled[entity]! > 0 && demand[entity]! >= least * seen) {
        const x = service[entity]! / entitled[entity]!;
        values.push(x);
        error = Math.max(error, Math.abs(x - 1));
      }
      service[entity] =
        entitled[entity] =
        demand[entity] =
        isTouched[entity] =
          0;
    }
    touched.length = 0;
    const index = values.length > 1 ? jainIndex(values) : NaN;
    if (index !== index) continue;
    indexes.push(index);
    figures.counted += values.length;
    figures.error += error;
    figures.errorMax = Math.max(figures.errorMax, error);
    if (index < figures.min) {
      figures.min = index;
      figures.minTs = bins.start(window * width);
    }
  }
  const n = indexes.length;
  const mean = (sum: number) => n === 0 ? NaN : sum / n;
  indexes.sort((x, y) => x - y);
  return {
    windows: n,
    jain: mean(indexes.reduce((sum, index) => sum + index, 0)),
    p10: n === 0 ? NaN : indexes[Math.ceil(n * 0.1) - 1]!,
    min: n === 0 ? NaN : figures.min,
    minTs: figures.minTs,
    error: mean(figures.error),
    errorMax: n === 0 ? NaN : figures.errorMax,
    counted: mean(figures.counted),
    coverage: count === 0 ? 0 : Math.min(1, known / (count * width * bins.length)),
  };
}
