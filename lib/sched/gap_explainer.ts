import type { Trace } from "../trace/trace.ts";
import { sliceAt } from "./cpu_occupancy.ts";
import { type CpuTimes, cpuTimes, Ran } from "./cpu_times.ts";
import { CAUSE, type SchedClass, schedClass } from "./gap_cause.ts";
import { GapTally } from "./gap_tally.ts";
import { type CoreKnowledge, IdleCauses } from "./idle_causes.ts";
import { InterruptTimes } from "./interrupt_times.ts";
import { Doing, segmentAt, type ThreadSegments, threadSegments } from "./thread_segments.ts";
import { throttledUntil } from "./throttled_until.ts";

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

/** Of an idle wait at least this share must lie beside a busy sibling to be taken for forced idle where no cookies are known. */
const FORCED_SHARE = 0.9;

/** Explains stretches of threads' time from one trace. Makes its indexes once, for the threads in `tids`. */
export class GapExplainer {
  readonly #cpus: readonly CpuTimes[];
  readonly #segments: Map<number, ThreadSegments>;
  readonly #interrupts: InterruptTimes;
  readonly #idle: IdleCauses;
  readonly #trace: Trace;
  readonly #end: number;
  readonly #tally: GapTally;
  #tid = -1;
  #resumed = -1;

  /** Indexes `trace` for the threads `tids`; needs `sched:sched_switch`. */
  constructor(trace: Trace, tids: Iterable<number>, knowledge: CoreKnowledge = {}) {
    trace.requireEvent("gaps", "sched:sched_switch");
    this.#trace = trace;
    this.#end = trace.span.to;
    const { cpus, threads } = cpuTimes(trace);
    this.#cpus = cpus;
    this.#tally = new GapTally(threads);
    this.#segments = threadSegments(trace.stream, tids);
    this.#interrupts = new InterruptTimes(trace);
    this.#idle = new IdleCauses(trace, cpus, knowledge);
  }

  /**
   * Splits thread `tid`'s time from `from` to `to` (ns since the trace's epoch) into causes.
   */
  explain(tid: number, from: number, to: number, options: ExplainOptions = {}): GapExplanation {
    const { steal = 0, resumed = false } = options;
    this.#tid = tid;
    this.#resumed = resumed ? tid : -1;
    const tally = this.#tally;
    tally.reset();
    const segments = this.#segments.get(tid);
    const first = segments === undefined ? -1 : Math.max(0, segmentAt(segments, from));
    if (segments === undefined || segments.from.length === 0 || segments.from[first]! >= to) {
      tally.add(CAUSE.unknown, to - from, -1);
    } else {
      const begin = segments.from[first]!;
      if (begin > from) tally.add(CAUSE.unknown, begin - from, -1);
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
    tally.settle(total);
    return this.#verdict();
  }

  #segment(segments: ThreadSegments, i: number, from: number, to: number): void {
    const cpu = segments.cpu[i]!;
    const beyond = Math.max(from, Math.min(to, this.#end));
    if (beyond < to) this.#tally.add(CAUSE.unknown, to - beyond, cpu);
    // What a missing switch hides is known only of a thread that says itself when it ran again.
    const known = segments.hidden[i] === 0 || (this.#resumed >= 0 && segments.doing[i] !== Doing.Running);
    switch (known ? segments.doing[i] : Doing.Unknown) {
      case Doing.Running:
        return this.#running(cpu, from, beyond);
      case Doing.Asleep:
        return this.#tally.add(CAUSE.asleep, beyond - from, cpu);
      case Doing.Preempted:
      case Doing.Woken:
        return this.#runnable(segments, i, from, beyond);
      default:
        this.#tally.add(CAUSE.unknown, beyond - from, cpu);
    }
  }

  /** On the CPU: what interrupts took of [from, to), and what nothing explains. */
  #running(cpu: number, from: number, to: number): void {
    const left = this.#interrupts.within(cpu, from, to, (kind, ns, row) => {
      this.#tally.interrupt(kind, ns, row < 0 ? "" : this.#interrupts.names.at(row), cpu);
    });
    this.#tally.add(CAUSE["nothing scheduled"], left, cpu);
  }

