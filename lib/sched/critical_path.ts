import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { type CpuSlices, sliceAt } from "./cpu_occupancy.ts";
import { isFollowed } from "./is_followed.ts";
import { nameColumn } from "./name_column.ts";
import { sleepState } from "./sleep_state.ts";
import type { ThreadState } from "./states.ts";
import { type ThreadLives, threadLives } from "./thread_lives.ts";
import { Doing } from "./thread_segments.ts";
import { WAKE_SOURCES, wakeSources } from "./wake_source.ts";

/**
 * What a stretch of a critical path was spent on.
 *
 * | what | |
 * | --- | --- |
 * | `running` | the path's thread ran |
 * | `queued` | it had been woken, and the thread of the row ran on the CPU that it was queued on |
 * | `preempted` | it had lost its CPU, and the thread of the row ran there |
 * | `cpu idle` | it was runnable, and the CPU that it was queued on was idle: on the way to run |
 * | `timer`, `irq`, `softirq` | it slept until an interrupt woke it |
 * | `asleep` | it slept, and the trace does not tell who woke it, or has no wakeup until its end |
 * | `not there` | it had not been made yet, or had ended |
 * | `unknown` | a hole of the trace, or before the thread was seen |
 */
export const PATH_PARTS = [
  "unknown",
  "running",
  "queued",
  "preempted",
  "cpu idle",
  "timer",
  "irq",
  "softirq",
  "asleep",
  "not there",
] as const;

/** One of {@linkcode PATH_PARTS}. */
export type PathPart = typeof PATH_PARTS[number];

/** Columns of {@linkcode criticalPath}. */
export type CriticalPathColumns = {
  /** Start, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** Thread for which it was waited: that which ran, or slept, or -1 where a hole hides who it was. */
  tid: Int32Array;
  comm: DictColumn;
  /** What that thread did, or was waited for. */
  what: DictColumn<PathPart>;
  /** Thread on the path: the one asked for, or who was to wake that, or who was to wake this one, ... It is `tid` but where others ran. */
  thread: Int32Array;
  thread_comm: DictColumn;
  /** Its state. */
  state: DictColumn<ThreadState>;
  /** 0 for the thread asked for, 1 for who woke it, ... */
  depth: Int32Array;
  /** The thread (of the depth before) that `thread` woke at the end; -1 at depth 0. */
  via: Int32Array;
  /** CPU on which `tid` ran, or `thread` was queued; -1 where neither was, or unknown. */
  cpu: Int32Array;
  /** 1 where the trace does not tell. */
  censored: Uint8Array;
};

/** Options of {@linkcode criticalPath}. */
export interface CriticalPathOptions {
  /** How many wakers are followed from one to the next; what lies deeper is `asleep`. Default 64. */
  depth?: number;
  /**
   * Whether a wakeup in a softirq is followed to the task in whose context that ran. That is who did it where it had raised the softirq
   * itself, as by sending to a socket of the same machine; and anybody where the softirq only came upon it. Default false.
   */
  softirqs?: boolean;
}

/**
 * Whom thread `tid` was really waiting for between `from` and `to` (ns since the epoch): rows that follow one another and fill that time
 * exactly.
 *
 * While the thread runs, itself; while it is runnable, who ran on its CPU; while it sleeps, whoever was to wake it, in the same way: what
 * that one did meanwhile, and while it slept, who was to wake that, and so on to an interrupt, which nobody is waited for behind. That is
 * the critical path that Perfetto's `thread_executing_span` has, with the runnable time split by who had the CPU.
 *
 * Who woke a thread is not always who it waited for: a lock may have been free long before. Of a window the path is followed within the
 * window and its lead. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`, and
 * RangeError where `to` is before `from`, or the thread is not in the trace.
 */
export function criticalPath(
  trace: Trace,
  tid: number,
  from: number,
  to: number,
  options: CriticalPathOptions = {},
): Frame<CriticalPathColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("criticalPath", "sched:sched_switch");
  context.requireEvent("criticalPath", "sched:sched_waking", "sched:sched_wakeup");
  if (!(from <= to)) {
    throw new RangeError(`Expected a time whose from is not after its to but found ${from} to ${to}`);
  }
  const lives = threadLives(context);
  if (lives.find(tid) < 0) throw new RangeError(`No thread ${tid} is in the trace`);
  const walk = new PathWalk(context, lives, options);
  const { span } = context;
  walk.outside(tid, from, Math.min(to, span.from));
  walk.follow(tid, Math.max(from, span.from), Math.min(to, span.to), 0, -1);
  walk.outside(tid, Math.max(from, span.to), to);
  return walk.frame(to);
}

