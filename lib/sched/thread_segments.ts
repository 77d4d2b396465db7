import { Kind, type SchedStream } from "../trace/stream.ts";

/** What a thread was doing during a segment. */
export const Doing = {
  /** The trace does not say: before the thread's first event. */
  Unknown: 0,
  /** On a CPU. */
  Running: 1,
  /** Wanted to run and did not, after it was switched out while runnable. */
  Preempted: 2,
  /** Wanted to run and did not, after it was woken. */
  Woken: 3,
  /** Did not want to run. */
  Asleep: 4,
} as const;

/** A thread's life as segments that follow one another without a gap. */
export interface ThreadSegments {
  /** ns since the epoch at which each segment begins; it lasts to the next one's begin. */
  readonly from: Float64Array;
  /** {@linkcode Doing} of each segment. */
  readonly doing: Uint8Array;
  /** CPU that the thread ran on or was queued on; -1 unknown. */
  readonly cpu: Int32Array;
  /** Whether a segment began because the thread was moved to `cpu`. */
  readonly moved: Uint8Array;
  /**
   * 1 where the trace lacks a switch, so that at some time during the segment the thread began or ceased to do what `doing` says:
   * it was switched out without having been switched in, or woken twice, or somebody else left its CPU.
   */
  readonly hidden: Uint8Array;
  /** For a woken thread who woke it; -1 unknown or none. */
  readonly waker: Int32Array;
}

/** A `prev_state` with which a thread is still runnable: R, and R+ (preempted; 0x100 since 4.14). */
export function isRunnableState(state: number): boolean {
  return state === 0 || state === 0x100;
}

/** The segments of each of `tids`, from one pass over the stream. */
export function threadSegments(stream: SchedStream, tids: Iterable<number>): Map<number, ThreadSegments> {
  const builders = new Map<number, SegmentBuilder>();
  for (const tid of tids) builders.set(tid, new SegmentBuilder());
  builders.delete(0); // idle is a task of its own on every CPU
  const { kind, ts, cpu, tid, a, b, c, length } = stream;
  const current = new Map<number, { tid: number; since: number }>();
  for (let i = 0; i < length; i++) {
    switch (kind[i]) {
      case Kind.Switch: {
        const before = current.get(cpu[i]!);
        const broken = before !== undefined && before.tid !== a[i];
        if (broken) builders.get(before.tid)?.leftUnseen();
        builders.get(a[i]!)?.switchedOut(ts[i]!, cpu[i]!, b[i]!, before?.since);
        builders.get(c[i]!)?.switchedIn(ts[i]!, cpu[i]!);
        if (before === undefined) current.set(cpu[i]!, { tid: c[i]!, since: ts[i]! });
        else {
          before.tid = c[i]!;
          before.since = ts[i]!;
        }
        break;
      }
      case Kind.Waking:
        builders.get(a[i]!)?.woken(ts[i]!, b[i]!, tid[i]!, false);
        break;
      case Kind.Wakeup:
      case Kind.WakeupNew:
        builders.get(a[i]!)?.woken(ts[i]!, b[i]!, tid[i]!, true);
        break;
      case Kind.Migrate:
        builders.get(a[i]!)?.moved(ts[i]!, c[i]!);
    }
  }
  const segments = new Map<number, ThreadSegments>();
  for (const [id, builder] of builders) segments.set(id, builder.finish());
  return segments;
}

