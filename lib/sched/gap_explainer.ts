import type { Frame } from "../frame/frame.ts";
import type { Trace } from "../trace/trace.ts";
import { cpuOccupancy, type CpuSlices, sliceAt } from "./cpu_occupancy.ts";
import { CAUSE, GAP_CAUSES, type SchedClass, schedClass } from "./gap_cause.ts";
import { interrupts, type InterruptSliceColumns } from "./interrupts.ts";
import { Doing, segmentAt, type ThreadSegments, threadSegments } from "./thread_segments.ts";

/** Why one thread stood still for a while. */
export interface GapExplanation {
  /** ns of each of `GAP_CAUSES`; they add up to the gap's length exactly. */
  readonly parts: Float64Array;
  /** Index into `GAP_CAUSES` of the largest part. */
  readonly cause: number;
  /** Thread that took the most of the largest part; -1 where the cause has no thread. */
  readonly culpritTid: number;
  /** Its name when it did; the interrupt's name for `irq` and `softirq`; else empty. */
  readonly culprit: string;
  /** Its scheduling class; empty where there is no thread. */
  readonly culpritClass: SchedClass;
  /** CPU on which it happened; -1 unknown. */
  readonly cpu: number;
}

/** What is known of a gap besides the trace. */
export interface ExplainOptions {
  /** ns by which the CPU's steal time grew meanwhile (/proc/stat); it explains at most what no event does. Default: 0. */
  steal?: number;
  /**
   * Whether the thread is known to run again at the gap's end, because it measured that itself. Where the trace lacks the switch back
   * to it, whoever was switched in before ran until then. Default: false.
   */
  resumed?: boolean;
}

/** Explains stretches of threads' time from one trace. Makes its indexes once, for the threads in `tids`. */
export class GapExplainer {
  readonly #slices: CpuSlices[];
  readonly #segments: Map<number, ThreadSegments>;
  readonly #interrupts: Frame<InterruptSliceColumns>;
  readonly #interruptRange: Map<number, { from: number; to: number }>;
  readonly #trace: Trace;
  readonly #end: number;
  /** 1 for each name (code of next_comm) that is a stopper's. */
  readonly #isStopper: Uint8Array;
  readonly #tally = new Tally();
  #resumed = -1;

  /** Indexes `trace` for the threads `tids`; needs `sched:sched_switch`. */
  constructor(trace: Trace, tids: Iterable<number>) {
    trace.requireEvent("gaps", "sched:sched_switch");
    this.#trace = trace;
    this.#end = trace.span.to;
    this.#slices = cpuOccupancy(trace.stream);
    this.#segments = threadSegments(trace.stream, tids);
    this.#interrupts = interrupts(trace);
    this.#interruptRange = rangesByCpu(this.#interrupts.column("cpu"));
    const { dictionary } = trace.switches.column("next_comm");
    this.#isStopper = Uint8Array.from(dictionary, (comm) => schedClass(comm, 0, -1) === "stop" ? 1 : 0);
  }

  /**
   * Splits thread `tid`'s time from `from` to `to` (ns since the trace's epoch) into causes.
   */
  explain(tid: number, from: number, to: number, options: ExplainOptions = {}): GapExplanation {
    const { steal = 0, resumed = false } = options;
    this.#resumed = resumed ? tid : -1;
    const tally = this.#tally;
    tally.reset();
    const segments = this.#segments.get(tid);
    const first = segments === undefined ? -1 : Math.max(0, segmentAt(segments, from));
    if (segments === undefined || segments.from.length === 0 || segments.from[first]! >= to) {
      tally.add(CAUSE.unknown, to - from, -1, -1, -1);
    } else {
      const begin = segments.from[first]!;
      if (begin > from) tally.add(CAUSE.unknown, begin - from, -1, -1, -1);
      for (let i = first; i < segments.from.length && segments.from[i]! < to; i++) {
        const a = Math.max(from, segments.from[i]!);
        const b = Math.min(to, segments.from[i + 1] ?? Infinity);
        if (b > a) this.#segment(segments, i, a, b);
      }
    }
    return this.#finish(to - from, steal);
  }

  /** The same for a thread that is known to have been on `cpu` all the time, whatever the trace has of its switches. */
  explainRunning(cpu: number, from: number, to: number, steal = 0): GapExplanation {
    this.#tally.reset();
    this.#running(cpu, from, to);
    return this.#finish(to - from, steal);
  }

