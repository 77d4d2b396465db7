import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { threadNames } from "../thread_names.ts";
import { type Changes, changesOf, STATE } from "./changes.ts";
import { QueueTracker } from "./queue_tracker.ts";

/** Columns of {@linkcode workConservation}: one row for each episode. */
export type WorkConservationColumns = {
  /** Start, ns since the epoch: from then on the CPU was idle while a thread waited elsewhere that may run on it. */
  ts: Ns;
  /** ns until the CPU was not idle any more, or nobody waited so. */
  dur: Ns;
  /** CPU that was idle, with nobody in its queue. */
  idle_cpu: Int32Array;
  /** Of the threads that waited when the episode began, the one that had waited longest. */
  tid: Int32Array;
  /** Its name, the last that the trace has. */
  comm: DictColumn;
  /** CPU in whose queue it was. */
  cpu: Int32Array;
  /** When it began to wait. */
  waits_since: Ns;
  /** How many threads waited so when the episode began. */
  waiters: Int32Array;
  /** 1 where the episode is cut by an edge of the span, or ended because a hole hides what a CPU or a thread did. */
  censored: Uint8Array;
};

/** Options of {@linkcode workConservation}. */
export interface WorkConservationOptions {
  /** Shortest episode, ns: a wakeup, a reschedule interrupt and a balance take their time. Default 100,000. */
  threshold?: number;
  /**
   * CPUs that threads may run on (`Cpus_allowed_list` of /proc/PID/status), by tid. Default: threads that are not in it may run
   * everywhere, but for the kernel's own of one CPU (`ksoftirqd/3`, `kworker/3:1`).
   */
  allowed?: ReadonlyMap<number, Iterable<number>>;
}

/** The kernel's threads that are bound to the CPU that their name ends with. */
const PER_CPU =
  /^(?:cpuhp|idle_inject|irq_work|ksoftirqd|ktimers|kworker|migration|backlog_napi|rcuc|watchdog)\/(\d+)(?::|$)/;

/**
 * Episodes in which the scheduler did not conserve work: a CPU lay idle with nobody in its queue while a thread, which may run on
 * it, waited in the queue of another CPU that was running somebody. One row for each idle CPU and episode, in the order of time.
 *
 * A trace does not tell which CPUs a thread is allowed on. Without `allowed` the result is an upper bound: threads that
 * are pinned, by cpuset, `taskset` or the kernel, show as violations. systing's figure of the same name is the time in which
 * there is any episode, without a threshold: that is the `wall_time` of `idleWhileOverloaded`. Of a CPU in a hole it is not
 * known whether it is idle or overloaded, so with holes there may be more.
 *
 * Needs `sched:sched_switch` and `sched:sched_waking` or `sched:sched_wakeup`; queues are exact with
 * `sched:sched_migrate_task`. Throws `MissingEventError`.
 */
export function workConservation(
  trace: Trace,
  options: WorkConservationOptions = {},
): Frame<WorkConservationColumns> {
  const changes = changesOf(trace, "workConservation");
  const names = threadNames(trace.context ?? trace, new Set(changes.tids));
  const finder = new EpisodeFinder(changes, names, options);
  changes.walk(finder);
  return finder.frame();
}

/** What an episode is known by when it begins. */
interface Episode {
  ts: number;
  end: number;
  idleCpu: number;
  row: number;
  waitsSince: number;
  waiters: number;
  censored: boolean;
}

const NOBODY = -1;

class EpisodeFinder extends QueueTracker {
  readonly #names: ReadonlyMap<number, string>;
  readonly #threshold: number;
  /** By thread: the CPUs that it may run on; undefined for all. */
  readonly #allowed: (ReadonlySet<number> | undefined)[];
  /** Threads that wait, in the order in which they began to, as a list through these: the thread before and the one after. */
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  #first = NOBODY;
  #last = NOBODY;
  /** By thread: the row of its wait now, and when it began to wait. */
  readonly #row: Int32Array;
  readonly #since: Float64Array;
  /** Threads that wait and may not run everywhere. */
  readonly #bound = new Set<number>();
  #boundChanged = false;
  /** By CPU: how many of those that may run everywhere wait in its queue; how many of them wait for CPUs that run somebody. */
  readonly #free: Int32Array;
  readonly #counted: Int32Array;
  #waiters = 0;
  readonly #open = new Map<number, Episode>();
  readonly #idle = new Set<number>();
  #idleChanged = false;
  #waited = false;
  readonly #found: Episode[] = [];

