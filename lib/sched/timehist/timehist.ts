import { type Codes, DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { Trace } from "../../trace/trace.ts";
import { withinSpan } from "../within_span.ts";
import { STATE_DICTIONARY, type StateLetter } from "./task_state.ts";
import { trackRuns } from "./track_runs.ts";
import { makeRunRows, type RunFilter } from "./tracked_runs.ts";

/** Columns of {@linkcode timehist}. Every time is in ns; NaN where it is not known. */
export type TimehistColumns = {
  /** End of the run: the thread left its CPU. ns since the epoch. */
  ts: Float64Array;
  /** CPU that it ran on. */
  cpu: Uint16Array;
  /** Thread that ran, by prev_pid; 0 for the idle task. */
  tid: Int32Array;
  /** Its process; -1 where no record told. */
  pid: Int32Array;
  /** Its name at the end of the run. */
  comm: DictColumn;
  /** Its priority at the end of the run, the kernel's number (0 to 99 real-time, 100 to 139 fair). */
  prio: Int32Array;
  /** Time off the CPU before the run: `sleep + iowait + preempt + wake_delay`. */
  wait: Float64Array;
  /** Of `wait`: blocked in any state but D, until the waking. */
  sleep: Float64Array;
  /** Of `wait`: blocked in state D (uninterruptible: IO, locks and others), until the waking. */
  iowait: Float64Array;
  /** Of `wait`: it had left its CPU runnable (R or R+) and waited to go on. */
  preempt: Float64Array;
  /** Of `wait`: from the first waking of the blocked thread to the run. */
  wake_delay: Float64Array;
  /** Length of the run. */
  run: Float64Array;
  /** State that it left in; R+ is preempted inside the kernel. */
  state: DictColumn<StateLetter>;
  /** Thread that ran after it on the CPU. */
  next_pid: Int32Array;
  /** Name of the thread that ran after it. */
  next_comm: DictColumn;
  /** Thread in whose context it was woken for this run; -1 where it was not woken or that is not known. */
  waker_tid: Int32Array;
  /** 0, or bits of what is not known: 1 where the run began, 2 what the thread did before it. See `Censored`. */
  censored: Uint8Array;
};

/**
 * One row for each run of a thread on a CPU, in the order in which they ended. The idle task's runs are rows too.
 *
 * A run whose beginning was not recorded (the first switch of a CPU, lost records on it, a switch whose prev_pid is not
 * the next_pid before) has `run` NaN; the first run of a thread that the trace did not see leave a CPU has `wait` NaN.
 * Both are marked in `censored`.
 *
 * A waking of a thread that runs or is runnable already changes nothing, but for one that comes between the thread
 * setting its state and its switch: it then never slept, and all of `wait` is `wake_delay`. Of two `sched_waking` without a run
 * between them the second counts: the kernel wakes only who sleeps, and so it ran and slept unseen, and `wait` is NaN. Where no waking of a blocked
 * thread was recorded, all of `wait` counts as blocked, `waker_tid` is -1 and, in a recording that has wakeups, `wake_delay` is NaN.
 *
 * Throws `MissingEventError` where the trace has no sched_switch.
 */
export function timehist(trace: Trace, options: RunFilter = {}): Frame<TimehistColumns> {
  if (trace.context !== undefined) return timehist(trace.context, withinSpan(trace, options));
  trace.requireEvent("timehist", "sched:sched_switch");
  const rows = makeRunRows(trace.counts.get("sched:sched_switch") ?? 0);
  trackRuns(trace.stream, options, rows);
  const n = rows.length;
  const { switches } = trace;
  const whole = n === rows.ts.length;
  const of = rows.switchRow.subarray(0, n);
  const names = (column: "prev_comm" | "next_comm") => () => {
    const all = switches.column(column);
    return whole ? all : new DictColumn(picked(all.codes, of), all.dictionary);
  };
  return new Frame<TimehistColumns>({
    ts: rows.ts.subarray(0, n),
    cpu: rows.cpu.subarray(0, n),
    tid: rows.tid.subarray(0, n),
    pid: rows.pid.subarray(0, n),
    comm: names("prev_comm"),
    prio: () => whole ? switches.column("prev_prio") : picked(switches.column("prev_prio"), of),
    wait: rows.wait.subarray(0, n),
    sleep: rows.sleep.subarray(0, n),
    iowait: rows.iowait.subarray(0, n),
    preempt: rows.preempt.subarray(0, n),
    wake_delay: rows.wakeDelay.subarray(0, n),
    run: rows.run.subarray(0, n),
    state: new DictColumn<StateLetter>(rows.state.subarray(0, n), STATE_DICTIONARY),
    next_pid: rows.nextPid.subarray(0, n),
    next_comm: names("next_comm"),
    waker_tid: rows.wakerTid.subarray(0, n),
    censored: rows.censored.subarray(0, n),
  }, n);
}

/** The values of `column` at `rows`. */
function picked<A extends Codes>(column: A, rows: Uint32Array): A {
  const out = new (column.constructor as new (length: number) => A)(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]!]!;
  return out;
}
