import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import type { Trace } from "../trace/trace.ts";
import { sliceAt } from "./cpu_occupancy.ts";
import { beforeFirst } from "./before_first.ts";
import { addTimes, type CpuTimes, cpuTimes, Ran, RAN_KINDS } from "./cpu_times.ts";
import { GapExplainer } from "./gap_explainer.ts";
import { CAUSE } from "./gap_cause.ts";
import { type CoreKnowledge, IdleCauses } from "./idle_causes.ts";
import { InterruptTimes } from "./interrupt_times.ts";
import { type GroupBy, threadGroups } from "./thread_groups.ts";
import { sleepState } from "./sleep_state.ts";
import { threadNames } from "./thread_names.ts";
import { Doing, type SegmentTable, segmentTable } from "./thread_segments.ts";
import { throttledUntil } from "./throttled_until.ts";
import { WAKE_SOURCES, wakeSources } from "./wake_source.ts";

/** The parts into which {@linkcode ledger} splits a thread's life, in the order of its columns. */
export const LEDGER_PARTS = [
  "run",
  "irq",
  "softirq",
  "preempted",
  "queued_fair",
  "queued_rt",
  "queued_deadline",
  "queued_other",
  "throttled",
  "forced_idle",
  "migrated",
  "waking",
  "asleep_task",
  "asleep_timer",
  "asleep_irq",
  "asleep_softirq",
  "asleep_unknown",
  "blocked",
  "stopped",
  "offline",
  "unknown",
] as const;

/** One of {@linkcode LEDGER_PARTS}. */
export type LedgerPart = typeof LEDGER_PARTS[number];

/**
 * Columns of {@linkcode ledger}. Every time is in ns, and the parts of a row add up to its `wall` exactly.
 *
 * `run`, `irq` and `softirq` are the time on a CPU: its own, and what recorded interrupts took of it. `preempted`: behind the thread
 * that had displaced it; `queued_*`: behind others, by the class of whoever ran (`other`: of an unknown class). `asleep_*`: interruptible
 * sleep, by who ended it (`unknown`: the sleep did not end in the trace, or began before it). The other parts are causes of `GAP_CAUSES`.
 */
export type ThreadLedgerColumns =
  & {
    /** Thread; of a group the first. */
    tid: Int32Array;
    /** The thread's name, or the group's. */
    comm: DictColumn;
    /** Threads in the row. */
    threads: Int32Array;
    /** The time of their lives in the span, added up. */
    wall: Ns;
    /** Share of `wall` that is not `unknown`. */
    coverage: Float64Array;
  }
  & Record<LedgerPart, Ns>;

/** Options of {@linkcode ledger}. */
export interface LedgerOptions extends CoreKnowledge {
  /** What a row is. Default: each thread. */
  by?: GroupBy;
  /** Only these threads. Default: all but the idle ones. */
  tids?: Iterable<number>;
}

const PART = Object.fromEntries(LEDGER_PARTS.map((part, i) => [part, i])) as Record<LedgerPart, number>;
const ASLEEP: Readonly<Record<string, number>> = {
  task: PART.asleep_task,
  timer: PART.asleep_timer,
  irq: PART.asleep_irq,
  softirq: PART.asleep_softirq,
  new: PART.asleep_task,
  "": PART.asleep_unknown,
};
const PART_OF_RAN = new Int8Array(RAN_KINDS);
PART_OF_RAN[Ran.Hidden] = PART.unknown;
PART_OF_RAN[Ran.Idle] = -1;
PART_OF_RAN[Ran.Stop] = PART.migrated;
PART_OF_RAN[Ran.Deadline] = PART.queued_deadline;
PART_OF_RAN[Ran.Rt] = PART.queued_rt;
PART_OF_RAN[Ran.Fair] = PART.queued_fair;
PART_OF_RAN[Ran.Other] = PART.queued_other;

/**
 * Where every thread's time went: each row's life in the span, split into exclusive parts that add up to it to the nanosecond, the
 * row with the most waiting first. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`.
 */
export function ledger(trace: Trace, options: LedgerOptions = {}): Frame<ThreadLedgerColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("ledger", "sched:sched_switch");
  context.requireEvent("ledger", "sched:sched_waking", "sched:sched_wakeup");
  const table = segmentTable(context.stream, options.tids);
  const book = new LedgerBook(context, table, trace.span, options);
  table.tids.forEach((_, k) => book.take(k));
  return book.frame(trace, options.by ?? "thread");
}