  /** In the queue of a CPU: who ran there. */
  #runnable(segments: ThreadSegments, i: number, from: number, to: number): void {
    const cpu = segments.cpu[i]!;
    const times = this.#cpus[cpu];
    if (times === undefined || times.ts.length === 0) {
      return this.#tally.add(CAUSE.unknown, to - from, cpu);
    }
    const begun = segments.from[i]!;
    let slice = sliceAt(times, from);
    if (slice < 0) {
      const seen = Math.min(to, times.ts[0]!);
      this.#tally.add(CAUSE.unknown, seen - from, cpu);
      from = seen;
      slice = 0;
    }
    const displaced = segments.doing[i] === Doing.Preempted && segments.moved[i] === 0;
    const { ts, ran, who, row, last } = times;
    const until = this.#throttledUntil(segments, i, times);
    for (; slice < ts.length && from < to; slice++) {
      const end = Math.min(to, slice + 1 < ts.length ? ts[slice + 1]! : Infinity);
      if (end <= from) continue;
      const ns = end - from;
      const kind = ran[slice] === Ran.Hidden && last[slice] === this.#resumed && this.#resumed > 0
        ? (times.tid[slice] === 0 ? Ran.Idle : Ran.Other)
        : ran[slice]!;
      if (kind === Ran.Idle) this.#idled(segments, i, from, end);
      else if (from < until) this.#tally.add(CAUSE.throttled, ns, cpu);
      else if (kind === Ran.Hidden) this.#tally.add(CAUSE.unknown, ns, cpu);
      else {
        const cause = kind === Ran.Stop
          ? CAUSE.migrated
          : displaced && ts[slice] === begun
          ? CAUSE.preempted
          : CAUSE.queued;
        this.#tally.blame(cause, ns, who[slice]!, row[slice]!, cpu);
      }
      from = end;
    }
  }

  /** See {@linkcode throttledUntil}: of the whole of segment `i`. Where its CPU's idling was forced, it says nothing of throttling. */
  #throttledUntil(segments: ThreadSegments, i: number, times: CpuTimes): number {
    const from = segments.from[i]!;
    const cpu = segments.cpu[i]!;
    if (segments.doing[i] !== Doing.Preempted || this.#wasMoved(segments, i) || this.#idle.mayForce(cpu)) {
      return from;
    }
    const to = Math.min(segments.from[i + 1] ?? Infinity, this.#end);
    return throttledUntil(times, from, to, sliceAt(times, from), sliceAt(times, to));
  }

  /** Whether it was moved to or away from its CPU: of a thread that runs on another CPU next, the trace only lacks the event. */
  #wasMoved(segments: ThreadSegments, i: number): boolean {
    return segments.moved[i] === 1 ||
      (i + 1 < segments.from.length && segments.doing[i + 1] === Doing.Running &&
        segments.cpu[i + 1] !== segments.cpu[i]);
  }

  /** In the queue of a CPU that idled from `from` to `to`. */
  #idled(segments: ThreadSegments, i: number, from: number, to: number): void {
    const tally = this.#tally;
    const cpu = segments.cpu[i]!;
    const woken = segments.doing[i] === Doing.Woken;
    const moved = this.#wasMoved(segments, i);
    let left = to - from;
    const offline = this.#idle.offline(cpu, from, to);
    if (offline > 0) {
      tally.add(CAUSE.offline, offline, cpu);
      left -= offline;
      if (left <= 0) return;
    }
    if (this.#idle.knowsCookies || (!woken && !moved)) {
      let forced = 0;
      this.#idle.foreign(this.#tid, cpu, from, to, (ns) => forced += ns);
      if (this.#idle.knowsCookies || forced >= FORCED_SHARE * left) {
        this.#idle.foreign(this.#tid, cpu, from, to, (ns, sibling, slice, on) => {
          const take = Math.min(ns, left);
          tally.blame(CAUSE["forced idle"], take, sibling.who[slice]!, sibling.row[slice]!, on);
          left -= take;
        });
      }
    }
    if (left <= 0) return;
    if (!woken && !moved && this.#idle.knowsCookies) {
      const decided = Math.min(left, this.#idle.beforeForeign(this.#tid, cpu, from, to));
      tally.add(CAUSE["forced idle"], decided, cpu);
      // What is left beside forced idle is the way back: its CPU was told to switch to it, or to a partner.
      tally.add(decided > 0 || left < to - from ? CAUSE.waking : CAUSE.throttled, left - decided, cpu);
      return;
    }
    tally.add(woken ? CAUSE.waking : moved ? CAUSE.migrated : CAUSE.throttled, left, cpu);
  }

  #verdict(): GapExplanation {
    const tally = this.#tally;
    const cause = tally.largest();
    const parts = tally.parts.slice();
    const cpu = tally.cpuOf[cause]!;
    if (cause === CAUSE.irq || cause === CAUSE.softirq) {
      const culprit = tally.worstInterrupt(cause === CAUSE.irq ? "irq" : "softirq");
      return { parts, cause, culpritTid: -1, culprit, culpritClass: "", cpu };
    }
    const who = tally.worst(cause);
    if (who === undefined) return { parts, cause, culpritTid: -1, culprit: "", culpritClass: "", cpu };
    const { switches } = this.#trace;
    const culprit = switches.column("next_comm").at(who.row);
    const culpritTid = switches.column("next_pid")[who.row]!;
    return {
      parts,
      cause,
      culpritTid,
      culprit,
      culpritClass: schedClass(culprit, this.#priority(who.row), culpritTid),
      cpu: who.cpu,
    };
  }

  #priority(row: number): number {
    try {
      return this.#trace.switches.column("next_prio")[row]!;
    } catch {
      return -1000; // a text without priorities
    }
  }
}
