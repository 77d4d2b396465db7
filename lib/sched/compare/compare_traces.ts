import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import {
  ALL_THREADS,
  type TraceMetricColumns,
  traceMetrics,
  type TraceMetricsOptions,
} from "./trace_metrics.ts";

/** Columns of {@linkcode compareTraces}; `_a` and `_b` are the two traces. See `TraceMetricColumns` for each. */
export type TraceComparisonColumns = {
  /** Group of threads that has the same name in both; the first row is `all threads`. */
  group: DictColumn;
  /** Which traces have it; the other's numbers are NaN. */
  in: DictColumn<"both" | "a" | "b">;
  run_share_a: Ratio;
  run_share_b: Ratio;
  wait_share_a: Ratio;
  wait_share_b: Ratio;
  p50_wait_a: Ns;
  p50_wait_b: Ns;
  p99_wait_a: Ns;
  p99_wait_b: Ns;
  /** `p99_wait_b - p99_wait_a`. */
  p99_wait_change: Ns;
  max_wait_a: Ns;
  max_wait_b: Ns;
  switches_per_s_a: Float64Array;
  switches_per_s_b: Float64Array;
  migrations_per_s_a: Float64Array;
  migrations_per_s_b: Float64Array;
  gaps_per_s_a: Float64Array;
  gaps_per_s_b: Float64Array;
  coverage_a: Ratio;
  coverage_b: Ratio;
};

/**
 * Two traces beside each other, group by group: those that ran and waited most in either first, `all threads` before them.
 *
 * One trace of each kind tells what differs, not what would differ again: for that take several of each, {@linkcode traceMetrics} of
 * each of them, and {@linkcode compareRuns}.
 */
export function compareTraces(
  a: Trace,
  b: Trace,
  options: TraceMetricsOptions = {},
): Frame<TraceComparisonColumns> {
  return besideEachOther(traceMetrics(a, options), traceMetrics(b, options));
}

/** The same of what {@linkcode traceMetrics} made of the two. */
export function besideEachOther(
  a: Frame<TraceMetricColumns>,
  b: Frame<TraceMetricColumns>,
): Frame<TraceComparisonColumns> {
  const [inA, inB] = [rowsByGroup(a), rowsByGroup(b)];
  const demand = (group: string) =>
    Math.max(
      ...[[a, inA.get(group)] as const, [b, inB.get(group)] as const].map(([frame, row]) =>
        row === undefined ? 0 : frame.column("run_share")[row]! + frame.column("wait_share")[row]!
      ),
    );
  const groups = [...new Set([...inA.keys(), ...inB.keys()])].filter((group) => group !== ALL_THREADS)
    .map((group) => ({ group, size: demand(group) })).sort((x, y) => y.size - x.size).map(({ group }) =>
      group
    );
  groups.unshift(ALL_THREADS);
  const column = (frame: Frame<TraceMetricColumns>, rows: ReadonlyMap<string, number>) => {
    return (name: Exclude<keyof TraceMetricColumns, "group">) => {
      const values = frame.column(name);
      return Float64Array.from(groups, (group) => rows.has(group) ? values[rows.get(group)!]! : NaN);
    };
  };
  const [ofA, ofB] = [column(a, inA), column(b, inB)];
  const [p99A, p99B] = [ofA("p99_wait"), ofB("p99_wait")];
  return new Frame<TraceComparisonColumns>({
    group: DictColumn.from(groups),
    in: DictColumn.from(
      groups.map((group) => inA.has(group) && inB.has(group) ? "both" : inA.has(group) ? "a" : "b"),
    ),
    run_share_a: ratio(ofA("run_share")),
    run_share_b: ratio(ofB("run_share")),
    wait_share_a: ratio(ofA("wait_share")),
    wait_share_b: ratio(ofB("wait_share")),
    p50_wait_a: ns(ofA("p50_wait")),
    p50_wait_b: ns(ofB("p50_wait")),
    p99_wait_a: ns(p99A),
    p99_wait_b: ns(p99B),
    p99_wait_change: ns(p99B.map((value, row) => value - p99A[row]!)),
    max_wait_a: ns(ofA("max_wait")),
    max_wait_b: ns(ofB("max_wait")),
    switches_per_s_a: ofA("switches_per_s"),
    switches_per_s_b: ofB("switches_per_s"),
    migrations_per_s_a: ofA("migrations_per_s"),
    migrations_per_s_b: ofB("migrations_per_s"),
    gaps_per_s_a: ofA("gaps_per_s"),
    gaps_per_s_b: ofB("gaps_per_s"),
    coverage_a: ratio(ofA("coverage")),
    coverage_b: ratio(ofB("coverage")),
  });
}

function rowsByGroup(frame: Frame<TraceMetricColumns>): Map<string, number> {
  return new Map(Array.from(frame.column("group"), (group, row) => [group, row]));
}
