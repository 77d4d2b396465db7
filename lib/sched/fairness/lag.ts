import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { fairService } from "./fair_service.ts";
import type { FairnessOptions } from "./fairness_options.ts";

/** Columns of {@linkcode lag}. */
export type LagColumns = {
  /** Thread, or group. */
  name: DictColumn;
  /** Thread; -1 for a group. */
  tid: Int32Array;
  /** When the lag is taken: the end of a bin, ns since the epoch. */
  ts: Ns;
  /** What it is owed, ns of CPU time: entitlement less service since the start of the span. Below 0 it is ahead. */
  lag: Ns;
  /** What it ran in the bin. */
  service: Ns;
  /** What it was entitled to in the bin. */
  entitled: Ns;
  /** 1 where a hole hides who ran on some CPU during a part of the bin: of that part nothing is counted. */
  censored: Uint8Array;
};

/** Options of {@linkcode lag}. */
export interface LagOptions extends FairnessOptions {
  /** Length of a bin, ns. Default: a 400th of the span. */
  bin?: number;
  /** Most threads or groups: those whose lag went farthest from 0. Default 20. */
  limit?: number;
}

/**
 * The lag of threads (or groups) over time, taken at the end of each bin, with what they got and were entitled to in it. Rows are
 * sorted by thread or group, whose lag went farthest from 0 first, then time. (The extremes between the bins' ends are in `fairness`,
 * where the definitions are.)
 *
 * Needs and throws what `fairness` does, and a RangeError for a bin that is not above 0 or makes more than ten million of them.
 *
 * @example
 * ```ts
 * import { lag } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function everyMillisecond(path: string) {
 *   return lag(await openTrace(path), { bin: 1e6, by: "process" });
 * }
 * ```
 */
export function lag(trace: Trace, options: LagOptions = {}): Frame<LagColumns> {
  const { from, to } = trace.span;
  const { bin = to > from ? (to - from) / 400 : 1, limit = 20 } = options;
  const found = fairService(trace, "lag", options, bin);
  const { bins, samples } = found;
  const peak = (entity: number) => Math.max(found.maxLag[entity]!, -found.minLag[entity]!);
  const kept = Array.from({ length: found.size }, (_, entity) => entity).filter((entity) =>
    found.demand[entity]! > 0
  )
    .sort((x, y) => peak(y) - peak(x) || x - y).slice(0, limit);
  const place = new Int32Array(found.size).fill(-1);
  kept.forEach((entity, at) => place[entity] = at);
  const rows = kept.length * bins.count;
  const service = new Float64Array(rows);
  const entitled = new Float64Array(rows);
  for (let i = 0; i < samples.bin.length; i++) {
    const at = place[samples.entity[i]!]!;
    if (at < 0) continue;
    service[at * bins.count + samples.bin[i]!]! += samples.service[i]!;
    entitled[at * bins.count + samples.bin[i]!]! += samples.entitled[i]!;
  }
  const owed = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const before = row % bins.count === 0 ? 0 : owed[row - 1]!;
    owed[row] = before + entitled[row]! - service[row]!;
  }
  const binOf = (row: number) => row % bins.count;
  const each = <A>(make: (entity: number, bin: number) => A) =>
    Array.from({ length: rows }, (_, row) => make(kept[(row - binOf(row)) / bins.count]!, binOf(row)));
  return new Frame<LagColumns>({
    name: () => new DictColumn(Uint32Array.from(each((entity) => entity)), found.names()),
    tid: Int32Array.from(each((entity) => found.tid[entity]!)),
    ts: ns(Float64Array.from(each((_, bin) => bins.end(bin)))),
    lag: ns(owed),
    service: ns(service),
    entitled: ns(entitled),
    censored: Uint8Array.from(
      each((_, bin) => bins.end(bin) - bins.start(bin) - found.known[bin]! > 0.5 ? 1 : 0),
    ),
  }, rows);
}
