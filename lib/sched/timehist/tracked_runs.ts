/** Which runs are wanted; every option that is given narrows it. */
export interface RunFilter {
  /** Runs that ended at this stamp or later, ns since the trace's epoch. Default the start of the trace. */
  from?: number;
  /** Runs that ended at this stamp or before, ns since the trace's epoch. Default the end of the trace. */
  to?: number;
  /** CPUs. Default all. */
  cpus?: ReadonlySet<number>;
  /** Processes. Default all. */
  pids?: ReadonlySet<number>;
  /** Threads. Default all. */
  tids?: ReadonlySet<number>;
}

/** Bits of a row's `censored`. */
export const Censored = {
  /** Where the run began is not known: its CPU's first switch, lost records, or a broken chain. `run` is NaN. */
  Run: 1,
  /** What the thread did before the run is not known. `wait` and its parts are NaN. */
  Wait: 2,
} as const;

/** Columns of one row for each run, as they are collected. */
export interface RunRows {
  length: number;
  /** Index of the run's end among all switches. */
  readonly switchRow: Uint32Array;
  readonly ts: Float64Array;
  readonly cpu: Uint16Array;
  readonly tid: Int32Array;
  readonly pid: Int32Array;
  readonly wait: Float64Array;
  readonly sleep: Float64Array;
  readonly iowait: Float64Array;
  readonly preempt: Float64Array;
  readonly wakeDelay: Float64Array;
  readonly run: Float64Array;
  readonly state: Uint8Array;
  readonly nextPid: Int32Array;
  readonly wakerTid: Int32Array;
  readonly censored: Uint8Array;
}

/** Room for `capacity` runs. */
export function makeRunRows(capacity: number): RunRows {
  return {
    length: 0,
    switchRow: new Uint32Array(capacity),
    ts: new Float64Array(capacity),
    cpu: new Uint16Array(capacity),
    tid: new Int32Array(capacity),
    pid: new Int32Array(capacity),
    wait: new Float64Array(capacity),
    sleep: new Float64Array(capacity),
    iowait: new Float64Array(capacity),
    preempt: new Float64Array(capacity),
    wakeDelay: new Float64Array(capacity),
    run: new Float64Array(capacity),
    state: new Uint8Array(capacity),
    nextPid: new Int32Array(capacity),
    wakerTid: new Int32Array(capacity),
    censored: new Uint8Array(capacity),
  };
}

/** Doubles of one thread (or of one CPU's running task), side by side so that they share a cache line or two. */
export const STRIDE = 24;
/** What each of the {@linkcode STRIDE} doubles is. */
export const Slot = {
  Left: 0,
  Woken: 1,
  /** A waking that came while the thread still ran. */
  EarlyWoken: 2,
  Runs: 3,
  KnownRuns: 4,
  Total: 5,
  Mean: 6,
  M2: 7,
  Min: 8,
  Max: 9,
  Sleep: 10,
  Iowait: 11,
  Preempt: 12,
  WakeDelay: 13,
  WakeDelayMax: 14,
  UnknownWaits: 15,
  Migrations: 16,
  Censored: 17,
} as const;

/** Doubles of one CPU. */
export const CPU_STRIDE = 12;
/** What each of the {@linkcode CPU_STRIDE} doubles is. */
export const OnCpu = {
  /** Stamp of the last switch; NaN before the first. */
  Since: 0,
  Wait: 1,
  Sleep: 2,
  Iowait: 3,
  Preempt: 4,
  WakeDelay: 5,
  Idle: 6,
  IdleRuns: 7,
  Covered: 8,
  Switches: 9,
  Breaks: 10,
} as const;

/** What `trackRuns` finds. */
export interface TrackedRuns {
  /** The tid of each thread. */
  readonly tids: Int32Array;
  /** {@linkcode STRIDE} doubles for each thread. */
  readonly threads: Float64Array;
  /** Process of each thread; -1 = unknown. */
  readonly pids: Int32Array;
  /** Parent of each thread; -1 = unknown. */
  readonly parents: Int32Array;
  /** Name of each thread as an index into the stream's comms; -1 = unknown. */
  readonly comms: Int32Array;
  /** Whether the thread ended, 0 or 1. */
  readonly ended: Uint8Array;
  /** For each CPU from 0 to the highest that switched. */
  readonly cpus: readonly CpuRuns[];
  /** Wanted runs of which something is not known. */
  readonly censored: number;
  /** Wanted runs. */
  readonly runs: number;
  /** Events that the recorder said it lost. */
  readonly lostEvents: number;
}

/** What one CPU did over the wanted runs. */
export interface CpuRuns {
  readonly switches: number;
  /** Switches whose prev_pid is not the next_pid of the one before. */
  readonly breaks: number;
  /** ns of idle runs. */
  readonly idle: number;
  readonly idleRuns: number;
  /** ns of all runs whose beginning is known, idle among them. */
  readonly covered: number;
}
