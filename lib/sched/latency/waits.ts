import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { timehist, type TimehistColumns } from "../timehist/timehist.ts";

/** Columns of {@linkcode waits}. */
export type WaitColumns = {
  /** When it began: the thread was woken, or lost its CPU. ns since the epoch. */
  ts: Ns;
  /** How long it was runnable until it ran, ns. */
  delay: Ns;
  tid: Int32Array;
  /** Its name at the end of the run. */
  comm: DictColumn;
  /** Whether it had been woken or had lost its CPU. */
  kind: DictColumn<"woken" | "preempted">;
  /** CPU that it ran on in the end. */
  cpu: Int32Array;
};

/** Options of {@linkcode waits}. */
export interface WaitsOptions {
  /** Only these threads. Default: all but the idle ones. */
  tids?: Iterable<number>;
}

/**
 * Every wait for a CPU whose length is known: what {@linkcode latency}'s percentiles are of, one row for each, in the order in which the
 * runs after them ended.
 *
 * Throws `MissingEventError` where the trace has no sched_switch, or no wakeup event.
 */
export function waits(trace: Trace, options: WaitsOptions = {}): Frame<WaitColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("waits", "sched:sched_switch");
  context.requireEvent("waits", "sched:sched_waking", "sched:sched_wakeup");
  const runs = timehist(trace, options.tids === undefined ? {} : { tids: new Set(options.tids) });
  const delays = knownDelays(runs);
  const tids = runs.column("tid");
  let length = 0;
  const rows = new Uint32Array(delays.length);
  for (let row = 0; row < delays.length; row++) {
    if (tids[row] !== 0 && delays[row] === delays[row]) rows[length++] = row;
  }
  const of = rows.subarray(0, length);
  const begin = new Float64Array(length);
  const delay = new Float64Array(length);
  const tid = new Int32Array(length);
  const kind = new Uint8Array(length);
  const [ts, run, preempt] = [runs.column("ts"), runs.column("run"), runs.column("preempt")];
  for (let i = 0; i < length; i++) {
    const row = of[i]!;
    delay[i] = delays[row]!;
    begin[i] = ts[row]! - run[row]! - delay[i]!;
    tid[i] = tids[row]!;
    kind[i] = preempt[row]! > 0 ? 1 : 0;
  }
  return new Frame<WaitColumns>({
    ts: ns(begin),
    delay: ns(delay),
    tid,
    comm: () => {
      const comm = runs.column("comm");
      const codes = new Uint32Array(length);
      for (let i = 0; i < length; i++) codes[i] = comm.codes[of[i]!]!;
      return new DictColumn(codes, comm.dictionary);
    },
    kind: new DictColumn(kind, ["woken", "preempted"]),
    cpu: () => {
      const cpu = runs.column("cpu");
      const out = new Int32Array(length);
      for (let i = 0; i < length; i++) out[i] = cpu[of[i]!]!;
      return out;
    },
  }, length);
}

/** The delay before each run, ns; NaN where it or the run's length is not known. */
export function knownDelays(runs: Frame<TimehistColumns>): Float64Array {
  const preempt = runs.column("preempt");
  const woken = runs.column("wake_delay");
  const run = runs.column("run");
  const delays = new Float64Array(run.length);
  for (let row = 0; row < delays.length; row++) {
    delays[row] = run[row] === run[row] ? preempt[row]! + woken[row]! : NaN;
  }
  return delays;
}
