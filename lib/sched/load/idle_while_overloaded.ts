import { Frame } from "../../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type Changes, changesOf } from "./changes.ts";
import { UNKNOWN_TID } from "./occupants.ts";
import { QueueTracker } from "./queue_tracker.ts";
import { TimeBins } from "./time_bins.ts";

/** Columns of {@linkcode idleWhileOverloaded}: one row, or one for each bin of time. */
export type IdleWhileOverloadedColumns = {
  /** Start of the row's time, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** SchedViz's WallTime: time in which any CPU was idle while any other was overloaded. */
  wall_time: Ns;
  /** SchedViz's PerCPUTime: at each time the smaller of the number of idle CPUs and that of overloaded ones, summed over time. */
  per_cpu_time: Ns;
  /** SchedViz's PerThreadTime: at each time the smaller of the number of idle CPUs and that of threads waiting on overloaded ones. */
  per_thread_time: Ns;
  /** 1 less the share of the known CPU-time in which CPUs were idle; NaN where nothing is known. */
  utilization: Ratio;
  /** CPU-time in which it is known who ran, as a share of `dur` on all CPUs that switch. */
  coverage: Ratio;
  /** 1 where `coverage` is below 1: what is not known counts as neither idle nor overloaded, so the three times are lower bounds. */
  censored: Uint8Array;
};

/** Options of {@linkcode idleWhileOverloaded}. */
export interface IdleWhileOverloadedOptions {
  /** Length of a bin of time, ns; the last one may be shorter. Default: one bin, the whole span. */
  bin?: number;
}

/**
 * How long CPUs lay idle while threads waited on others, by the three figures of SchedViz. A CPU is idle when it runs the idle task
 * and nobody is in its queue, overloaded when it runs a thread and somebody is; one that is idle and has somebody in its queue is
 * neither, because it is about to run that one. Two CPUs overloaded for half a second, one with one and one with two waiting
 * threads, while three others are idle, make 0.5 s of `wall_time`, 1 s of `per_cpu_time` and 1.5 s of `per_thread_time`.
 *
 * Whether the waiting threads were allowed on the idle CPUs a trace does not tell; `workConservation` takes a map of it.
 * Unlike SchedViz, a CPU of which the trace does not tell who runs is not taken for idle. Needs `sched:sched_switch`, and
 * `sched:sched_waking` or `sched:sched_wakeup`; queues are exact with `sched:sched_migrate_task`.
 *
 * Throws `MissingEventError`, and a RangeError for a bin that is not above 0 or makes more than ten million rows.
 */
export function idleWhileOverloaded(
  trace: Trace,
  options: IdleWhileOverloadedOptions = {},
): Frame<IdleWhileOverloadedColumns> {
  const changes = changesOf(trace, "idleWhileOverloaded");
  const tally = new UtilizationTally(changes, new TimeBins(changes.from, changes.to, options.bin));
  changes.walk(tally);
  return tally.frame();
}

const NEITHER = 0;
const IDLE = 1;
const OVERLOADED = 2;
const UNKNOWN = 3;

class UtilizationTally extends QueueTracker {
  readonly #bins: TimeBins;
  readonly #wall: Float64Array;
  readonly #perCpu: Float64Array;
  readonly #perThread: Float64Array;
  readonly #idleTime: Float64Array;
  readonly #known: Float64Array;
  /** By CPU what it is, and how many it keeps waiting where it is overloaded. */
  readonly #class: Uint8Array;
  readonly #queue: Int32Array;
  #idle = 0;
  #overloaded = 0;
  #queued = 0;
  #unknown: number;

  constructor(changes: Changes, bins: TimeBins) {
    super(changes);
    this.#bins = bins;
    this.#wall = new Float64Array(bins.count);
    this.#perCpu = new Float64Array(bins.count);
    this.#perThread = new Float64Array(bins.count);
    this.#idleTime = new Float64Array(bins.count);
    this.#known = new Float64Array(bins.count);
    this.#class = new Uint8Array(changes.width);
    this.#queue = new Int32Array(changes.width);
    for (const cpu of changes.cpus) this.#class[cpu] = UNKNOWN;
    this.#unknown = changes.cpus.length;
  }

  protected changed(cpu: number): void {
    const was = this.#class[cpu]!;
    if (was === IDLE) this.#idle--;
    else if (was === OVERLOADED) this.#overloaded--;
    else if (was === UNKNOWN) this.#unknown--;
    this.#queued -= this.#queue[cpu]!;
    const tid = this.occupants[cpu]!;
    const waiting = this.waiting[cpu]!;
    let is = NEITHER;
    if (tid === UNKNOWN_TID) is = UNKNOWN;
    else if (tid === 0) is = waiting === 0 ? IDLE : NEITHER;
    else if (waiting > 0) is = OVERLOADED;
    this.#class[cpu] = is;
    this.#queue[cpu] = is === OVERLOADED ? waiting : 0;
    if (is === IDLE) this.#idle++;
    else if (is === OVERLOADED) this.#overloaded++;
    else if (is === UNKNOWN) this.#unknown++;
    this.#queued += this.#queue[cpu]!;
  }

  protected override elapsed(from: number, to: number): void {
    const perCpu = Math.min(this.#idle, this.#overloaded);
    const perThread = Math.min(this.#idle, this.#queued);
    const known = this.changes.cpus.length - this.#unknown;
    while (from < to) {
      const bin = this.#bins.at(from);
      const end = Math.min(to, this.#bins.end(bin));
      const time = end - from;
      if (perCpu > 0) {
        this.#wall[bin]! += time;
        this.#perCpu[bin]! += perCpu * time;
        this.#perThread[bin]! += perThread * time;
      }
      this.#idleTime[bin]! += this.#idle * time;
      this.#known[bin]! += known * time;
      from = end;
    }
  }

  frame(): Frame<IdleWhileOverloadedColumns> {
    const bins = this.#bins;
    const ts = Float64Array.from({ length: bins.count }, (_, bin) => bins.start(bin));
    const dur = ts.map((start, bin) => bins.end(bin) - start);
    const known = this.#known;
    const all = this.changes.cpus.length;
    return new Frame<IdleWhileOverloadedColumns>({
      ts: ns(ts),
      dur: ns(dur),
      wall_time: ns(this.#wall),
      per_cpu_time: ns(this.#perCpu),
      per_thread_time: ns(this.#perThread),
      utilization: ratio(known.map((time, bin) => 1 - this.#idleTime[bin]! / time)),
      coverage: ratio(known.map((time, bin) => all === 0 ? 0 : Math.min(1, time / (all * dur[bin]!)))),
      censored: Uint8Array.from(known, (time, bin) => all * dur[bin]! - time > 0.5 * all ? 1 : 0),
    });
  }
}