  constructor(
    changes: Changes,
    names: ReadonlyMap<number, string>,
    { threshold = 100_000, allowed }: WorkConservationOptions,
  ) {
    super(changes);
    if (!(threshold >= 0)) {
      throw new RangeError(`Expected a threshold of at least 0 ns but found ${threshold}`);
    }
    this.#names = names;
    this.#threshold = threshold;
    this.#allowed = Array.from(changes.tids, (tid) => {
      const given = allowed?.get(tid);
      if (given !== undefined) return new Set(given);
      const bound = PER_CPU.exec(names.get(tid) ?? "");
      return bound === null ? undefined : new Set([Number(bound[1])]);
    });
    const threads = changes.tids.length;
    this.#before = new Int32Array(threads);
    this.#after = new Int32Array(threads);
    this.#row = new Int32Array(threads);
    this.#since = new Float64Array(threads);
    this.#free = new Int32Array(changes.width);
    this.#counted = new Int32Array(changes.width);
  }

  override thread(row: number, before: number): void {
    super.thread(row, before);
    const waits = this.#waits(row);
    const waited = this.#waits(before);
    if (!waits && !waited) return;
    const thread = this.changes.thread[row >= 0 ? row : before]!;
    if (this.#allowed[thread] !== undefined) this.#boundChanged = true;
    else {
      if (waited) this.#free[this.changes.cpu[before]!]!--;
      if (waits) this.#free[this.changes.cpu[row]!]!++;
    }
    if (waits) this.#row[thread] = row;
    if (waits && !waited) this.#join(thread);
    else if (waited && !waits) this.#leave(thread);
  }

  protected changed(cpu: number): void {
    const tid = this.occupants[cpu]!;
    const idle = tid === 0 && this.waiting[cpu] === 0;
    if (idle !== this.#idle.has(cpu)) {
      if (idle) this.#idle.add(cpu);
      else this.#idle.delete(cpu);
      this.#idleChanged = true;
    }
    const counted = tid > 0 ? this.#free[cpu]! : 0;
    this.#waiters += counted - this.#counted[cpu]!;
    this.#counted[cpu] = counted;
    if (this.#bound.size > 0) this.#boundChanged = true;
  }

  protected override elapsed(from: number, to: number): void {
    const waited = this.#waiters > 0;
    if (this.#idleChanged || this.#boundChanged || waited !== this.#waited) this.#settle(from);
    this.#idleChanged = this.#boundChanged = false;
    this.#waited = waited;
    if (to < this.changes.to) return;
    for (const episode of this.#open.values()) this.#close(episode, to, true);
    this.#open.clear();
  }

  /** Ends and begins episodes by who is idle and who waits from `at` on. */
  #settle(at: number): void {
    if (this.#waiters === 0 && this.#bound.size === 0 && this.#open.size === 0) return;
    for (const [cpu, episode] of this.#open) {
      if (this.#idle.has(cpu) && this.#waitersFor(cpu) > 0) continue;
      this.#open.delete(cpu);
      this.#close(episode, at, this.#hidden());
    }
    for (const cpu of this.#idle) {
      if (this.#open.has(cpu)) continue;
      const waiters = this.#waitersFor(cpu);
      if (waiters === 0) continue;
      const thread = this.#longest(cpu);
      this.#open.set(cpu, {
        ts: at,
        end: at,
        idleCpu: cpu,
        row: this.#row[thread]!,
        waitsSince: this.#since[thread]!,
        waiters,
        censored: at <= this.changes.from,
      });
    }
  }

  #waitersFor(cpu: number): number {
    let waiters = this.#waiters;
    for (const thread of this.#bound) if (this.#eligible(thread, cpu)) waiters++;
    return waiters;
  }

  /** Whether a thread that waits does so in the queue of a CPU that runs somebody, and may run on `cpu`. */
  #eligible(thread: number, cpu: number): boolean {
    const queue = this.changes.cpu[this.#row[thread]!]!;
    return this.occupants[queue]! > 0 && (this.#allowed[thread]?.has(cpu) ?? true);
  }

  #longest(cpu: number): number {
    let thread = this.#first;
    while (!this.#eligible(thread, cpu)) thread = this.#after[thread]!;
    return thread;
  }

  #waits(row: number): boolean {
    if (row < 0 || this.changes.cpu[row]! < 0) return false;
    const state = this.changes.state[row];
    return state === STATE.preempted || state === STATE.woken;
  }

  #join(thread: number): void {
    this.#since[thread] = this.now;
    this.#before[thread] = this.#last;
    this.#after[thread] = NOBODY;
    if (this.#last === NOBODY) this.#first = thread;
    else this.#after[this.#last] = thread;
    this.#last = thread;
    if (this.#allowed[thread] !== undefined) this.#bound.add(thread);
  }

  #leave(thread: number): void {
    const before = this.#before[thread]!;
    const after = this.#after[thread]!;
    if (before === NOBODY) this.#first = after;
    else this.#after[before] = after;
    if (after === NOBODY) this.#last = before;
    else this.#before[after] = before;
    this.#bound.delete(thread);
  }

  /** Whether it is not known what some CPU does. */
  #hidden(): boolean {
    return this.changes.cpus.some((cpu) => this.occupants[cpu]! < 0);
  }

  #close(episode: Episode, end: number, censored: boolean): void {
    if (end - episode.ts < this.#threshold || end === episode.ts) return;
    episode.end = end;
    episode.censored ||= censored;
    this.#found.push(episode);
  }

  frame(): Frame<WorkConservationColumns> {
    const found = this.#found.sort((x, y) => x.ts - y.ts || x.idleCpu - y.idleCpu);
    const { tid, cpu } = this.changes;
    return new Frame<WorkConservationColumns>({
      ts: ns(Float64Array.from(found, ({ ts }) => ts)),
      dur: ns(Float64Array.from(found, ({ ts, end }) => end - ts)),
      idle_cpu: Int32Array.from(found, ({ idleCpu }) => idleCpu),
      tid: Int32Array.from(found, ({ row }) => tid[row]!),
      comm: DictColumn.from(found.map(({ row }) => this.#names.get(tid[row]!) ?? "")),
      cpu: Int32Array.from(found, ({ row }) => cpu[row]!),
      waits_since: ns(Float64Array.from(found, ({ waitsSince }) => waitsSince)),
      waiters: Int32Array.from(found, ({ waiters }) => waiters),
      censored: Uint8Array.from(found, ({ censored }) => censored ? 1 : 0),
    });
  }
}
