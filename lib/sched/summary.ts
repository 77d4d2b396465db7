import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns, type Ratio, ratio } from "../frame/units.ts";
import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { states, THREAD_STATES } from "./states.ts";
import { type GroupBy, threadGroups } from "./thread_groups.ts";
import { threadNames } from "./thread_names.ts";
import { isRunnable } from "./timehist/task_state.ts";

/** Columns of {@linkcode summary}. Every time is in ns, over all threads of the row. */
export type SummaryColumns = {
  /** The thread's last name; else the group's. */
  comm: DictColumn;
  /** Thread; of a group the lowest. */
  tid: Int32Array;
  /** Threads of the row. */
  threads: Int32Array;
  /** On a CPU. */
  run: Ns;
  /** Runnable and not running, since it was switched out while runnable. */
  preempted: Ns;
  /** Runnable and not running, since it was woken. */
  woken: Ns;
  /** `preempted + woken`: what the kernel counts as run_delay. */
  wait: Ns;
  /** Asleep, interruptibly. */
  sleeping: Ns;
  /** Asleep, uninterruptibly. */
  blocked: Ns;
  /** Stopped, traced or parked. */
  stopped: Ns;
  /** Of which the trace does not tell: a hole, or before the thread was seen. */
  unknown: Ns;
  /** `run` as a share of the trace's wall time: 1 is one CPU all the time; a group may have more. */
  share: Ratio;
  /** Switches away from it because it slept, stopped or ended. */
  voluntary: Int32Array;
  /** Switches away from it while it was runnable. */
  involuntary: Int32Array;
  /** Times that it was woken. */
  wakeups: Int32Array;
  /** Moves to another CPU: `sched_migrate_task`, or, where the trace has none of these, runs on another CPU than the one before. */
  migrations: Int32Array;
  /** Longest single wait whose begin and end are in the trace; NaN without one. */
  max_wait: Ns;
  /** When that began, ns since the epoch. */
  max_from: Ns;
  /**
   * Longest wait that reaches over an edge of the trace, as far as it is in it; NaN without one. It lasted at least so long, unless
   * the trace lacks the switch that ended it.
   */
  cut_wait: Ns;
  /** Stretches of which the trace does not tell all: cut at its edges, or touched by a hole. */
  censored: Int32Array;
  /** Share of the threads' lives that is known, 0 to 1: `1 - unknown / all`. */
  coverage: Ratio;
};

/** Options of {@linkcode summary}. */
export interface SummaryOptions {
  /** What a row is. Default `thread`. */
  by?: GroupBy;
  /** Only these threads. Default: all but the idle ones. */
  tids?: Iterable<number>;
}

const UNKNOWN = THREAD_STATES.indexOf("unknown");
const RUNNING = THREAD_STATES.indexOf("running");
const PREEMPTED = THREAD_STATES.indexOf("preempted");
const WOKEN = THREAD_STATES.indexOf("woken");

/**
 * What each thread (or group of them) did with its time, and how often it was switched, woken and moved; those that ran most first.
 *
 * The times of a row add up to the lives of its threads within the trace, from birth or the trace's start to their end or the
 * trace's. They are those of {@linkcode states}. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`;
 * throws `MissingEventError`, and RangeError for groups that the trace does not tell.
 */
export function summary(trace: Trace, options: SummaryOptions = {}): Frame<SummaryColumns> {
  const { by = "thread", tids } = options;
  const rows = states(trace, tids === undefined ? {} : { tids });
  const threads = threadsIn(rows.column("tid"));
  const groups = by === "thread" ? undefined : threadGroups(trace, by);
  const count = groups === undefined ? threads.length : groups.names.length;
  const groupOf = new Map(threads.map(({ tid }, row) => [tid, groups === undefined ? row : groups.of(tid)]));
  const sums = new GroupSums(count);
  const ts = rows.column("ts");
  const dur = rows.column("dur");
  const state = rows.column("state").codes;
  const censored = rows.column("censored");
  const cpu = trace.has("sched:sched_migrate_task") ? undefined : rows.column("cpu");
  for (const { tid, from, to } of threads) {
    const group = groupOf.get(tid)!;
    if (group < 0) continue;
    sums.thread(group, tid);
    let since = -1;
    let cut = false;
    let ranOn = -1;
    for (let i = from; i < to; i++) {
      const what = state[i]!;
      sums.times[what]![group]! += dur[i]!;
      sums.censored[group]! += censored[i]!;
      if (what === PREEMPTED || what === WOKEN) {
        if (what === WOKEN && (since < 0 ? i > from : state[i - 1] !== WOKEN)) sums.wakeups[group]!++;
        if (since < 0) [since, cut] = [i, false];
        if (censored[i] === 1) cut = true;
      } else if (since >= 0) {
        sums.wait(group, ts[since]!, ts[i]!, cut || what === UNKNOWN);
        since = -1;
      }
      if (cpu !== undefined && what === RUNNING) {
        if (ranOn >= 0 && ranOn !== cpu[i]) sums.migrations[group]!++;
        ranOn = cpu[i]!;
      }
    }
    if (since >= 0) sums.wait(group, ts[since]!, ts[to - 1]! + dur[to - 1]!, true);
  }
  countEvents(trace, groupOf, sums);
  const kept = Array.from({ length: count }, (_, group) => group).filter((group) => sums.threads[group]! > 0);
  const names = groups?.names ?? namesOf(trace, threads.map(({ tid }) => tid));
  return sums.frame(kept, names, trace.span.to - trace.span.from).sort("run", { descending: true });
}