  #finish(total: number, steal: number): GapExplanation {
    const tally = this.#tally;
    const rest = tally.parts[CAUSE["nothing scheduled"]]!;
    if (steal > 0 && rest > 0) {
      const stolen = Math.min(steal, rest);
      tally.parts[CAUSE["nothing scheduled"]] = rest - stolen;
      tally.parts[CAUSE.steal]! += stolen;
      tally.cpuOf[CAUSE.steal] = tally.cpuOf[CAUSE["nothing scheduled"]]!;
    }
    settle(tally.parts, total);
    return this.#verdict(tally);
  }

  #segment(segments: ThreadSegments, i: number, from: number, to: number): void {
    const cpu = segments.cpu[i]!;
    const beyond = Math.max(from, Math.min(to, this.#end));
    if (beyond < to) this.#tally.add(CAUSE.unknown, to - beyond, -1, -1, cpu);
    // What a missing switch hides is known only of a thread that says itself when it ran again.
    const known = segments.hidden[i] === 0 || (this.#resumed >= 0 && segments.doing[i] !== Doing.Running);
    switch (known ? segments.doing[i] : Doing.Unknown) {
      case Doing.Running:
        return this.#running(cpu, from, beyond);
      case Doing.Asleep:
        return this.#tally.add(CAUSE.asleep, beyond - from, -1, -1, cpu);
      case Doing.Preempted:
      case Doing.Woken:
        return this.#runnable(segments, i, from, beyond);
      default:
        this.#tally.add(CAUSE.unknown, beyond - from, -1, -1, cpu);
    }
  }

  /** On the CPU: what interrupts took of [from, to), and what nothing explains. */
  #running(cpu: number, from: number, to: number): void {
    const range = this.#interruptRange.get(cpu);
    let left = to - from;
    if (range !== undefined) {
      const ts = this.#interrupts.column("ts");
      const dur = this.#interrupts.column("dur");
      const kind = this.#interrupts.column("kind").codes;
      const softirq = this.#interrupts.column("kind").dictionary.indexOf("softirq");
      // A hard interrupt that comes during a softirq counts as irq: it is taken off the softirq's time.
      let irqUntil = from;
      let softUntil = from;
      for (let i = startOf(ts, dur, range, from); i < range.to && ts[i]! < to; i++) {
        const b = Math.min(to, ts[i]! + dur[i]!);
        const until = kind[i] === softirq ? softUntil : irqUntil;
        const a = Math.max(ts[i]!, until, from);
        if (b <= a) continue;
        if (kind[i] === softirq) {
          softUntil = b;
          this.#tally.add(CAUSE.softirq, b - a, -1, i, cpu);
        } else {
          irqUntil = b;
          if (a < softUntil) this.#tally.take(CAUSE.softirq, Math.min(b, softUntil) - a);
          left += Math.max(0, Math.min(b, softUntil) - a);
          this.#tally.add(CAUSE.irq, b - a, -1, i, cpu);
        }
        left -= b - a;
      }
    }
    if (left > 0) this.#tally.add(CAUSE["nothing scheduled"], left, -1, -1, cpu);
  }

  /** In the queue of a CPU: who ran there. */
  #runnable(segments: ThreadSegments, i: number, from: number, to: number): void {
    const cpu = segments.cpu[i]!;
    const slices = this.#slices[cpu];
    if (slices === undefined || slices.ts.length === 0) {
      return this.#tally.add(CAUSE.unknown, to - from, -1, -1, cpu);
    }
    const begun = segments.from[i]!;
    let slice = sliceAt(slices, from);
    if (slice < 0) {
      const seen = Math.min(to, slices.ts[0]!);
      this.#tally.add(CAUSE.unknown, seen - from, -1, -1, cpu);
      from = seen;
      slice = 0;
    }
    for (; slice < slices.ts.length && from < to; slice++) {
      const end = Math.min(to, slices.ts[slice + 1] ?? Infinity);
      if (end <= from) continue;
      const tid = slices.tid[slice]!;
      const displaced = segments.doing[i] === Doing.Preempted && segments.moved[i] === 0 &&
        slices.ts[slice] === begun;
      this.#tally.add(
        this.#queueCause(segments, i, slices, slice, displaced),
        end - from,
        tid,
        slices.row[slice]!,
        cpu,
      );
      from = end;
    }
  }

  #queueCause(
    segments: ThreadSegments,
    i: number,
    slices: CpuSlices,
    slice: number,
    displaced: boolean,
  ): number {
    const tid = slices.tid[slice]!;
    const last = slices.last[slice]!;
    if (last !== tid && last !== this.#resumed) return CAUSE.unknown;
    if (tid === 0) {
      return segments.moved[i] === 1 && segments.doing[i] === Doing.Preempted ? CAUSE.migrated : CAUSE.waking;
    }
    if (this.#isStopper[this.#trace.switches.column("next_comm").codes[slices.row[slice]!]!] === 1) {
      return CAUSE.migrated;
    }
    return displaced ? CAUSE.preempted : CAUSE.queued;
  }

  #class(tid: number, row: number): SchedClass {
    const { switches } = this.#trace;
    return schedClass(switches.column("next_comm").at(row), switches.column("next_prio")[row]!, tid);
  }

  #verdict(tally: Tally): GapExplanation {
    let cause = 0;
    for (let i = 1; i < tally.parts.length; i++) if (tally.parts[i]! > tally.parts[cause]!) cause = i;
    const who = tally.worst(cause);
    const parts = tally.parts.slice();
    if (cause === CAUSE.irq || cause === CAUSE.softirq) {
      const culprit = who === undefined ? "" : this.#interrupts.column("name").at(who.row);
      return { parts, cause, culpritTid: -1, culprit, culpritClass: "", cpu: tally.cpuOf[cause]! };
    }
    if (who === undefined || who.tid <= 0 || cause === CAUSE.unknown) {
      return { parts, cause, culpritTid: -1, culprit: "", culpritClass: "", cpu: tally.cpuOf[cause]! };
    }
    return {
      parts,
      cause,
      culpritTid: who.tid,
      culprit: this.#trace.switches.column("next_comm").at(who.row),
      culpritClass: this.#class(who.tid, who.row),
      cpu: who.cpu,
    };
  }
}