const part = (name: PathPart) => PATH_PARTS.indexOf(name);
const UNKNOWN = part("unknown");
const RUNNING = part("running");
const QUEUED = part("queued");
const PREEMPTED = part("preempted");
const CPU_IDLE = part("cpu idle");
const ASLEEP = part("asleep");
const NOT_THERE = part("not there");
/** By the code of a wake source what a sleep that it ended is called. */
const ENDED_BY = WAKE_SOURCES.map((source) =>
  part(source === "timer" || source === "irq" || source === "softirq" ? source : "asleep")
);

const HIDDEN: CpuSlices = {
  ts: new Float64Array(),
  tid: new Int32Array(),
  last: new Int32Array(),
  row: new Uint32Array(),
};

/** A thread on the path, and how it was come to. */
interface Place {
  readonly thread: number;
  readonly depth: number;
  readonly via: number;
}

/** Walks along a path and keeps its rows. */
class PathWalk {
  readonly #trace: Trace;
  readonly #lives: ThreadLives;
  readonly #depth: number;
  /** By the code of a wake source. */
  readonly #follows: readonly boolean[];
  readonly #source: (event: number) => number;
  /** Threads whose sleep is being followed: who is to be woken by one of them, while it sleeps, is not known. */
  readonly #followed = new Set<number>();
  readonly #complete: number;
  readonly #ts: number[] = [];
  readonly #tid: number[] = [];
  readonly #what: number[] = [];
  readonly #place: Place[] = [];
  readonly #state: ThreadState[] = [];
  readonly #cpu: number[] = [];
  readonly #censored: number[] = [];

  constructor(trace: Trace, lives: ThreadLives, { depth = 64, softirqs = false }: CriticalPathOptions) {
    this.#trace = trace;
    this.#lives = lives;
    this.#depth = depth;
    this.#follows = WAKE_SOURCES.map((source) => isFollowed(source, softirqs));
    this.#source = wakeSources(trace);
    const { holes } = trace.quality;
    this.#complete = holes.length === 0 ? Infinity : holes.column("from")[0]!;
  }

  /** Time of which the trace has nothing. */
  outside(tid: number, from: number, to: number): void {
    if (from < to) this.#row(from, tid, UNKNOWN, { thread: tid, depth: 0, via: -1 }, "unknown", -1, true);
  }

  /** The path from `from` to `to` of `thread`, which woke `via` at its end. */
  follow(thread: number, from: number, to: number, depth: number, via: number): void {
    if (!(from < to)) return;
    const place = { thread, depth, via };
    const { table } = this.#lives;
    const k = this.#lives.find(thread);
    if (k < 0) return this.#row(from, thread, UNKNOWN, place, "unknown", -1, true);
    const first = table.start[k]!;
    const end = table.start[k + 1]!;
    let row = this.#lives.at(k, from);
    if (row < first) {
      const begin = Math.min(to, table.from[first]!);
      // Who is woken slept until then, where nothing is missing before.
      const slept = table.doing[first] === Doing.Woken && table.from[first]! <= this.#complete;
      const made = table.event[first]! >= 0 &&
        this.#trace.stream.kind[table.event[first]!] === Kind.WakeupNew;
      if (made) this.#row(from, thread, NOT_THERE, place, "unknown", -1, false);
      else if (slept) this.#slept(place, from, begin, first, "sleeping");
      else this.#row(from, thread, UNKNOWN, place, "unknown", -1, true);
      from = begin;
      row = first;
    }
    for (; row < end && from < to; row++) {
      const until = row + 1 < end ? Math.min(to, table.from[row + 1]!) : to;
      if (until <= from) continue;
      this.#segment(place, row, row + 1 < end ? row + 1 : -1, from, until);
      from = until;
    }
  }

