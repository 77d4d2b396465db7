import type { Trace } from "../trace/trace.ts";
import { sliceAt } from "./cpu_occupancy.ts";
import { type CpuTimes, Ran } from "./cpu_times.ts";
import { type OfflineTime, offlineTimes } from "./offline_times.ts";

/** What is known besides the trace of why CPUs idle while threads wait. */
export interface CoreKnowledge {
  /** CPUs of each physical core (SMT siblings). Default: what the trace says of its machine. */
  cores?: readonly (readonly number[])[];
  /**
   * The core-scheduling cookie of each thread, by tid; a thread that is not in it has none, and runs beside others that have none. Default:
   * not known.
   */
  cookies?: ReadonlyMap<number, string | number>;
}

/** Says of the time in which a runnable thread's CPU idled what kept the thread from it. */
export class IdleCauses {
  readonly #cpus: readonly CpuTimes[];
  readonly #siblings = new Map<number, readonly number[]>();
  readonly #cookies: CoreKnowledge["cookies"];
  readonly #offline: ReadonlyMap<number, readonly OfflineTime[]>;

  constructor(trace: Trace, cpus: readonly CpuTimes[], { cores, cookies }: CoreKnowledge) {
    this.#cpus = cpus;
    this.#cookies = cookies;
    this.#offline = offlineTimes(trace);
    for (const core of cores ?? trace.topology.cores) {
      for (const cpu of core) {
        const others = core.filter((other) => other !== cpu);
        if (others.length > 0) this.#siblings.set(cpu, others);
      }
    }
  }

  /** Whether it is known whom a thread may not run beside. */
  get knowsCookies(): boolean {
    return this.#cookies !== undefined;
  }

  /** Whether what a sibling of `cpu` runs, or its absence, may be why it idles. */
  mayForce(cpu: number): boolean {
    return this.#siblings.has(cpu) || this.#offline.has(cpu);
  }

  /** ns of [from, to) in which `cpu` was offline. */
  offline(cpu: number, from: number, to: number): number {
    let sum = 0;
    for (const time of this.#offline.get(cpu) ?? []) {
      sum += Math.max(0, Math.min(to, time.to) - Math.max(from, time.from));
    }
    return sum;
  }

  /**
   * Calls `take` for the stretches of [from, to), in order and without overlap, in which a sibling of `cpu` ran somebody whom thread
   * `tid` may not run beside; where no cookies are known, anybody. `slice` is the sibling's.
   */
  foreign(
    tid: number,
    cpu: number,
    from: number,
    to: number,
    take: (ns: number, sibling: CpuTimes, slice: number, cpu: number) => void,
  ): void {
    const siblings = this.#siblings.get(cpu);
    if (siblings === undefined) return;
    const own = this.#cookies?.get(tid);
    const found: { from: number; to: number; cpu: number; slice: number }[] = [];
    for (const other of siblings) {
      const times = this.#cpus[other];
      if (times === undefined) continue;
      for (let i = Math.max(0, sliceAt(times, from)); i < times.ts.length && times.ts[i]! < to; i++) {
        if (times.ran[i] === Ran.Idle || times.ran[i] === Ran.Hidden) continue;
        if (this.#cookies !== undefined && this.#cookies.get(times.tid[i]!) === own) continue;
        const a = Math.max(from, times.ts[i]!);
        const b = Math.min(to, times.ts[i + 1] ?? Infinity);
        if (b > a) found.push({ from: a, to: b, cpu: other, slice: i });
      }
    }
    if (siblings.length > 1) found.sort((x, y) => x.from - y.from);
    let until = from;
    for (const each of found) {
      const a = Math.max(each.from, until);
      if (each.to <= a) continue;
      take(each.to - a, this.#cpus[each.cpu]!, each.slice, each.cpu);
      until = each.to;
    }
  }

  /**
   * ns at the beginning of [from, to) in which the siblings of `cpu` idled as well, or still ran a partner of thread `tid`, before one of
   * them ran somebody whom it may not run beside: the kernel decides for a core at once, and that sibling had only not switched yet. 0
   * where no cookies are known.
   */
  beforeForeign(tid: number, cpu: number, from: number, to: number): number {
    const cookies = this.#cookies;
    if (cookies === undefined) return 0;
    const own = cookies.get(tid);
    let first = to;
    for (const other of this.#siblings.get(cpu) ?? []) {
      const times = this.#cpus[other];
      if (times === undefined) continue;
      let slice = Math.max(0, sliceAt(times, from));
      if (times.ran[slice]! > Ran.Idle && cookies.get(times.tid[slice]!) === own) slice++;
      while (slice < times.ts.length && times.ran[slice] === Ran.Idle) slice++;
      if (slice === times.ts.length || times.ts[slice]! >= first) continue;
      if (times.ran[slice] === Ran.Hidden || cookies.get(times.tid[slice]!) === own) return 0;
      first = times.ts[slice]!;
    }
    return first === to ? 0 : Math.max(0, first - from);
  }
}