/** First and last row (excluded) of each thread of a column that is sorted by thread. */
function threadsIn(tid: Int32Array): { tid: number; from: number; to: number }[] {
  const threads: { tid: number; from: number; to: number }[] = [];
  for (let from = 0; from < tid.length;) {
    let to = from + 1;
    while (to < tid.length && tid[to] === tid[from]) to++;
    threads.push({ tid: tid[from]!, from, to });
    from = to;
  }
  return threads;
}

function namesOf(trace: Trace, tids: readonly number[]): string[] {
  const names = threadNames(trace.context ?? trace, new Set(tids));
  return tids.map((tid) => names.get(tid) ?? "");
}

/** Counts the switches and moves that were recorded, those of a window only. */
function countEvents(trace: Trace, groupOf: ReadonlyMap<number, number>, sums: GroupSums): void {
  const { kind, a, b, length } = trace.stream;
  let tid = 0;
  let group = -1;
  for (let i = 0; i < length; i++) {
    const what = kind[i];
    if (what !== Kind.Switch && what !== Kind.Migrate) continue;
    if (a[i] !== tid) group = groupOf.get(tid = a[i]!) ?? -1;
    if (group < 0) continue;
    if (what === Kind.Migrate) sums.migrations[group]!++;
    else if (isRunnable(b[i]!)) sums.involuntary[group]!++;
    else sums.voluntary[group]!++;
  }
}

/** Sums by group. */
class GroupSums {
  /** By state, then group. */
  readonly times: readonly Float64Array[];
  readonly threads: Int32Array;
  readonly censored: Int32Array;
  readonly wakeups: Int32Array;
  readonly migrations: Int32Array;
  readonly voluntary: Int32Array;
  readonly involuntary: Int32Array;
  readonly #tid: Int32Array;
  readonly #longest: Float64Array;
  readonly #longestFrom: Float64Array;
  readonly #cut: Float64Array;

  constructor(groups: number) {
    this.times = THREAD_STATES.map(() => new Float64Array(groups));
    this.threads = new Int32Array(groups);
    this.censored = new Int32Array(groups);
    this.wakeups = new Int32Array(groups);
    this.migrations = new Int32Array(groups);
    this.voluntary = new Int32Array(groups);
    this.involuntary = new Int32Array(groups);
    this.#tid = new Int32Array(groups);
    this.#longest = new Float64Array(groups).fill(NaN);
    this.#longestFrom = new Float64Array(groups).fill(NaN);
    this.#cut = new Float64Array(groups).fill(NaN);
  }

  thread(group: number, tid: number): void {
    if (this.threads[group]!++ === 0) this.#tid[group] = tid;
  }

  wait(group: number, from: number, to: number, cut: boolean): void {
    if (cut) this.#cut[group] = Math.max(to - from, this.#cut[group]! || 0);
    if (cut || to - from <= this.#longest[group]!) return;
    this.#longest[group] = to - from;
    this.#longestFrom[group] = from;
  }

  frame(kept: readonly number[], names: readonly string[], wall: number): Frame<SummaryColumns> {
    const times = (column: Float64Array) => ns(Float64Array.from(kept, (group) => column[group]!));
    const counts = (column: Int32Array) => Int32Array.from(kept, (group) => column[group]!);
    const of = (state: typeof THREAD_STATES[number]) => this.times[THREAD_STATES.indexOf(state)]!;
    const alive = kept.map((group) => this.times.reduce((sum, column) => sum + column[group]!, 0));
    return new Frame<SummaryColumns>({
      comm: DictColumn.from(kept.map((group) => names[group]!)),
      tid: counts(this.#tid),
      threads: counts(this.threads),
      run: times(of("running")),
      preempted: times(of("preempted")),
      woken: times(of("woken")),
      wait: ns(Float64Array.from(kept, (group) => of("preempted")[group]! + of("woken")[group]!)),
      sleeping: times(of("sleeping")),
      blocked: times(of("blocked")),
      stopped: times(of("stopped")),
      unknown: times(of("unknown")),
      share: ratio(Float64Array.from(kept, (group) => wall === 0 ? 0 : of("running")[group]! / wall)),
      voluntary: counts(this.voluntary),
      involuntary: counts(this.involuntary),
      wakeups: counts(this.wakeups),
      migrations: counts(this.migrations),
      max_wait: times(this.#longest),
      max_from: times(this.#longestFrom),
      cut_wait: times(this.#cut),
      censored: counts(this.censored),
      coverage: ratio(
        Float64Array.from(
          kept,
          (group, row) => alive[row] === 0 ? 1 : 1 - this.times[UNKNOWN]![group]! / alive[row]!,
        ),
      ),
    });
  }
}
