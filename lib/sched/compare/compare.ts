import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { bootstrapDifference, type BootstrapOptions } from "./bootstrap_difference.ts";
import { cliffsDelta, hedgesG } from "./effect_size.ts";
import { finite } from "./finite.ts";
import { noiseFloor } from "./noise_floor.ts";
import { statisticOf } from "./statistic.ts";

/** The measurements of a group of runs: for each metric one number for each run. */
export type RunMetrics = Readonly<Record<string, ArrayLike<number>>>;

/**
 * What can be said of a difference:
 *
 * - `higher`, `lower`: the second group is; the interval does not hold 0, and the difference is above what the first group differs by
 *   from itself;
 * - `within noise`: the interval does not hold 0, but the first group differs from itself by as much;
 * - `no difference seen`: the interval holds 0. That is not to say that there is none: the interval says how large it may be;
 * - `too few runs`: a group has fewer than 4 of them;
 * - `equal`: all values of both groups are the same.
 */
export const VERDICTS = [
  "higher",
  "lower",
  "within noise",
  "no difference seen",
  "too few runs",
  "equal",
] as const;

/** One of {@linkcode VERDICTS}. */
export type Verdict = typeof VERDICTS[number];

/** Columns of {@linkcode compare}: a row for each metric, in the metric's own unit. */
export type CompareColumns = {
  metric: DictColumn;
  /** What can be said; see {@linkcode VERDICTS}. */
  verdict: DictColumn<Verdict>;
  /** The statistic (mean) of the first group. */
  a: Float64Array;
  /** The statistic of the second group. */
  b: Float64Array;
  /** `b - a`. */
  difference: Float64Array;
  /** Lower end of the interval of the difference; NaN with fewer than 4 runs in a group. */
  low: Float64Array;
  /** Upper end. */
  high: Float64Array;
  /** By how much the first group differs from itself at the same confidence (A/A), at these sizes of the groups. */
  noise: Float64Array;
  /** `difference / |a|`; NaN where `a` is 0. */
  change: Float64Array;
  /** Cliff's delta: from -1 (every run of the second group is below every one of the first) to 1. */
  cliffs_delta: Float64Array;
  /** Hedges' g: the difference of means in pooled standard deviations. */
  hedges_g: Float64Array;
  /** Runs of the first group. */
  n_a: Int32Array;
  /** Runs of the second group. */
  n_b: Int32Array;
};

/** Options of {@linkcode compare}. */
export type CompareOptions = BootstrapOptions;

/** Fewest runs of a group for an interval: with 3, a 95 % interval holds the truth in less than 90 % of cases. */
const LEAST_RUNS = 4;

/**
 * Compares two groups of repeated runs, metric by metric: by how much the second differs from the first, within which bounds, how
 * large that is, and how much the first differs from itself.
 *
 * The interval is a bootstrap one ({@linkcode bootstrapDifference}; by default the expanded percentile interval of the difference of
 * means). In simulations its 95 % held the true difference in 92 to 96 % of cases with 4 to 40 runs of normal, exponential and lognormal
 * values. Of many metrics one in twenty differs by chance alone at 95 %: raise the confidence with the number of metrics
 * (0.999 for 50 of them). Groups without repetition in time (all runs of one, then all of the other) carry the drift of the
 * machine in their difference: interleave them.
 *
 * Metrics are those of both groups, in the first one's order. Values that are NaN (a run in which there was nothing to measure) are left
 * out and not counted. Throws RangeError where the groups share no metric, or a value is infinite.
 *
 * @example
 * ```ts
 * import { compare } from "@schedscope/schedscope/sched";
 * import assert from "node:assert/strict";
 *
 * const before = { p99_wait: [5.1, 4.8, 5.3, 5.0, 4.9, 5.2] };
 * const after = { p99_wait: [3.9, 4.1, 4.0, 4.2, 3.8, 4.0] };
 * const row = compare(before, after).row(0);
 * assert.equal(row.verdict, "lower");
 * assert.equal(row.cliffs_delta, -1);
 * assert.ok(row.low < -1 && -1 < row.high);
 * ```
 */
export function compare(a: RunMetrics, b: RunMetrics, options: CompareOptions = {}): Frame<CompareColumns> {
  const metrics = Object.keys(a).filter((metric) => Object.hasOwn(b, metric));
  if (metrics.length === 0) {
    throw new RangeError(
      `The groups share no metric: the first has ${names(a)}, the second ${names(b)}`,
    );
  }
  const rows = metrics.map((metric) => compared(metric, known(a[metric]!), known(b[metric]!), options));
  const numbers = (value: (row: Compared) => number) => Float64Array.from(rows, value);
  return new Frame<CompareColumns>({
    metric: DictColumn.from(metrics),
    verdict: new DictColumn(Uint8Array.from(rows, ({ verdict }) => VERDICTS.indexOf(verdict)), VERDICTS),
    a: numbers((row) => row.a),
    b: numbers((row) => row.b),
    difference: numbers((row) => row.difference),
    low: numbers((row) => row.low),
    high: numbers((row) => row.high),
    noise: numbers((row) => row.noise),
    change: numbers((row) => row.a === 0 ? NaN : row.difference / Math.abs(row.a)),
    cliffs_delta: numbers((row) => row.cliffs),
    hedges_g: numbers((row) => row.hedges),
    n_a: Int32Array.from(rows, (row) => row.counts[0]),
    n_b: Int32Array.from(rows, (row) => row.counts[1]),
  });
}

interface Compared {
  readonly verdict: Verdict;
  readonly a: number;
  readonly b: number;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly noise: number;
  readonly cliffs: number;
  readonly hedges: number;
  readonly counts: readonly [number, number];
}

function compared(metric: string, a: Float64Array, b: Float64Array, options: CompareOptions): Compared {
  const counts = [a.length, b.length] as const;
  const none = { difference: NaN, low: NaN, high: NaN, noise: NaN, cliffs: NaN, hedges: NaN };
  const of = statisticOf(options.statistic ?? "mean");
  const value = (values: Float64Array) => values.length === 0 ? NaN : of(values.slice());
  if (a.length === 0 || b.length === 0) {
    return { ...none, verdict: "too few runs", a: value(a), b: value(b), counts };
  }
  finite(a, `first (${metric})`);
  finite(b, `second (${metric})`);
  const few = Math.min(a.length, b.length) < LEAST_RUNS;
  const interval = few
    ? { low: NaN, high: NaN, difference: value(b) - value(a) }
    : bootstrapDifference(a, b, options);
  const { statistic = "mean", confidence = 0.95, seed = 1 } = options;
  const noise = noiseFloor(a, { statistic, confidence, seed, against: b.length });
  const flat = a.every((each) => each === a[0]) && b.every((each) => each === a[0]);
  return {
    ...interval,
    verdict: few ? "too few runs" : flat ? "equal" : verdictOf(interval, noise),
    a: value(a),
    b: value(b),
    noise,
    cliffs: cliffsDelta(a, b),
    hedges: hedgesG(a, b),
    counts,
  };
}

function verdictOf(interval: { difference: number; low: number; high: number }, noise: number): Verdict {
  const { difference, low, high } = interval;
  if (low <= 0 && high >= 0) return "no difference seen";
  if (Math.abs(difference) <= noise) return "within noise";
  return difference > 0 ? "higher" : "lower";
}

function known(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).filter((value) => !Number.isNaN(value));
}

function names(metrics: RunMetrics): string {
  return Object.keys(metrics).map((name) => JSON.stringify(name)).join(", ") || "none";
}
