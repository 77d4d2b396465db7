import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type Changes, changesOf } from "./changes.ts";
import { UNKNOWN_TID } from "./occupants.ts";
import { QueueTracker } from "./queue_tracker.ts";

/** Columns of {@linkcode runqueueDepth}: a step for each change. */
export type RunqueueDepthColumns = {
  cpu: Uint16Array;
  /** Start of the step, ns since the epoch. */
  ts: Ns;
  /** ns to the CPU's next step, or the end of the span. */
  dur: Ns;
  /** 1 where the CPU ran a thread, 0 where it was idle or, with `censored`, where the trace does not tell. */
  running: Uint8Array;
  /** Threads that were runnable, did not run, and were in the CPU's queue. */
  waiting: Int32Array;
  /** `running` + `waiting`: the kernel's `nr_running` of the CPU. */
  depth: Int32Array;
  /**
   * Threads that were seen on the CPU last and of which a hole hides what they did since: they may have waited there, so `waiting`
   * is too low by at most that. They are in no other column.
   */
  unsure: Int32Array;
  /** 1 where it is not known who ran on the CPU (a hole). */
  censored: Uint8Array;
};

/**
 * How many threads each CPU had to run, over time: a step function for each CPU, rows sorted by CPU, then time, without gap or
 * overlap. A thread counts where it was queued: where it was preempted, where it was woken (until it was placed, where it ran last:
 * `sched_waking` tells no more), or where it was moved to. Needs `sched:sched_switch` and `sched:sched_waking` or
 * `sched:sched_wakeup`; without `sched:sched_migrate_task` a thread that was moved while it waited counts in its old queue until
 * it runs.
 *
 * Throws `MissingEventError`.
 *
 * @example
 * ```ts
 * import { runqueueDepth } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function deepest(path: string) {
 *   const depth = runqueueDepth(await openTrace(path));
 *   return depth.sort("depth", { descending: true }).head(10);
 * }
 * ```
 */
export function runqueueDepth(trace: Trace): Frame<RunqueueDepthColumns> {
  const changes = changesOf(trace, "runqueueDepth");
  const steps = new DepthSteps(changes);
  changes.walk(steps);
  return steps.frame();
}

class DepthSteps extends QueueTracker {
  /** Steps as they come, of all CPUs. */
  #rows = 0;
  #cpu = new Uint16Array(4096);
  #ts = new Float64Array(4096);
  #running = new Int8Array(4096);
  #waiting = new Int32Array(4096);
  #unsure = new Int32Array(4096);
  /** Each CPU's last step, -1 before the first. */
  readonly #last: Int32Array;

  constructor(changes: Changes) {
    super(changes);
    this.#last = new Int32Array(changes.width).fill(-1);
  }

  protected changed(cpu: number): void {
    const tid = this.occupants[cpu]!;
    const running = tid === UNKNOWN_TID ? -1 : tid === 0 ? 0 : 1;
    const waiting = this.waiting[cpu]!;
    const unsure = this.unsure[cpu]!;
    const last = this.#last[cpu]!;
    if (
      last >= 0 && this.#running[last] === running && this.#waiting[last] === waiting &&
      this.#unsure[last] === unsure
    ) return;
    if (this.#rows === this.#ts.length) this.#widen();
    const row = this.#rows++;
    this.#cpu[row] = cpu;
    this.#ts[row] = this.now;
    this.#running[row] = running;
    this.#waiting[row] = waiting;
    this.#unsure[row] = unsure;
    this.#last[cpu] = row;
  }

  frame(): Frame<RunqueueDepthColumns> {
    const rows = this.#rows;
    const start = new Uint32Array(this.changes.width + 1);
    for (let i = 0; i < rows; i++) start[this.#cpu[i]! + 1]!++;
    for (let cpu = 0; cpu < this.changes.width; cpu++) start[cpu + 1]! += start[cpu]!;
    const put = start.slice();
    const cpu = new Uint16Array(rows);
    const ts = new Float64Array(rows);
    const dur = new Float64Array(rows);
    const running = new Uint8Array(rows);
    const waiting = new Int32Array(rows);
    const depth = new Int32Array(rows);
    const unsure = new Int32Array(rows);
    const censored = new Uint8Array(rows);
    for (let i = 0; i < rows; i++) {
      const on = this.#cpu[i]!;
      const row = put[on]!++;
      cpu[row] = on;
      ts[row] = this.#ts[i]!;
      if (row > start[on]!) dur[row - 1] = ts[row]! - ts[row - 1]!;
      dur[row] = this.changes.to - ts[row]!;
      running[row] = this.#running[i] === 1 ? 1 : 0;
      waiting[row] = this.#waiting[i]!;
      depth[row] = running[row]! + waiting[row]!;
      unsure[row] = this.#unsure[i]!;
      censored[row] = this.#running[i] === -1 ? 1 : 0;
    }
    return new Frame<RunqueueDepthColumns>({
      cpu,
      ts: ns(ts),
      dur: ns(dur),
      running,
      waiting,
      depth,
      unsure,
      censored,
    });
  }

  #widen(): void {
    this.#cpu = twice(this.#cpu);
    this.#ts = twice(this.#ts);
    this.#running = twice(this.#running);
    this.#waiting = twice(this.#waiting);
    this.#unsure = twice(this.#unsure);
  }
}

function twice<A extends Float64Array | Int32Array | Uint16Array | Int8Array>(column: A): A {
  const wider = new (column.constructor as new (length: number) => A)(column.length * 2);
  wider.set(column);
  return wider;
}