class LedgerBook {
  readonly #trace: Trace;
  readonly #table: SegmentTable;
  readonly #from: number;
  readonly #to: number;
  readonly #cpus: readonly CpuTimes[];
  readonly #interrupts: InterruptTimes;
  readonly #source: (row: number) => number;
  readonly #before: (k: number) => number;
  readonly #idle: IdleCauses;
  readonly #options: LedgerOptions;
  /** By thread and part. */
  readonly #ns: Float64Array;
  readonly #ran = new Float64Array(RAN_KINDS);
  #explainer: GapExplainer | undefined;
  #at = 0;

  constructor(trace: Trace, table: SegmentTable, span: { from: number; to: number }, options: LedgerOptions) {
    this.#trace = trace;
    this.#table = table;
    this.#from = span.from;
    this.#to = span.to;
    this.#cpus = cpuTimes(trace).cpus;
    this.#interrupts = new InterruptTimes(trace);
    this.#source = wakeSources(trace);
    this.#before = beforeFirst(trace, table);
    this.#idle = new IdleCauses(trace, this.#cpus, options);
    this.#options = options;
    this.#ns = new Float64Array(table.tids.length * LEDGER_PARTS.length);
  }

  take(k: number): void {
    const { start, from, doing, hidden, cpu } = this.#table;
    const first = start[k]!;
    const end = start[k + 1]!;
    this.#at = k * LEDGER_PARTS.length;
    if (first === end) return;
    const earlier = this.#before(k);
    if (earlier !== Doing.Gone) {
      const time = Math.max(0, Math.min(from[first]!, this.#to) - this.#from);
      this.#add(earlier === Doing.Unknown ? PART.unknown : this.#sleep(first - 1, end, first), time);
    }
    for (let i = first; i < end; i++) {
      const a = Math.max(from[i]!, this.#from);
      const b = Math.min(i + 1 < end ? from[i + 1]! : Infinity, this.#to);
      if (b <= a || doing[i] === Doing.Gone) continue;
      if (hidden[i] === 1 || doing[i] === Doing.Unknown) this.#add(PART.unknown, b - a);
      else if (doing[i] === Doing.Running) this.#running(cpu[i]!, a, b);
      else if (doing[i] === Doing.Asleep) this.#add(this.#sleep(i, end), b - a);
      else this.#waits(k, i, a, b);
    }
  }

  frame(trace: Trace, by: GroupBy): Frame<ThreadLedgerColumns> {
    const { tids } = this.#table;
    const width = LEDGER_PARTS.length;
    const groups = by === "thread" ? undefined : threadGroups(trace.context ?? trace, by);
    const names = groups === undefined ? threadNames(this.#trace, new Set(tids)) : undefined;
    const rowOf = new Map<number, number>();
    const first: number[] = [];
    const threads: number[] = [];
    const comm: string[] = [];
    const parts: number[][] = LEDGER_PARTS.map(() => []);
    tids.forEach((tid, k) => {
      const own = this.#ns.subarray(k * width, (k + 1) * width);
      const group = groups === undefined ? k : groups.of(tid);
      if (group < 0 || own.every((part) => part === 0)) return;
      let row = rowOf.get(group);
      if (row === undefined) {
        rowOf.set(group, row = first.push(tid) - 1);
        threads.push(0);
        comm.push(groups === undefined ? names!.get(tid) ?? "" : groups.names[group]!);
        for (const part of parts) part.push(0);
      }
      threads[row]!++;
      own.forEach((part, i) => parts[i]![row]! += part);
    });
    const wall = Float64Array.from(first, (_, row) => parts.reduce((sum, part) => sum + part[row]!, 0));
    const frame = new Frame<ThreadLedgerColumns>({
      tid: Int32Array.from(first),
      comm: DictColumn.from(comm),
      threads: Int32Array.from(threads),
      wall: ns(wall),
      coverage: wall.map((all, row) => all === 0 ? 1 : 1 - parts[PART.unknown]![row]! / all),
      ...Object.fromEntries(
        LEDGER_PARTS.map((part, i) => [part, ns(Float64Array.from(parts[i]!))]),
      ) as Record<
        LedgerPart,
        Ns
      >,
    });
    const waiting = ns(
      Float64Array.from(first, (_, row) => {
        let sum = 0;
        for (let part = PART.preempted; part <= PART.waking; part++) sum += parts[part]![row]!;
        return sum;
      }),
    );
    return frame.with({ waiting }).sort("waiting", { descending: true }).select(
      "tid",
      "comm",
      "threads",
      "wall",
      "coverage",
      ...LEDGER_PARTS,
    );
  }

  #add(part: number, time: number): void {
    this.#ns[this.#at + part]! += time;
  }

  #running(cpu: number, from: number, to: number): void {
    const left = this.#interrupts.within(cpu, from, to, (kind, time) => this.#add(PART[kind], time));
    this.#add(PART.run, left);
  }

  /** What kind of sleep segment `i` is; that of `begin - 1`, before a thread's first, is an interruptible one. */
  #sleep(i: number, end: number, begin = -1): number {
    const { event, doing } = this.#table;
    const state = sleepState(this.#trace.stream, i < begin ? -1 : event[i]!);
    if (state !== "sleeping") return PART[state];
    const source = i + 1 < end && doing[i + 1] === Doing.Woken ? this.#source(event[i + 1]!) : 0;
    return ASLEEP[WAKE_SOURCES[source]!]!;
  }

  /** Runnable, in the queue of a CPU: most of it from sums; only where the CPU idled and may have been forced to, step by step. */
  #waits(k: number, i: number, from: number, to: number): void {
    const { doing, moved, cpu, slice, start, from: begins } = this.#table;
    const times = this.#cpus[cpu[i]!];
    if (times === undefined || times.ts.length === 0) return this.#add(PART.unknown, to - from);
    const runsNext = i + 1 < start[k + 1]! && doing[i + 1] === Doing.Running;
    const runsThere = runsNext && cpu[i + 1] === cpu[i];
    const begun = slice[i]! >= 0 ? slice[i]! : sliceAt(times, begins[i]!);
    const end = Math.min(i + 1 < start[k + 1]! ? begins[i + 1]! : Infinity, this.#trace.span.to);
    const ended = runsThere && slice[i + 1]! >= 0 ? slice[i + 1]! : sliceAt(times, end);
    if (
      doing[i] === Doing.Preempted && moved[i] === 0 && (runsThere || !runsNext) &&
      !this.#idle.mayForce(cpu[i]!)
    ) {
      const until = Math.min(to, throttledUntil(times, begins[i]!, end, begun, ended));
      if (until > from) {
        this.#add(PART.throttled, until - from);
        if (until === to) return;
        from = until;
      }
    }
    const a = from === begins[i] ? begun : sliceAt(times, from);
    const b = to === end ? ended : sliceAt(times, to);
    const ran = this.#ran.fill(0);
    addTimes(times, from, to, ran, a, b);
    for (let kind = 0; kind < RAN_KINDS; kind++) {
      const part = PART_OF_RAN[kind]!;
      if (part >= 0) this.#add(part, ran[kind]!);
    }
    if (doing[i] === Doing.Preempted && moved[i] === 0) this.#displaced(times, i, a, from, to);
    if (ran[Ran.Idle] === 0) return;
    if (doing[i] === Doing.Woken && !this.#idle.knowsCookies && !this.#idle.mayForce(cpu[i]!)) {
      return this.#add(PART.waking, ran[Ran.Idle]!);
    }
    this.#explainer ??= new GapExplainer(this.#trace, this.#table.tids, this.#options);
    const { parts } = this.#explainer.explain(this.#table.tids[k]!, from, to);
    let left = ran[Ran.Idle]!;
    for (const [part, cause] of IDLED) {
      const time = part === PART.migrated ? 0 : Math.min(left, parts[cause]!);
      this.#add(part, time);
      left -= time;
    }
    this.#add(PART.migrated, left);
  }

  /** Moves the time of the thread that displaced segment `i`'s to `preempted`. */
  #displaced(times: CpuTimes, i: number, slice: number, from: number, to: number): void {
    if (slice < 0 || times.ts[slice] !== this.#table.from[i]) return;
    const part = PART_OF_RAN[times.ran[slice]!]!;
    if (part < PART.queued_fair || part > PART.queued_other) return;
    const time = Math.min(to, times.ts[slice + 1] ?? Infinity) - from;
    this.#add(part, -time);
    this.#add(PART.preempted, time);
  }
}

/** Where the time of an idle CPU goes, and the cause that says how much of it. */
const IDLED: readonly (readonly [number, number])[] = [
  [PART.offline, CAUSE.offline],
  [PART.forced_idle, CAUSE["forced idle"]],
  [PART.throttled, CAUSE.throttled],
  [PART.waking, CAUSE.waking],
  [PART.migrated, CAUSE.migrated],
];
