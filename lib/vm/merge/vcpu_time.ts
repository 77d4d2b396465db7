import { firstAbove } from "../../trace/time_order.ts";
import type { Trace } from "../../trace/trace.ts";
import { beforeFirst } from "../../sched/before_first.ts";
import { cpuTimes } from "../../sched/cpu_times.ts";
import { GAP_CAUSES, type SchedClass } from "../../sched/gap_cause.ts";
import { GapExplainer } from "../../sched/gap_explainer.ts";
import type { CoreKnowledge } from "../../sched/idle_causes.ts";
import { sliceAt } from "../../sched/cpu_occupancy.ts";
import { Doing, type SegmentTable, segmentTable, threadAt } from "../../sched/thread_segments.ts";
import { PART, PART_OF_CAUSE } from "./merged_parts.ts";

/** Who kept a vCPU from running: a thread of the host, or an interrupt (tid -1). */
export interface HostCulprit {
  readonly tid: number;
  readonly comm: string;
  readonly class: SchedClass;
  readonly cpu: number;
}

/** A piece that has several parts: how much of each is asked of the explainer. */
export const MIXED = 255;

/**
 * What the thread of one vCPU did on the host, as pieces that follow one another without a gap: piece i lasts from `from[i]` to
 * `from[i + 1]`, the last one to the end of the host's span. All times are ns since the host's epoch.
 */
export interface VcpuPieces {
  /** Thread. */
  readonly tid: number;
  readonly from: Float64Array;
  /** Index into `GUEST_WAIT_PARTS`, `vcpu_halted` for all sleep; {@linkcode MIXED}. */
  readonly part: Uint8Array;
  /** CPU of the host that it ran on or was queued on; -1 unknown. */
  readonly cpu: Int32Array;
  /** Index into {@linkcode VcpuTimes.culprits}; -1 nobody. */
  readonly culprit: Int32Array;
}

/** The time of all vCPUs of a guest as the host's trace has it. */
export class VcpuTimes {
  /** Everybody who kept a vCPU from running. */
  readonly culprits: HostCulprit[] = [];
  readonly #known = new Map<string, number>();
  readonly #pieces = new Map<number, VcpuPieces>();
  readonly #explainer: GapExplainer;
  readonly #trace: Trace;
  readonly #table: SegmentTable;
  readonly #to: number;
  readonly #interrupts: boolean;

