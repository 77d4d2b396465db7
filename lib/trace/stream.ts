/**
 * The scheduler's events of a trace in time order, as a struct of arrays.
 *
 * Every reader makes one, every analysis runs over one. A row has a `kind`, the stamp, the CPU, the task in whose
 * context the record was made (`pid` process, `tid` thread) and three integers `a`, `b`, `c` whose meaning
 * depends on the kind; see {@linkcode Kind}.
 */
export interface SchedStream {
  /** Number of rows. */
  readonly length: number;
  /** {@linkcode Kind} of each row. */
  readonly kind: Uint8Array;
  /** Nanoseconds since the trace's epoch; never falls. */
  readonly ts: Float64Array;
  /** CPU on which the event was recorded. */
  readonly cpu: Uint16Array;
  /** Process (tgid) of the task in whose context the event was recorded; -1 where the recorder did not know. */
  readonly pid: Int32Array;
  /** Thread in whose context the event was recorded; -1 where the recorder did not know. */
  readonly tid: Int32Array;
  /** First integer of the event. */
  readonly a: Int32Array;
  /** Second integer of the event. */
  readonly b: Int32Array;
  /** Third integer of the event. */
  readonly c: Int32Array;
  /** Names that rows of kind {@linkcode Kind.Comm} point to. */
  readonly comms: readonly string[];
  /**
   * Rows that the recorder's own reader (perf) delivers late, because they were written after records that are newer than
   * they are by more than a round of reading. None where absent. Analyses need not care: the rows are in time order here.
   */
  readonly late?: readonly LateRow[];
}

/** A row that was written late. */
export interface LateRow {
  /** Its index. */
  readonly row: number;
  /** perf delivers it after all rows up to this stamp, ns since the epoch. */
  readonly after: number;
}

/** What a row of a {@linkcode SchedStream} is, and what its `a`, `b`, `c` hold. */
export const Kind = {
  /** `sched:sched_switch`: a = prev_pid, b = prev_state (raw bits), c = next_pid. */
  Switch: 1,
  /** `sched:sched_waking`: a = pid, b = target_cpu (where the task last ran), c = common_flags of the waker. */
  Waking: 2,
  /** `sched:sched_wakeup`: a = pid, b = target_cpu, c = common_flags. */
  Wakeup: 3,
  /** `sched:sched_wakeup_new`: a = pid, b = target_cpu, c = common_flags. */
  WakeupNew: 4,
  /** `sched:sched_migrate_task`: a = pid, b = orig_cpu, c = dest_cpu. */
  Migrate: 5,
  /** A task was made: pid and tid are the child's; a = parent's pid, b = parent's tid. */
  Fork: 6,
  /** A task ended: pid and tid are its own. */
  Exit: 7,
  /** A task got its name: pid and tid are its own; a = index into `comms`, b = 1 at exec. */
  Comm: 8,
  /** Events were lost on `cpu` before this stamp: a = how many. */
  Lost: 9,
  /** `sched:sched_process_fork` tracepoint: a = parent_pid, b = child_pid. */
  ProcessFork: 10,
  /** `sched:sched_process_exit` tracepoint: a = pid. */
  ProcessExit: 11,
  /** `sched:sched_process_exec` tracepoint: a = pid, b = old_pid. */
  ProcessExec: 12,
  /** A user-space map was made (MMAP record): pid and tid are the task's. perf learns a thread's process from it. */
  Mmap: 13,
} as const;

/** One of the numbers in {@linkcode Kind}. */
export type KindCode = typeof Kind[keyof typeof Kind];

/** Tracepoints that become rows of a stream: their kind and the fields that become `a`, `b`, `c`. */
export const STREAM_EVENTS: Readonly<Record<string, { kind: KindCode; fields: readonly string[] }>> = {
  "sched:sched_switch": { kind: Kind.Switch, fields: ["prev_pid", "prev_state", "next_pid"] },
  "sched:sched_waking": { kind: Kind.Waking, fields: ["pid", "target_cpu", "common_flags"] },
  "sched:sched_wakeup": { kind: Kind.Wakeup, fields: ["pid", "target_cpu", "common_flags"] },
  "sched:sched_wakeup_new": { kind: Kind.WakeupNew, fields: ["pid", "target_cpu", "common_flags"] },
  "sched:sched_migrate_task": { kind: Kind.Migrate, fields: ["pid", "orig_cpu", "dest_cpu"] },
  "sched:sched_process_fork": { kind: Kind.ProcessFork, fields: ["parent_pid", "child_pid"] },
  "sched:sched_process_exit": { kind: Kind.ProcessExit, fields: ["pid"] },
  "sched:sched_process_exec": { kind: Kind.ProcessExec, fields: ["pid", "old_pid"] },
};
