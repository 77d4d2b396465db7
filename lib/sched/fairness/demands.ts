import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { changesOf, STATE } from "../load/changes.ts";
import { TimeBins } from "../load/time_bins.ts";
import { threadNames } from "../thread_names.ts";
import { isAboveFair, prioWeight } from "./weight_of.ts";

/** Columns of {@linkcode demands}: a row for each thread, or for each thread and bin of time in which it was there. */
export type DemandColumns = {
  tid: Int32Array;
  /** Its name, the last that the trace has. */
  comm: DictColumn;
  /** Start of the row's time, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** The kernel's priority, the last of the time; -1000 where the trace does not tell. */
  prio: Int32Array;
  /** Its weight in the fair class; NaN for a thread of a class above. */
  weight: Float64Array;
  /** Time that it ran. */
  run: Ns;
  /** Time that it was runnable and waited. */
  wait: Ns;
  /** Time that it did not want to run, for whatever reason. */
  sleep: Ns;
  /** Time of which the trace does not tell. */
  unknown: Ns;
  /** `run` / (`run` + `sleep`): the share of time that it would run if it never waited. NaN where it did neither. */
  demand: Ratio;
  /** 1 where `unknown` is above 0. */
  censored: Uint8Array;
};

/** Options of {@linkcode demands}. */
export interface DemandsOptions {
  /** Length of a bin of time, ns; the last one may be shorter. Default: one bin, the whole span. */
  bin?: number;
  /** Weights by tid, where they are not those of the priority. Default: by nice value. */
  weights?: ReadonlyMap<number, number>;
}

/**
 * How much each thread wanted to run: the duty cycle that `entitlement` takes as demand, estimated as run / (run + sleep). Waiting is
 * left out, as sched_ext's `scx_utils::infeasible` has it: a thread that waits would run its burst and then sleep as before.
 * Rows are sorted by tid, then time.
 *
 * Needs `sched:sched_switch` and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and a RangeError for a bin
 * that is not above 0 or makes more than ten million.
 */
export function demands(trace: Trace, options: DemandsOptions = {}): Frame<DemandColumns> {
  const changes = changesOf(trace, "demands");
  const { tids, thread, ts, dur, state } = changes;
  const bins = new TimeBins(changes.from, changes.to, options.bin);
  const prio = changes.states.column("prio");
  const rows = { tid: [] as number[], bin: [] as number[], prio: [] as number[] };
  const times = { run: [] as number[], wait: [] as number[], sleep: [] as number[], unknown: [] as number[] };
  for (let row = 0; row < thread.length; row++) {
    const tid = tids[thread[row]!]!;
    const what = state[row]!;
    const time = what === STATE.running
      ? times.run
      : what === STATE.preempted || what === STATE.woken
      ? times.wait
      : what === STATE.unknown
      ? times.unknown
      : times.sleep;
    const to = ts[row]! + dur[row]!;
    for (let from = ts[row]!; from < to;) {
      const bin = bins.at(from);
      const end = Math.min(to, bins.end(bin));
      let last = rows.tid.length - 1;
      if (last < 0 || rows.tid[last] !== tid || rows.bin[last] !== bin) {
        last++;
        rows.tid.push(tid);
        rows.bin.push(bin);
        rows.prio.push(prio[row]!);
        for (const column of Object.values(times)) column.push(0);
      }
      rows.prio[last] = prio[row]!;
      time[last]! += end - from;
      from = end;
    }
  }
  const names = threadNames(trace.context ?? trace, new Set(tids));
  const { run, wait, sleep, unknown } = times;
  const start = (at: number) => bins.start(rows.bin[at]!);
  const each = (of: (at: number) => number) => Float64Array.from(rows.tid, (_, at) => of(at));
  return new Frame<DemandColumns>({
    tid: Int32Array.from(rows.tid),
    comm: DictColumn.from(rows.tid.map((tid) => names.get(tid) ?? "")),
    ts: ns(each(start)),
    dur: ns(each((at) => bins.end(rows.bin[at]!) - start(at))),
    prio: Int32Array.from(rows.prio),
    weight: each((at) =>
      isAboveFair(rows.prio[at]!) ? NaN : options.weights?.get(rows.tid[at]!) ?? prioWeight(rows.prio[at]!)
    ),
    run: ns(Float64Array.from(run)),
    wait: ns(Float64Array.from(wait)),
    sleep: ns(Float64Array.from(sleep)),
    unknown: ns(Float64Array.from(unknown)),
    demand: ratio(each((at) => run[at]! / (run[at]! + sleep[at]!))),
    censored: Uint8Array.from(unknown, (time) => time > 0 ? 1 : 0),
  }, rows.tid.length);
}