  /** Looks `tids` (threads of vCPUs) up in `host`, up to `to` ns since its epoch. */
  constructor(host: Trace, tids: Iterable<number>, to: number, knowledge: CoreKnowledge = {}) {
    const wanted = new Set(tids);
    this.#trace = host;
    this.#to = to;
    this.#explainer = new GapExplainer(host, wanted, knowledge);
    this.#table = segmentTable(host.stream, wanted);
    this.#interrupts = [...host.counts.keys()].some((event) => /^irq(_vectors)?:/.test(event));
    const before = beforeFirst(host, this.#table);
    for (const tid of wanted) this.#pieces.set(tid, this.#make(tid, before));
  }

  /** The pieces of thread `tid`, which is one of those given. */
  of(tid: number): VcpuPieces {
    return this.#pieces.get(tid)!;
  }

  /**
   * Calls `take` for each part of what the vCPU thread `tid` did from `from` to `to`, in order; the parts' ns add up to `to - from`.
   * `a` and `b` are the bounds of the piece that they are of: of a piece with several parts all are given with the same.
   */
  split(
    tid: number,
    from: number,
    to: number,
    take: (part: number, ns: number, culprit: number, a: number, b: number, cpu: number) => void,
  ): void {
    const pieces = this.#pieces.get(tid);
    if (pieces === undefined) return take(PART.unknown, to - from, -1, from, to, -1);
    const { from: begins, part, cpu, culprit } = pieces;
    let i = firstAbove(begins, 0, begins.length, from) - 1;
    if (i < 0) {
      const seen = Math.min(to, begins[0] ?? Infinity);
      if (seen > from) take(PART.unknown, seen - from, -1, from, seen, -1);
      i = 0;
    }
    for (; i < begins.length && begins[i]! < to; i++) {
      const a = Math.max(from, begins[i]!);
      const b = Math.min(to, begins[i + 1] ?? this.#to);
      if (b <= a) continue;
      if (part[i] === MIXED) this.#mixed(tid, a, b, cpu[i]!, take);
      else take(part[i]!, b - a, culprit[i]!, a, b, cpu[i]!);
    }
    const beyond = Math.max(from, this.#to);
    if (to > beyond) take(PART.unknown, to - beyond, -1, beyond, to, -1);
  }

  #mixed(
    tid: number,
    a: number,
    b: number,
    cpu: number,
    take: (part: number, ns: number, culprit: number, a: number, b: number, cpu: number) => void,
  ): void {
    const why = this.#explainer.explain(tid, a, b);
    const culprit = this.#culprit(why.culpritTid, why.culprit, why.culpritClass, why.cpu);
    take(PART_OF_CAUSE[why.cause]!, why.parts[why.cause]!, culprit, a, b, cpu); // the largest first
    for (let cause = 0; cause < GAP_CAUSES.length; cause++) {
      const ns = why.parts[cause]!;
      if (ns > 0 && cause !== why.cause) take(PART_OF_CAUSE[cause]!, ns, -1, a, b, cpu);
    }
  }

  #culprit(tid: number, comm: string, of: SchedClass, cpu: number): number {
    if (tid < 0 && comm === "") return -1;
    const key = `${tid}\0${comm}\0${of}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, known = this.culprits.push({ tid, comm, class: of, cpu }) - 1);
    }
    return known;
  }

  #make(tid: number, before: (k: number) => number): VcpuPieces {
    const rows = new PieceRows(tid);
    const table = this.#table;
    const k = threadAt(table, tid);
    const first = k < 0 ? 0 : table.start[k]!;
    const end = k < 0 ? 0 : table.start[k + 1]!;
    const start = this.#trace.span.from;
    if (first === end) {
      rows.put(start, PART.unknown, -1, -1);
      return rows.finish();
    }
    const earlier = before(k);
    if (table.from[first]! > start) {
      const part = earlier === Doing.Asleep
        ? PART.vcpu_halted
        : earlier === Doing.Gone
        ? PART.vcpu_offline
        : PART.unknown;
      rows.put(start, part, -1, -1);
    }
    for (let i = first; i < end; i++) {
      const a = Math.max(table.from[i]!, start);
      const b = Math.min(i + 1 < end ? table.from[i + 1]! : Infinity, this.#to);
      if (b <= a) continue;
      this.#segment(rows, i, a, b);
    }
    return rows.finish();
  }

  #segment(rows: PieceRows, i: number, a: number, b: number): void {
    const { doing, hidden, cpu: on } = this.#table;
    const cpu = on[i]!;
    if (doing[i] === Doing.Gone) return rows.put(a, PART.vcpu_offline, -1, -1);
    if (hidden[i] === 1 || doing[i] === Doing.Unknown) return rows.put(a, PART.unknown, cpu, -1);
    if (doing[i] === Doing.Asleep) return rows.put(a, PART.vcpu_halted, cpu, -1);
    if (doing[i] === Doing.Running && !this.#interrupts) return rows.put(a, PART.guest_queued, cpu, -1);
    if (doing[i] === Doing.Running) return this.#piece(rows, a, b, cpu);
    // Runnable: one piece for each slice of its CPU, so that each has one culprit.
    const times = cpuTimes(this.#trace).cpus[cpu];
    if (times === undefined || times.ts.length === 0) return this.#piece(rows, a, b, cpu);
    let from = a;
    for (
      let slice = Math.max(0, sliceAt(times, a) + 1);
      slice < times.ts.length && times.ts[slice]! < b;
      slice++
    ) {
      const cut = times.ts[slice]!;
      if (cut > from) this.#piece(rows, from, cut, cpu);
      from = Math.max(from, cut);
    }
    if (b > from) this.#piece(rows, from, b, cpu);
  }

  /** One piece, of whatever the explainer says. */
  #piece(rows: PieceRows, a: number, b: number, cpu: number): void {
    const why = this.#explainer.explain(rows.tid, a, b);
    let parts = 0;
    for (const ns of why.parts) if (ns > 0) parts++;
    const culprit = this.#culprit(why.culpritTid, why.culprit, why.culpritClass, why.cpu);
    rows.put(a, parts === 1 ? PART_OF_CAUSE[why.cause]! : MIXED, cpu, culprit);
  }
}

class PieceRows {
  readonly tid: number;
  readonly #from: number[] = [];
  readonly #part: number[] = [];
  readonly #cpu: number[] = [];
  readonly #culprit: number[] = [];

  constructor(tid: number) {
    this.tid = tid;
  }

  put(from: number, part: number, cpu: number, culprit: number): void {
    this.#from.push(from);
    this.#part.push(part);
    this.#cpu.push(cpu);
    this.#culprit.push(culprit);
  }

  finish(): VcpuPieces {
    return {
      tid: this.tid,
      from: Float64Array.from(this.#from),
      part: Uint8Array.from(this.#part),
      cpu: Int32Array.from(this.#cpu),
      culprit: Int32Array.from(this.#culprit),
    };
  }
}
