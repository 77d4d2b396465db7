import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { fairService } from "./fair_service.ts";
import type { FairnessOptions } from "./fairness_options.ts";

/** Columns of {@linkcode fairness}. Times are CPU time in ns, of the time that is known of all CPUs. */
export type FairnessColumns = {
  /** Thread, or group. */
  name: DictColumn;
  /** Thread; -1 for a group. */
  tid: Int32Array;
  /** Threads of it that competed. */
  threads: Int32Array;
  /** Weight; of a group that of the thread that came last. */
  weight: Float64Array;
  /** Time that it was runnable (ran or waited), summed over its threads: the most that it could use. */
  demand: Ns;
  /** Time that it ran. */
  service: Ns;
  /** Time that it would have run under the fluid. */
  entitled: Ns;
  /** `entitled` less `service`, at the end: above 0 it is owed time. */
  lag: Ns;
  /** (`service` - `entitled`) / `entitled`: the smp-nice error with its sign. */
  error: Ratio;
  /** Largest lag, and when. ns since the epoch. */
  max_lag: Ns;
  max_lag_ts: Ns;
  /** Smallest lag, and when: how far it was ahead. */
  min_lag: Ns;
  min_lag_ts: Ns;
  /** Of all windows the most by which it got less than it was entitled to in it, and the window. ns since the epoch. */
  worst: Ns;
  worst_from: Ns;
  worst_to: Ns;
  /** Time in which the trace does not tell what its threads did, summed over threads; what it got then is in no other figure. */
  unknown: Ns;
  /** Time that is known of all CPUs, as a share of the span. */
  coverage: Ratio;
  /** 1 where `coverage` is below 1 or `unknown` above 0. */
  censored: Uint8Array;
};

/**
 * What each thread (or group) got of the CPUs, and what it was entitled to: a row for each that competed, the longest demand first.
 *
 * The entitlement is the generalized-multiprocessor-sharing fluid (`entitlement`) over the threads that are runnable at each moment,
 * each of which can use one CPU: c_i(t) = min(1, w_i / lambda(t)), and all of 1 while there are no more threads than CPUs. What it
 * is entitled to in all is the integral of that; lag is the entitlement less what it ran, which EEVDF bounds by about a slice.
 *
 * - Only the fair class competes (kernel priority 100 to 139, and what an unknown scheduler puts there). A CPU that runs a thread
 *   of a class above (deadline, rt, stop) is not shared meanwhile.
 * - Weights are those of the nice values. SCHED_IDLE and the weights of cgroups are not in a trace; `weights` takes them.
 * - Affinities are not in a trace either: every thread is taken to be allowed on all `cpus`. Threads that are pinned to one CPU are
 *   judged rightly with that CPU as `cpus`, for then only those count that run or wait there.
 * - The fluid knows of a thread that it is runnable, not how long it would have to run: who is served at once and sleeps again is
 *   runnable for as long as it runs, and so is ahead of what it was entitled to meanwhile. Read errors of threads that hardly ever
 *   wait with that in mind.
 * - Of times in which a hole hides who ran on any of the CPUs nothing is counted: neither entitlement nor service.
 *
 * Needs `sched:sched_switch` and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and a RangeError where none of
 * `cpus` is in the trace, a weight is not above 0, or the trace cannot tell the groups.
 *
 * @example
 * ```ts
 * import { fairness } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function whoIsOwed(path: string) {
 *   return fairness(await openTrace(path)).sort("max_lag", { descending: true }).head(10);
 * }
 * ```
 */
export function fairness(trace: Trace, options: FairnessOptions = {}): Frame<FairnessColumns> {
  const found = fairService(trace, "fairness", options);
  const rows = Uint32Array.from({ length: found.size }, (_, row) => row).filter((row) =>
    found.demand[row]! > 0
  )
    .sort((x, y) => found.demand[y]! - found.demand[x]! || x - y);
  const at = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]!);
  const share = found.bins.to > found.bins.from
    ? Math.min(1, found.knownTime / (found.bins.to - found.bins.from))
    : 0;
  const entitled = at(found.entitled);
  const service = at(found.service);
  const unknown = at(found.unknown);
  return new Frame<FairnessColumns>({
    name: () => new DictColumn(rows, found.names()),
    tid: Int32Array.from(rows, (row) => found.tid[row]!),
    threads: Int32Array.from(rows, (row) => found.threads[row]!),
    weight: at(found.weight),
    demand: ns(at(found.demand)),
    service: ns(service),
    entitled: ns(entitled),
    lag: ns(entitled.map((time, row) => time - service[row]!)),
    error: ratio(entitled.map((time, row) => (service[row]! - time) / time)),
    max_lag: ns(at(found.maxLag)),
    max_lag_ts: ns(at(found.maxLagTs)),
    min_lag: ns(at(found.minLag)),
    min_lag_ts: ns(at(found.minLagTs)),
    worst: ns(at(found.worst)),
    worst_from: ns(at(found.worstFrom)),
    worst_to: ns(at(found.worstTo)),
    unknown: ns(unknown),
    coverage: ratio(new Float64Array(rows.length).fill(share)),
    censored: unknown.length === 0
      ? new Uint8Array()
      : Uint8Array.from(unknown, (time) => time > 0 || share < 1 - 1e-12 ? 1 : 0),
  }, rows.length);
}