/** ns by cause and by who was in the way. */
class Tally {
  readonly parts = new Float64Array(GAP_CAUSES.length);
  readonly cpuOf = new Int32Array(GAP_CAUSES.length).fill(-1);
  /** By cause and thread (or interrupt's row, as a negative number). */
  readonly #who = new Map<number, { cause: number; tid: number; row: number; cpu: number; ns: number }>();

  reset(): void {
    this.parts.fill(0);
    this.cpuOf.fill(-1);
    this.#who.clear();
  }

  /** Adds `ns` of `cause`, by thread `tid` (whose slice or interrupt is `row`) on `cpu`. */
  add(cause: number, ns: number, tid: number, row: number, cpu: number): void {
    if (ns <= 0) return;
    this.parts[cause]! += ns;
    this.cpuOf[cause] = cpu;
    if (row < 0) return;
    const key = (tid >= 0 ? tid : -1 - row) * 16 + cause;
    const known = this.#who.get(key);
    if (known === undefined) this.#who.set(key, { cause, tid, row, cpu, ns });
    else known.ns += ns;
  }

  take(cause: number, ns: number): void {
    this.parts[cause]! -= ns;
  }

  worst(cause: number): { tid: number; row: number; cpu: number } | undefined {
    let worst: { tid: number; row: number; cpu: number; ns: number } | undefined;
    for (const who of this.#who.values()) {
      if (who.cause === cause && (worst === undefined || who.ns > worst.ns)) worst = who;
    }
    return worst;
  }
}

/** Puts the rounding error of the additions into the largest part, so that the parts add up to `total` exactly. */
function settle(parts: Float64Array, total: number): void {
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < parts.length; i++) {
    if (parts[i]! > parts[largest]!) largest = i;
    sum += parts[i]!;
  }
  parts[largest]! += total - sum;
}

function rangesByCpu(cpu: Uint16Array): Map<number, { from: number; to: number }> {
  const ranges = new Map<number, { from: number; to: number }>();
  for (let i = 0; i < cpu.length; i++) {
    const range = ranges.get(cpu[i]!);
    if (range === undefined) ranges.set(cpu[i]!, { from: i, to: i + 1 });
    else range.to = i + 1;
  }
  return ranges;
}

/** First row of `range` that may reach past `time`: interrupts nest at most a few deep, so eight rows back are enough. */
function startOf(
  ts: Float64Array,
  dur: Float64Array,
  range: { from: number; to: number },
  time: number,
): number {
  let from = range.from;
  let to = range.to;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (ts[middle]! <= time) from = middle + 1;
    else to = middle;
  }
  let first = Math.max(range.from, from - 8);
  while (first < from && ts[first]! + dur[first]! <= time) first++;
  return first;
}
