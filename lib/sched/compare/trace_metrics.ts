import { firstNotBelow } from "../../trace/time_order.ts";
import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { waits } from "../latency/waits.ts";
import { summary } from "../summary.ts";
import { type GroupBy, threadGroups } from "../thread_groups.ts";

/** Columns of {@linkcode traceMetrics}: numbers that can be compared between traces of different length. */
export type TraceMetricColumns = {
  /** Group of threads; the first row is `all threads`. */
  group: DictColumn;
  /** Its threads. */
  threads: Int32Array;
  /** Time on a CPU as a share of the trace's wall time; of several threads it may be above 1. */
  run_share: Ratio;
  /** Time runnable and not running, likewise. */
  wait_share: Ratio;
  /** Exact percentiles of its waits (see `latency`), ns; NaN without one. */
  p50_wait: Ns;
  p95_wait: Ns;
  p99_wait: Ns;
  max_wait: Ns;
  /** Switches away from it, in a second of wall time. */
  switches_per_s: Float64Array;
  /** Of these, while it was runnable. */
  preemptions_per_s: Float64Array;
  /** Moves to another CPU. */
  migrations_per_s: Float64Array;
  /** Waits of at least the threshold. */
  gaps_per_s: Float64Array;
  /** Share of its threads' lives that the trace tells. */
  coverage: Ratio;
};

/** Options of {@linkcode traceMetrics}. */
export interface TraceMetricsOptions {
  /** What a group is: it must have the same name in the traces that are compared. Default `comm`. */
  by?: GroupBy;
  /** Shortest wait that counts as a gap, ns. Default 1 ms. */
  threshold?: number;
}

/** The metrics of {@linkcode traceMetrics} that are compared, in order. */
export const TRACE_METRICS = [
  "run_share",
  "wait_share",
  "p50_wait",
  "p95_wait",
  "p99_wait",
  "max_wait",
  "switches_per_s",
  "preemptions_per_s",
  "migrations_per_s",
  "gaps_per_s",
] as const satisfies (keyof TraceMetricColumns)[];

/** Name of the row of all threads. */
export const ALL_THREADS = "all threads";

/**
 * What is compared of a trace: for all threads and for each group how much it ran and waited, how long its waits were, and how often it was
 * switched, moved and kept waiting. Needs what {@linkcode summary} needs.
 */
export function traceMetrics(trace: Trace, options: TraceMetricsOptions = {}): Frame<TraceMetricColumns> {
  const { by = "comm", threshold = 1e6 } = options;
  const rows = Array.from(summary(trace, { by: "thread" }).rows());
  const { names, of } = threadGroups(trace, by);
  const wall = trace.span.to - trace.span.from;
  const seconds = wall / 1e9;
  const all = names.length;
  const sums = Array.from({ length: names.length + 1 }, () => ({
    threads: 0,
    run: 0,
    wait: 0,
    switches: 0,
    preemptions: 0,
    migrations: 0,
    unknown: 0,
    alive: 0,
  }));
  for (const row of rows) {
    for (const group of [of(row.tid), all]) {
      const sum = sums[group];
      if (sum === undefined) continue;
      sum.threads++;
      sum.run += row.run;
      sum.wait += row.wait;
      sum.switches += row.voluntary + row.involuntary;
      sum.preemptions += row.involuntary;
      sum.migrations += row.migrations;
      sum.unknown += row.unknown;
      sum.alive += row.run + row.wait + row.sleeping + row.blocked + row.stopped + row.unknown;
    }
  }
  const delays = delaysByGroup(trace, of, names.length);
  const kept = [all, ...names.keys()].filter((group) => group === all || sums[group]!.threads > 0);
  const each = (value: (group: number) => number) => Float64Array.from(kept, value);
  const rate = (count: number) => seconds === 0 ? 0 : count / seconds;
  const percentile = (p: number) =>
    ns(each((group) => delays[group]![Math.ceil(p * delays[group]!.length) - 1] ?? NaN));
  return new Frame<TraceMetricColumns>({
    group: DictColumn.from(kept.map((group) => names[group] ?? ALL_THREADS)),
    threads: Int32Array.from(kept, (group) => sums[group]!.threads),
    run_share: ratio(each((group) => wall === 0 ? 0 : sums[group]!.run / wall)),
    wait_share: ratio(each((group) => wall === 0 ? 0 : sums[group]!.wait / wall)),
    p50_wait: percentile(0.5),
    p95_wait: percentile(0.95),
    p99_wait: percentile(0.99),
    max_wait: percentile(1),
    switches_per_s: each((group) => rate(sums[group]!.switches)),
    preemptions_per_s: each((group) => rate(sums[group]!.preemptions)),
    migrations_per_s: each((group) => rate(sums[group]!.migrations)),
    gaps_per_s: each((group) => rate(countFrom(delays[group]!, threshold))),
    coverage: ratio(
      each((group) => sums[group]!.alive === 0 ? 1 : 1 - sums[group]!.unknown / sums[group]!.alive),
    ),
  });
}

/** The waits of each group, and behind them those of all threads, ascending. */
function delaysByGroup(trace: Trace, of: (tid: number) => number, groups: number): Float64Array[] {
  const rows = waits(trace);
  const tid = rows.column("tid");
  const delay = rows.column("delay");
  const counts = new Uint32Array(groups);
  for (let row = 0; row < tid.length; row++) {
    const group = of(tid[row]!);
    if (group >= 0) counts[group]!++;
  }
  const sorted = Array.from(counts, (count) => new Float64Array(count));
  counts.fill(0);
  for (let row = 0; row < tid.length; row++) {
    const group = of(tid[row]!);
    if (group >= 0) sorted[group]![counts[group]!++] = delay[row]!;
  }
  for (const column of sorted) column.sort();
  return [...sorted, Float64Array.from(delay).sort()];
}

/** How many of `sorted` are at least `least`. */
function countFrom(sorted: Float64Array, least: number): number {
  return sorted.length - firstNotBelow(sorted, 0, sorted.length, least);
}
