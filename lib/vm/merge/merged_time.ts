import { firstAbove } from "../../trace/time_order.ts";
import type { Trace } from "../../trace/trace.ts";
import { beforeFirst } from "../../sched/before_first.ts";
import { cpuTimes, Ran } from "../../sched/cpu_times.ts";
import type { CoreKnowledge } from "../../sched/idle_causes.ts";
import { threadNames } from "../../sched/thread_names.ts";
import { Doing, type SegmentTable, segmentTable } from "../../sched/thread_segments.ts";
import { VmError } from "../errors.ts";
import { ClockMapping, type GuestClockFit, type GuestClocks } from "./guest_clock.ts";
import { PART } from "./merged_parts.ts";
import { VcpuTimes } from "./vcpu_time.ts";

/** Which thread of the host is which CPU of the guest; `Guest.vcpus` has it. */
export interface VcpuThread {
  /** Number of the CPU in the guest. */
  readonly index: number;
  /** Thread on the host. */
  readonly tid: number;
}

/** What a part of a stretch is: its index, its ns, the culprit's index, its bounds and the CPU of the host. */
export type TakePart = (
  part: number,
  ns: number,
  culprit: number,
  a: number,
  b: number,
  cpu: number,
) => void;

/** A guest's trace and its host's, laid over one another. All times are whole ns since the host's epoch. */
export class MergedTime {
  /** The host's trace, and the time before its window. */
  readonly host: Trace;
  /** The guest's trace, and the time before its window. */
  readonly guest: Trace;
  /** What both tell. */
  readonly from: number;
  readonly to: number;
  readonly vcpus: readonly VcpuThread[];
  readonly vcpuTimes: VcpuTimes;
  /** What the guest's threads did, on the guest's own clock. */
  readonly table: SegmentTable;
  readonly mapping: ClockMapping;
  readonly #tidOf = new Map<number, number>();
  /** By CPU of the guest: where it had somebody on it. */
  readonly #busy: { readonly from: Float64Array; readonly to: Float64Array }[];
  readonly #before: (k: number) => number;
  #names: readonly [Map<number, string>, Map<number, string>] | undefined;

  constructor(
    host: Trace,
    guest: Trace,
    clock: GuestClockFit | GuestClocks,
    vcpus: readonly VcpuThread[],
    knowledge: CoreKnowledge & { tids?: Iterable<number> },
  ) {
    this.host = host.context ?? host;
    this.guest = guest.context ?? guest;
    this.vcpus = vcpus.toSorted((x, y) => x.index - y.index);
    for (const trace of [this.host, this.guest]) {
      trace.requireEvent("mergeHostGuest", "sched:sched_switch");
      trace.requireEvent("mergeHostGuest", "sched:sched_waking", "sched:sched_wakeup");
    }
    for (const { index, tid } of vcpus) {
      if (this.#tidOf.has(index)) {
        throw new VmError(`Expected each vCPU once but vCPU ${index} is there twice`);
      }
      if (this.vcpus.some((other) => other.tid === tid && other.index !== index)) {
        throw new VmError(
          `Two vCPUs have the same thread (${tid}), so that nobody can tell which of them ran: ` +
            "run the guest with a thread for each (-accel tcg,thread=multi, or kvm)",
        );
      }
      this.#tidOf.set(index, tid);
    }
    this.mapping = new ClockMapping(this.host, this.guest, clock);
    const { toHost } = this.mapping;
    this.from = Math.max(host.span.from, toHost(guest.span.from));
    this.to = Math.min(host.span.to, toHost(guest.span.to));
    if (!(this.to > this.from)) {
      throw new VmError(
        `The two traces have no time in common: on the host's clock the guest's lasts from ${
          toHost(guest.span.from)
        } to ${toHost(guest.span.to)} ns, the host's from ${host.span.from} to ${host.span.to} ns`,
      );
    }
    this.vcpuTimes = new VcpuTimes(this.host, this.#tidOf.values(), host.span.to, knowledge);
    this.table = segmentTable(this.guest.stream, knowledge.tids);
    this.#before = beforeFirst(this.guest, this.table);
    const end = toHost(this.guest.span.to);
    this.#busy = cpuTimes(this.guest).cpus.map(({ ts, ran }) => {
      const from: number[] = [];
      const to: number[] = [];
      for (let i = 0; i < ts.length; i++) {
        if (ran[i] === Ran.Idle || ran[i] === Ran.Hidden) continue;
        const a = toHost(ts[i]!);
        const b = i + 1 < ts.length ? toHost(ts[i + 1]!) : end;
        if (to.length > 0 && to.at(-1) === a) to[to.length - 1] = b;
        else if (b > a) {
          from.push(a);
          to.push(b);
        }
      }
      return { from: Float64Array.from(from), to: Float64Array.from(to) };
    });
  }

  /** Names of the vCPUs' threads, and of the guest's. */
  get names(): readonly [Map<number, string>, Map<number, string>] {
    return this.#names ??= [
      threadNames(this.host, new Set(this.#tidOf.values())),
      threadNames(this.guest, new Set(this.table.tids)),
    ];
  }

  /**
   * Calls `take` for each segment of thread number `k` of the guest within the span, in order: its row in the table, or -1 - `Doing` for
   * the time before the first.
   */
  segments(k: number, take: (i: number, a: number, b: number) => void): void {
    const { start, from } = this.table;
    const first = start[k]!;
    const end = start[k + 1]!;
    if (first === end) return;
    const { toHost } = this.mapping;
    let a = Math.max(this.from, toHost(from[first]!));
    if (a > this.from) take(-1 - this.#before(k), this.from, Math.min(a, this.to));
    for (let i = first; i < end && a < this.to; i++) {
      const b = i + 1 < end ? Math.min(this.to, toHost(from[i + 1]!)) : this.to;
      if (b <= a) continue;
      take(i, a, b);
      a = b;
    }
  }

  /**
   * Calls `take` for what vCPU `vcpu` did on the host from `a` to `b`, in order: parts whose ns add up to `b - a`. `guest_queued` is that it
   * ran.
   */
  split(vcpu: number, a: number, b: number, take: TakePart): void {
    const tid = this.#tidOf.get(vcpu);
    if (tid === undefined) return take(PART.unknown, b - a, -1, a, b, -1);
    this.vcpuTimes.split(tid, a, b, (part, time, culprit, from, to, cpu) => {
      if (part !== PART.vcpu_halted) return take(part, time, culprit, from, to, cpu);
      this.#asleep(vcpu, from, to, cpu, take);
    });
  }

  /** The vCPU's thread slept: halted where the guest had nobody on that CPU. */
  #asleep(vcpu: number, a: number, b: number, cpu: number, take: TakePart): void {
    const busy = this.#busy[vcpu];
    if (busy !== undefined) {
      const { from, to } = busy;
      for (let i = firstAbove(to, 0, to.length, a); i < from.length && from[i]! < b && a < b; i++) {
        const begin = Math.max(a, from[i]!);
        const end = Math.min(b, to[i]!);
        if (begin > a) take(PART.vcpu_halted, begin - a, -1, a, begin, cpu);
        take(PART.vcpu_blocked, end - begin, -1, begin, end, cpu);
        a = end;
      }
    }
    if (b > a) take(PART.vcpu_halted, b - a, -1, a, b, cpu);
  }

  /** Whether row `i` of the table is a wait that the trace tells. */
  waits(i: number): boolean {
    const doing = this.table.doing[i];
    return i >= 0 && this.table.hidden[i] === 0 && (doing === Doing.Preempted || doing === Doing.Woken);
  }
}