  /** What lies of segment `row` between `from` and `to`; `next` is the segment after it, or -1. */
  #segment(place: Place, row: number, next: number, from: number, to: number): void {
    const { doing, cpu, hidden, event } = this.#lives.table;
    const { thread } = place;
    if (hidden[row] === 1) return this.#row(from, thread, UNKNOWN, place, "unknown", -1, true);
    switch (doing[row]) {
      case Doing.Running:
        return this.#row(from, thread, RUNNING, place, "running", cpu[row]!, false);
      case Doing.Preempted:
        return this.#waited(place, from, to, cpu[row]!, PREEMPTED, "preempted");
      case Doing.Woken:
        return this.#waited(place, from, to, cpu[row]!, QUEUED, "woken");
      case Doing.Asleep:
        return this.#slept(place, from, to, next, sleepState(this.#trace.stream, event[row]!));
      case Doing.Gone:
        return this.#row(from, thread, NOT_THERE, place, "unknown", -1, false);
      default:
        return this.#row(from, thread, UNKNOWN, place, "unknown", -1, true);
    }
  }

  /** It slept; `next` is the segment with which it was woken, if it was. */
  #slept(place: Place, from: number, to: number, next: number, state: ThreadState): void {
    const { doing, event, waker } = this.#lives.table;
    const { thread, depth } = place;
    const woken = next >= 0 && doing[next] === Doing.Woken && event[next]! >= 0;
    const source = woken ? this.#source(event[next]!) : 0;
    const by = woken ? waker[next]! : -1;
    const circle = this.#followed.has(by) || by === thread;
    if (this.#follows[source] === true && by > 0 && !circle && depth < this.#depth) {
      this.#followed.add(thread);
      this.follow(by, from, to, depth + 1, thread);
      this.#followed.delete(thread);
      return;
    }
    this.#row(from, thread, ENDED_BY[source]!, place, state, -1, ENDED_BY[source] === ASLEEP);
  }

  /** It was runnable on a CPU: who ran there. */
  #waited(place: Place, from: number, to: number, cpu: number, what: number, state: ThreadState): void {
    const slices = this.#lives.occupancy[cpu] ?? HIDDEN;
    const { thread } = place;
    let i = sliceAt(slices, from);
    if (i < 0) {
      this.#row(from, -1, what, place, state, cpu, true);
      from = slices.ts.length === 0 ? to : Math.min(to, slices.ts[0]!);
      i = 0;
    }
    for (; from < to; i++) {
      const until = Math.min(to, slices.ts[i + 1] ?? Infinity);
      if (until <= from) continue;
      const who = slices.tid[i]!;
      // That it ran itself while it waited is a hole as well.
      const seen = who === slices.last[i] && who !== thread;
      if (seen && who === 0) this.#row(from, thread, CPU_IDLE, place, state, cpu, false);
      else this.#row(from, seen ? who : -1, what, place, state, cpu, !seen);
      from = until;
    }
  }

  #row(
    from: number,
    tid: number,
    what: number,
    place: Place,
    state: ThreadState,
    cpu: number,
    censored: boolean,
  ): void {
    this.#ts.push(from);
    this.#tid.push(tid);
    this.#what.push(what);
    this.#place.push(place);
    this.#state.push(state);
    this.#cpu.push(cpu);
    this.#censored.push(censored ? 1 : 0);
  }

  /** The rows; the last one ends at `to`. */
  frame(to: number): Frame<CriticalPathColumns> {
    const ts = this.#ts;
    const tid = Int32Array.from(this.#tid);
    const thread = Int32Array.from(this.#place, (place) => place.thread);
    return new Frame<CriticalPathColumns>({
      ts: ns(Float64Array.from(ts)),
      dur: ns(Float64Array.from(ts, (begin, row) => (ts[row + 1] ?? to) - begin)),
      tid,
      comm: () => nameColumn(this.#trace, tid),
      what: new DictColumn(Uint8Array.from(this.#what), PATH_PARTS),
      thread,
      thread_comm: () => nameColumn(this.#trace, thread),
      state: DictColumn.from(this.#state),
      depth: Int32Array.from(this.#place, (place) => place.depth),
      via: Int32Array.from(this.#place, (place) => place.via),
      cpu: Int32Array.from(this.#cpu),
      censored: Uint8Array.from(this.#censored),
    });
  }
}
