import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type Entitlement, entitlement, type EntitlementColumns } from "../entitlement.ts";
import { changesOf } from "../load/changes.ts";
import { demands, type DemandsOptions } from "./demands.ts";

/** Columns of {@linkcode entitlementFromTrace}. */
export type TraceEntitlementColumns =
  & {
    tid: Int32Array;
    /** Its name, the last that the trace has. */
    comm: DictColumn;
  }
  & EntitlementColumns
  & {
    /** CPUs that it used: the time that it ran as a share of the time of which the trace tells what it did. */
    used: Ratio;
    /** 1 where the trace does not tell all of what it did. */
    censored: Uint8Array;
  };

/** Options of {@linkcode entitlementFromTrace}. */
export interface TraceEntitlementOptions extends Omit<DemandsOptions, "bin"> {
  /** CPUs that they share. Default: those that switched in the trace, less the time that threads of classes above the fair one took. */
  cpus?: number;
}

/** What {@linkcode entitlementFromTrace} finds: as {@linkcode Entitlement}, for threads. */
export interface TraceEntitlement extends Omit<Entitlement, "tasks"> {
  /** CPUs that they share. */
  readonly cpus: number;
  /** A row for each thread of the fair class that ran, by what it is entitled to. */
  readonly tasks: Frame<TraceEntitlementColumns>;
}

/**
 * What the threads of a trace were entitled to over all of it: water-filling (`entitlement`) of the weights of their nice values with
 * the demands that they showed (`demands`). One figure for each thread; how entitlement and service went apart over time is in
 * `fairness` and `lag`. A thread's time counts from its birth to its end: for one that was not there all the time, the demand is
 * that of its life times the share of the span that it lived.
 *
 * Needs and throws what `demands` does.
 *
 * @example
 * ```ts
 * import { entitlementFromTrace } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function infeasible(path: string) {
 *   const { tasks, lambda } = entitlementFromTrace(await openTrace(path));
 *   return { lambda, tasks: tasks.filter((task) => task.infeasible === 1) };
 * }
 * ```
 */
export function entitlementFromTrace(
  trace: Trace,
  options: TraceEntitlementOptions = {},
): TraceEntitlement {
  const found = demands(trace, options);
  const weight = found.column("weight");
  const run = found.column("run");
  const known = (row: number) => run[row]! + found.column("wait")[row]! + found.column("sleep")[row]!;
  const dur = found.column("dur");
  let above = 0;
  const rows: number[] = [];
  for (let row = 0; row < found.length; row++) {
    if (Number.isNaN(weight[row])) above += run[row]! / dur[row]!;
    else if (run[row]! > 0) rows.push(row);
  }
  const cpus = options.cpus ?? changesOf(trace, "entitlementFromTrace").cpus.length - above;
  const lived = (row: number) => (known(row) + found.column("unknown")[row]!) / dur[row]!;
  const demand = rows.map((row) => Math.min(1, found.column("demand")[row]! * lived(row)));
  const { tasks, lambda, used } = entitlement(rows.map((row) => weight[row]!), cpus, demand);
  const comm = found.column("comm");
  return {
    cpus,
    lambda,
    used,
    tasks: new Frame<TraceEntitlementColumns>({
      tid: Int32Array.from(rows, (row) => found.column("tid")[row]!),
      comm: new DictColumn(Uint32Array.from(rows, (row) => comm.codes[row]!), comm.dictionary),
      weight: tasks.column("weight"),
      demand: tasks.column("demand"),
      share: tasks.column("share"),
      feasible_weight: tasks.column("feasible_weight"),
      infeasible: tasks.column("infeasible"),
      shortfall: tasks.column("shortfall"),
      used: ratio(Float64Array.from(rows, (row) => run[row]! / known(row) * lived(row))),
      censored: Uint8Array.from(rows, (row) => found.column("censored")[row]!),
    }).sort("share", { descending: true }),
  };
}