/** A segment that spans `time`: its index, or -1 before the first. */
export function segmentAt(segments: ThreadSegments, time: number): number {
  let from = 0;
  let to = segments.from.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (segments.from[middle]! <= time) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

class SegmentBuilder {
  readonly #from: number[] = [];
  readonly #doing: number[] = [];
  readonly #cpu: number[] = [];
  readonly #moved: number[] = [];
  readonly #waker: number[] = [];
  readonly #hidden: number[] = [];
  #earlyWaking = -1;
  #earlyWaker = -1;

  switchedIn(ts: number, cpu: number): void {
    const last = this.#doing.length - 1;
    if (last >= 0 && this.#doing[last] === Doing.Asleep && this.#earlyWaking >= 0) {
      // Woken between the moment it gave up the CPU and the record of its switch: the waking came first.
      this.#doing[last] = Doing.Woken;
      this.#waker[last] = this.#earlyWaker;
    }
    this.#earlyWaking = -1;
    this.#begin(ts, Doing.Running, cpu, 0, -1);
  }

  /** `since` is when the CPU switched before; undefined where this is its first switch. */
  switchedOut(ts: number, cpu: number, state: number, since: number | undefined): void {
    const last = this.#doing.length - 1;
    if (last < 0) this.#begin(0, Doing.Running, cpu, 0, -1);
    else if (this.#doing[last] !== Doing.Running) {
      this.#ranUnseen(last, Math.max(since ?? 0, this.#from[last]!));
    }
    if (isRunnableState(state)) {
      this.#earlyWaking = -1;
      this.#begin(ts, Doing.Preempted, cpu, 0, -1);
    } else this.#begin(ts, Doing.Asleep, cpu, 0, -1);
  }

  /** Somebody else was switched out of the CPU that it ran on. */
  leftUnseen(): void {
    const last = this.#doing.length - 1;
    if (last >= 0 && this.#doing[last] === Doing.Running) this.#hidden[last] = 1;
  }

  /** It began to run at some time from `from` on. */
  #ranUnseen(last: number, from: number): void {
    if (from > this.#from[last]!) {
      this.#begin(from, this.#doing[last]!, this.#cpu[last]!, this.#moved[last]!, this.#waker[last]!);
    }
    this.#hidden[this.#hidden.length - 1] = 1;
  }

  /** `placed` where `cpu` is the one it was put on; `sched_waking` only knows the one it last ran on. */
  woken(ts: number, cpu: number, waker: number, placed: boolean): void {
    const last = this.#doing.length - 1;
    const doing = last < 0 ? Doing.Unknown : this.#doing[last];
    if (doing === Doing.Running && this.#hidden[last] === 0) {
      this.#earlyWaking = ts;
      this.#earlyWaker = waker;
    } else if (doing === Doing.Asleep || doing === Doing.Unknown || doing === Doing.Running) {
      this.#begin(ts, Doing.Woken, cpu, 0, waker);
    } else if (doing === Doing.Woken && !placed) {
      // The kernel wakes only who sleeps: since it was woken before, it ran and slept.
      this.#hidden[last] = 1;
      this.#begin(ts, Doing.Woken, cpu, 0, waker);
    } else if (doing === Doing.Woken && placed && this.#cpu[last] !== cpu) {
      this.#begin(ts, Doing.Woken, cpu, 1, this.#waker[last]!);
    }
  }

  moved(ts: number, cpu: number): void {
    const last = this.#doing.length - 1;
    if (last < 0) return;
    const doing = this.#doing[last]!;
    if (doing === Doing.Woken || doing === Doing.Preempted) {
      this.#begin(ts, doing, cpu, 1, this.#waker[last]!);
    } else if (doing === Doing.Asleep) this.#cpu[last] = cpu;
  }

  finish(): ThreadSegments {
    return {
      from: Float64Array.from(this.#from),
      doing: Uint8Array.from(this.#doing),
      cpu: Int32Array.from(this.#cpu),
      moved: Uint8Array.from(this.#moved),
      waker: Int32Array.from(this.#waker),
      hidden: Uint8Array.from(this.#hidden),
    };
  }

  #begin(ts: number, doing: number, cpu: number, moved: number, waker: number): void {
    this.#from.push(ts);
    this.#doing.push(doing);
    this.#cpu.push(cpu);
    this.#moved.push(moved);
    this.#waker.push(waker);
    this.#hidden.push(0);
  }
}
