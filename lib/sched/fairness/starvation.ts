import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { changesOf, STATE } from "../load/changes.ts";
import { threadNames } from "../thread_names.ts";

/** Columns of {@linkcode starvation}. */
export type StarvationColumns = {
  /** When the thread was woken or lost its CPU, ns since the epoch. */
  ts: Ns;
  /** ns until it ran. */
  dur: Ns;
  /** Thread. */
  tid: Int32Array;
  /** Its name, the last that the trace has. */
  comm: DictColumn;
  /** The kernel's priority; -1000 where the trace does not tell. */
  prio: Int32Array;
  /** How it came to wait. */
  kind: DictColumn<"preempted" | "woken">;
  /** CPU in whose queue it was at the end. */
  cpu: Int32Array;
  /** How often it was moved to another CPU's queue meanwhile. */
  moves: Int32Array;
  /** 1 where it may have been longer: it is cut by an edge of the span, or ends in a hole. */
  censored: Uint8Array;
};

/** Options of {@linkcode starvation}. */
export interface StarvationOptions {
  /** Shortest wait, ns. Default 100 ms. */
  threshold?: number;
}

/**
 * Waits in which a thread was runnable and did not run for longer than `threshold`, the longest first. Unlike a row of `states`, a
 * wait goes on when the thread is moved to another queue. What took the CPU meanwhile is in `gaps`.
 *
 * Needs `sched:sched_switch` and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and a RangeError for a
 * threshold below 0.
 */
export function starvation(trace: Trace, options: StarvationOptions = {}): Frame<StarvationColumns> {
  const { threshold = 100e6 } = options;
  if (!(threshold >= 0)) throw new RangeError(`Expected a threshold of at least 0 ns but found ${threshold}`);
  const { tid, ts, dur, state, cpu, from, to, states } = changesOf(trace, "starvation");
  const waits = (row: number) => state[row] === STATE.preempted || state[row] === STATE.woken;
  const found: { first: number; last: number; dur: number; censored: boolean }[] = [];
  for (let row = 0; row < tid.length; row++) {
    if (!waits(row)) continue;
    const first = row;
    while (row + 1 < tid.length && tid[row + 1] === tid[first] && waits(row + 1)) row++;
    const end = ts[row]! + dur[row]!;
    const time = end - ts[first]!;
    if (time <= threshold) continue;
    const after = row + 1 < tid.length && tid[row + 1] === tid[first] ? state[row + 1] : undefined;
    const before = first > 0 && tid[first - 1] === tid[first] ? state[first - 1] : undefined;
    found.push({
      first,
      last: row,
      dur: time,
      censored: ts[first]! <= from || end >= to || after !== STATE.running || before === STATE.unknown,
    });
  }
  found.sort((x, y) => y.dur - x.dur);
  const names = threadNames(trace.context ?? trace, new Set(found.map(({ first }) => tid[first]!)));
  const prio = found.length === 0 ? new Int32Array() : states.column("prio");
  return new Frame<StarvationColumns>({
    ts: ns(Float64Array.from(found, ({ first }) => ts[first]!)),
    dur: ns(Float64Array.from(found, (one) => one.dur)),
    tid: Int32Array.from(found, ({ first }) => tid[first]!),
    comm: DictColumn.from(found.map(({ first }) => names.get(tid[first]!) ?? "")),
    prio: Int32Array.from(found, ({ last }) => prio[last]!),
    kind: new DictColumn(
      Uint8Array.from(found, ({ first }) => state[first] === STATE.preempted ? 0 : 1),
      ["preempted", "woken"],
    ),
    cpu: Int32Array.from(found, ({ last }) => cpu[last]!),
    moves: Int32Array.from(found, ({ first, last }) => {
      let moves = 0;
      for (let row = first + 1; row <= last; row++) if (cpu[row] !== cpu[row - 1]) moves++;
      return moves;
    }),
    censored: Uint8Array.from(found, ({ censored }) => censored ? 1 : 0),
  }, found.length);
}
