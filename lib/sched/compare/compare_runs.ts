import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { compare, type CompareColumns, type CompareOptions } from "./compare.ts";
import { ALL_THREADS, TRACE_METRICS, type TraceMetricColumns } from "./trace_metrics.ts";

/** Columns of {@linkcode compareRuns}. */
export type CompareRunsColumns = { group: DictColumn } & CompareColumns;

/** Options of {@linkcode compareRuns}. */
export interface CompareRunsOptions extends CompareOptions {
  /** Only these groups. Default: all that at least two runs of each side have; if a side has but one run, all that both have. */
  groups?: Iterable<string>;
}

/**
 * Compares the traces of repeated runs, each as {@linkcode traceMetrics} has it: {@linkcode compare} for each group of threads and each of
 * `TRACE_METRICS`. A run without a group's threads (or without a wait of theirs) does not count for it.
 *
 * `all threads` comes first, then the groups that ran and waited most.
 */
export function compareRuns(
  a: readonly Frame<TraceMetricColumns>[],
  b: readonly Frame<TraceMetricColumns>[],
  options: CompareRunsOptions = {},
): Frame<CompareRunsColumns> {
  if (a.length === 0 || b.length === 0) throw new RangeError("Expected at least one run of each side");
  const { groups: only, ...rest } = options;
  const [first, second] = [byGroup(a), byGroup(b)];
  const least = Math.min(2, a.length, b.length);
  const groups = only === undefined
    ? [...first.keys()].filter((group) =>
      first.get(group)!.length >= least && (second.get(group)?.length ?? 0) >= least
    )
    : [...only].filter((group) => first.has(group) && second.has(group));
  const demand = new Map(groups.map((group) => [
    group,
    group === ALL_THREADS ? Infinity : Math.max(mean(first.get(group)!), mean(second.get(group)!)),
  ]));
  groups.sort((x, y) => demand.get(y)! - demand.get(x)!);
  const frames = groups.map((group) => {
    const rows = compare(metricsOf(first.get(group)!), metricsOf(second.get(group)!), rest);
    return new Frame<CompareRunsColumns>({
      group: DictColumn.from(Array.from({ length: rows.length }, () => group)),
      ...columnsOf(rows),
    });
  });
  if (frames.length === 0) throw new RangeError("The runs of the two sides share no group of threads");
  return frames[0]!.concat(...frames.slice(1));
}

/** A group in one run. */
interface Occurrence {
  readonly frame: Frame<TraceMetricColumns>;
  readonly row: number;
}

function byGroup(frames: readonly Frame<TraceMetricColumns>[]): Map<string, Occurrence[]> {
  const groups = new Map<string, Occurrence[]>();
  for (const frame of frames) {
    Array.from(frame.column("group")).forEach((group, row) => {
      const known = groups.get(group);
      if (known === undefined) groups.set(group, [{ frame, row }]);
      else known.push({ frame, row });
    });
  }
  return groups;
}

function mean(occurrences: readonly Occurrence[]): number {
  const sum = occurrences.reduce(
    (all, { frame, row }) => all + frame.column("run_share")[row]! + frame.column("wait_share")[row]!,
    0,
  );
  return sum / occurrences.length;
}

function metricsOf(occurrences: readonly Occurrence[]): Record<string, Float64Array> {
  return Object.fromEntries(
    TRACE_METRICS.map((metric) => [
      metric,
      Float64Array.from(occurrences, ({ frame, row }) => frame.column(metric)[row]!),
    ]),
  );
}

function columnsOf(frame: Frame<CompareColumns>): CompareColumns {
  return Object.fromEntries(frame.names.map((name) => [name, frame.column(name)])) as CompareColumns;
}
