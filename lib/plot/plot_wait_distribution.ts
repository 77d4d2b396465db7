import type { Columns, DictColumn, NumericColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import type { Figure } from "./figure.ts";
import {
  plotSurvival,
  type SurvivalBucketColumns,
  type SurvivalFigureOptions,
  type SurvivalHistograms,
} from "./plot_survival.ts";

/** Columns that {@linkcode plotWaitDistribution} reads: those of `waits()` and `wakeupDelays()`. */
export type WaitDistributionColumns = Columns & {
  /** How long a thread waited for a CPU, ns. */
  delay: NumericColumn;
  /** Its name. */
  comm: DictColumn;
};

/** Anything that lists its buckets, such as a `DelayHistogram`. */
export interface ListsBuckets {
  /** The buckets that hold something. */
  toFrame(): Frame<SurvivalBucketColumns>;
}

/** Options of {@linkcode plotWaitDistribution}. */
export interface WaitDistributionOptions extends Omit<SurvivalFigureOptions, "by" | "what"> {
  /** Dictionary column that gives each wait its curve. Default `comm`. */
  by?: string;
}

/**
 * The share of waits for a CPU that were at least so long, on two logarithmic axes, a curve for each name of threads: where two
 * schedulers or two settings differ is at the right end.
 *
 * Takes `waits(trace)` or `wakeupDelays(trace)`, or histograms by the name of their curve (`delayHistogram(trace)`), as of two kernels:
 * `{ before, after }`.
 */
export function plotWaitDistribution<C extends WaitDistributionColumns>(
  waits: Frame<C> | Readonly<Record<string, ListsBuckets>>,
  options: WaitDistributionOptions = {},
): Figure {
  const { by = "comm", ...rest } = options;
  if (waits instanceof Frame) {
    return plotSurvival(waits.with({ dur: waits.column("delay") as NumericColumn }), {
      ...rest,
      by,
      what: "wait",
    });
  }
  const buckets: SurvivalHistograms = {};
  for (const [name, histogram] of Object.entries(waits)) buckets[name] = histogram.toFrame();
  return plotSurvival(buckets, { ...rest, what: "wait" });
}
