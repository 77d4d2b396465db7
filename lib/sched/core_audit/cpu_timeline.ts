import { Kind, type SchedStream } from "../../trace/stream.ts";
import { firstAbove } from "../../trace/time_order.ts";

/** Code of a slice in which the CPU was idle. */
export const IDLE = -1;
/** Code of a slice of which the trace does not tell who ran: the switches of its begin and end do not match, or records were lost. */
export const UNKNOWN = -2;

/** Who ran on a CPU, slice after slice without a gap. */
export interface CpuTimeline {
  readonly cpu: number;
  /** Start of each slice, ns since the epoch; it lasts to the next one's. One more than there are slices: the last is the end. */
  readonly ts: Float64Array;
  /** Thread; 0 idle, -1 unknown. */
  readonly tid: Int32Array;
  /** Group of the thread, {@linkcode IDLE} or {@linkcode UNKNOWN}. */
  readonly group: Int32Array;
  /** Since when the thread had been runnable when it was switched in, ns since the epoch; NaN where the trace does not tell. */
  readonly ready: Float64Array;
  /** 1 where the thread was still runnable when the slice ended. */
  readonly displaced: Uint8Array;
}

/**
 * The timelines of `cpus` from `from` to `to`. Before its first switch a CPU ran who was switched out then. A CPU without any
 * switch had one thread, or idled, all the time: the one in whose context it woke others. Where it did not either it is unknown.
 */
export function cpuTimelines(
  stream: SchedStream,
  cpus: readonly number[],
  from: number,
  to: number,
  groupOf: (tid: number) => number,
): Map<number, CpuTimeline> {
  const builders = new Map(cpus.map((cpu) => [cpu, new TimelineBuilder(cpu)]));
  const byCpu: (TimelineBuilder | undefined)[] = [];
  for (const cpu of cpus) byCpu[cpu] = builders.get(cpu);
  const { kind, ts, cpu, tid, a, b, c, length } = stream;
  const ready = new ReadyTimes();
  for (let i = 0; i < length; i++) {
    const at = ts[i]!;
    switch (kind[i]) {
      case Kind.Switch: {
        const runnable = (b[i]! & 0xff) === 0;
        ready.switchedOut(a[i]!, at, runnable);
        byCpu[cpu[i]!]?.switched(at, a[i]!, runnable, c[i]!, ready.switchedIn(c[i]!));
        break;
      }
      case Kind.Waking:
      case Kind.Wakeup:
      case Kind.WakeupNew:
        ready.woken(a[i]!, at);
        byCpu[cpu[i]!]?.seen(tid[i]!);
        break;
      case Kind.Lost:
        byCpu[cpu[i]!]?.lost();
    }
  }
  return new Map([...builders].map(([on, builder]) => [on, builder.finish(from, to, groupOf)]));
}

class TimelineBuilder {
  readonly #cpu: number;
  #length = 0;
  #ts = new Float64Array(256);
  #tid = new Int32Array(256);
  #ready = new Float64Array(256);
  #displaced = new Uint8Array(256);
  /** While there is no switch: who was seen to run; -1 nobody, -2 several. */
  #witness = -1;

  constructor(cpu: number) {
    this.#cpu = cpu;
  }

  switched(ts: number, prev: number, runnable: boolean, next: number, ready: number): void {
    if (this.#length === 0) this.#begin(-Infinity, prev, NaN);
    const last = this.#length - 1;
    if (this.#tid[last] !== prev) this.#tid[last] = -1;
    this.#displaced[last] = runnable && prev !== 0 ? 1 : 0;
    this.#begin(ts, next, ready);
  }

  /** `tid` woke a thread on the CPU. */
  seen(tid: number): void {
    if (this.#length > 0 || tid < 0 || tid === this.#witness) return;
    this.#witness = this.#witness === -1 ? tid : -2;
  }

  /** Records are missing since the CPU's one before: what is known of the slice is how it began. */
  lost(): void {
    if (this.#length > 0) this.#tid[this.#length - 1] = -1;
    else this.#begin(-Infinity, -1, NaN);
  }

  finish(from: number, to: number, groupOf: (tid: number) => number): CpuTimeline {
    if (this.#length === 0 && this.#witness >= 0) this.#begin(-Infinity, this.#witness, NaN);
    const ts = this.#ts.subarray(0, this.#length);
    const first = Math.max(0, firstAbove(ts, 0, ts.length, from) - 1);
    // A slice that begins at the end itself has no time.
    let end = Math.max(first, firstAbove(ts, 0, ts.length, to));
    while (end > first + 1 && ts[end - 1]! >= to) end--;
    const slices = Math.max(1, end - first);
    const out = {
      cpu: this.#cpu,
      ts: new Float64Array(slices + 1),
      tid: new Int32Array(slices).fill(-1),
      group: new Int32Array(slices).fill(UNKNOWN),
      ready: new Float64Array(slices).fill(NaN),
      displaced: new Uint8Array(slices),
    };
    if (end > first) {
      out.ts.set(ts.subarray(first, end));
      out.tid.set(this.#tid.subarray(first, end));
      out.ready.set(this.#ready.subarray(first, end));
      out.displaced.set(this.#displaced.subarray(first, end));
    }
    out.ts[0] = from;
    out.ts[slices] = to;
    for (let i = 0; i < slices; i++) {
      const tid = out.tid[i]!;
      out.group[i] = tid === 0 ? IDLE : tid < 0 ? UNKNOWN : groupOf(tid);
    }
    return out;
  }

  #begin(ts: number, tid: number, ready: number): void {
    if (this.#length === this.#ts.length) this.#grow();
    this.#ts[this.#length] = ts;
    this.#tid[this.#length] = tid;
    this.#displaced[this.#length] = 0;
    this.#ready[this.#length++] = ready;
  }

  #grow(): void {
    const wider = <A extends Float64Array | Int32Array | Uint8Array>(column: A): A => {
      const out = new (column.constructor as new (length: number) => A)(column.length * 2);
      out.set(column);
      return out;
    };
    this.#ts = wider(this.#ts);
    this.#tid = wider(this.#tid);
    this.#ready = wider(this.#ready);
    this.#displaced = wider(this.#displaced);
  }
}

/** PID_MAX_LIMIT: no tid of a sound recording is above it. */
const DIRECT = 4194304;

/** Since when each thread has been runnable without running. */
class ReadyTimes {
  #since = new Float64Array(1 << 15).fill(NaN);

  switchedOut(tid: number, ts: number, runnable: boolean): void {
    // Who is woken between giving up its CPU and the record of its switch is runnable since then.
    if (runnable && this.#has(tid)) this.#since[tid] = ts;
  }

  /** Since when `tid`, which runs now, was runnable. */
  switchedIn(tid: number): number {
    if (!this.#has(tid)) return NaN;
    const since = this.#since[tid]!;
    this.#since[tid] = NaN;
    return since;
  }

  woken(tid: number, ts: number): void {
    if (this.#has(tid) && Number.isNaN(this.#since[tid]!)) this.#since[tid] = ts;
  }

  #has(tid: number): boolean {
    if (tid <= 0 || tid > DIRECT) return false;
    if (tid >= this.#since.length) {
      const wider = new Float64Array(Math.min(DIRECT + 1, Math.max(tid + 1, this.#since.length * 2))).fill(
        NaN,
      );
      wider.set(this.#since);
      this.#since = wider;
    }
    return true;
  }
}
