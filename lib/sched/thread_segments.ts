import { firstAbove } from "../trace/time_order.ts";
import { Kind, type SchedStream } from "../trace/stream.ts";
import { isRunnable } from "./timehist/task_state.ts";
import { ThreadIndex } from "./timehist/thread_index.ts";

/** What a thread was doing during a segment. */
export const Doing = {
  /** The trace does not say. */
  Unknown: 0,
  /** On a CPU. */
  Running: 1,
  /** Wanted to run and did not, after it was switched out while runnable. */
  Preempted: 2,
  /** Wanted to run and did not, after it was woken. */
  Woken: 3,
  /** Did not want to run. */
  Asleep: 4,
  /** It had ended, or was not made yet. */
  Gone: 5,
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
   * 1 where the trace lacks a switch or a wakeup, so that at some time during the segment the thread began or ceased to do what
   * `doing` says: it was switched out without having been switched in, woken twice, ran without having been woken, or events of
   * its CPU were lost meanwhile.
   */
  readonly hidden: Uint8Array;
  /** For a woken thread who woke it; -1 unknown or none. */
  readonly waker: Int32Array;
  /**
   * Row of the stream that began it: of a sleep the switch, whose `prev_state` says which kind, of a woken thread the wakeup (also
   * where it was moved after that). -1 where none did.
   */
  readonly event: Int32Array;
  /** Which slice of `cpu` (as `cpuOccupancy` numbers them) was under way when it began; -1 before the first one, or where it is not known. */
  readonly slice: Int32Array;
}

/** The segments of many threads in one table: those of thread `tids[k]` are the rows `start[k]` to `start[k + 1]`. */
export interface SegmentTable extends ThreadSegments {
  /** Threads, ascending; idle is not among them. */
  readonly tids: Int32Array;
  /** First row of each thread, and behind them the number of rows. */
  readonly start: Uint32Array;
}

const KNOWN = new WeakMap<SchedStream, SegmentTable>();

/** The segments of all threads of `stream`, or of `tids` only, from one pass over it. Those of all are kept as long as the stream is. */
export function segmentTable(stream: SchedStream, tids?: Iterable<number>): SegmentTable {
  const known = tids === undefined ? KNOWN.get(stream) : undefined;
  if (known !== undefined) return known;
  const builder = new SegmentBuilder(stream, tids);
  builder.run();
  const table = builder.finish();
  if (tids === undefined) KNOWN.set(stream, table);
  return table;
}

/** The segments of each of `tids`, from one pass over the stream. */
export function threadSegments(stream: SchedStream, tids: Iterable<number>): Map<number, ThreadSegments> {
  const known = KNOWN.get(stream);
  if (known !== undefined) {
    const segments = new Map<number, ThreadSegments>();
    for (const tid of tids) {
      const k = threadAt(known, tid);
      if (k >= 0) segments.set(tid, segmentsOf(known, k));
    }
    return segments;
  }
  const table = segmentTable(stream, tids);
  return new Map(Array.from(table.tids, (tid, k) => [tid, segmentsOf(table, k)]));
}

/** The k of thread `tid` in `table`; -1 where it is not in it. */
export function threadAt(table: SegmentTable, tid: number): number {
  let from = 0;
  let to = table.tids.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (table.tids[middle]! < tid) from = middle + 1;
    else to = middle;
  }
  return table.tids[from] === tid ? from : -1;
}

/** The segments of thread `tids[k]` of `table`, as views of it. */
export function segmentsOf(table: SegmentTable, k: number): ThreadSegments {
  const from = table.start[k]!;
  const to = table.start[k + 1]!;
  return {
    from: table.from.subarray(from, to),
    doing: table.doing.subarray(from, to),
    cpu: table.cpu.subarray(from, to),
    moved: table.moved.subarray(from, to),
    hidden: table.hidden.subarray(from, to),
    waker: table.waker.subarray(from, to),
    event: table.event.subarray(from, to),
    slice: table.slice.subarray(from, to),
  };
}

/** A segment that spans `time`: its index, or -1 before the first. */
export function segmentAt(segments: ThreadSegments, time: number): number {
  return firstAbove(segments.from, 0, segments.from.length, time) - 1;
}

/** EXIT_DEAD and EXIT_ZOMBIE, as sched_switch reports them (since 4.14). */
const ENDED = 0x10 | 0x20;
const NOBODY = -1;
/** {@linkcode ThreadIndex} numbers from 0 on. */
const UNWANTED = -1;

/** Rows in the order in which they were found, with the thread of each; put in order by thread at the end. */
class SegmentBuilder {
  readonly #stream: SchedStream;
  readonly #threads = new ThreadIndex();
  /** Whether threads that are not known yet are added. */
  readonly #all: boolean;
  /** Without the events of wakeups, that a thread runs without having been woken means nothing. */
  #wakeups = false;
  #rows = 0;
  #thread = new Int32Array(1024);
  #from = new Float64Array(1024);
  #doing = new Uint8Array(1024);
  #cpu = new Int32Array(1024);
  #moved = new Uint8Array(1024);
  #hidden = new Uint8Array(1024);
  #waker = new Int32Array(1024);
  #event = new Int32Array(1024);
  #slice = new Int32Array(1024);
  /** By thread: its last row, or -1. */
  #last = new Int32Array(64).fill(-1);
  /** By thread: when it was woken before the switch that put it to sleep was recorded; NaN else. */
  #earlyWaking = new Float64Array(64).fill(NaN);
  #earlyWaker = new Int32Array(64);
  #earlyEvent = new Int32Array(64);
  /** By CPU: who runs there, since when. */
  readonly #current = new Int32Array(65536).fill(NOBODY);
  readonly #since = new Float64Array(65536);
  /** By CPU: stamp of its last record, and where its records are incomplete. */
  readonly #seen = new Float64Array(65536);
  readonly #holes = new Map<number, { from: number[]; to: number[] }>();
  /** By CPU: how often it switched. */
  readonly #switches = new Int32Array(65536);

  constructor(stream: SchedStream, tids?: Iterable<number>) {
    this.#stream = stream;
    this.#all = tids === undefined;
    for (const tid of tids ?? []) if (tid !== 0 && this.#threads.find(tid) < 0) this.#add(tid);
  }

  run(): void {
    const { kind, ts, cpu, tid, a, b, c, length } = this.#stream;
    for (let i = 0; i < length && !this.#wakeups; i++) {
      this.#wakeups = kind[i] === Kind.Waking || kind[i] === Kind.Wakeup;
    }
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case Kind.Switch: {
          const on = cpu[i]!;
          const current = this.#current[on]!;
          if (current !== NOBODY && current !== a[i]) {
            this.#leftUnseen(current, on);
            this.#hole(on, this.#since[on]!, ts[i]!);
          }
          const before = this.#switches[on]!++;
          this.#switchedOut(this.#slot(a[i]!), i, before > 0);
          this.#switchedIn(this.#slot(c[i]!), i);
          this.#current[on] = c[i]!;
          this.#since[on] = ts[i]!;
          break;
        }
        case Kind.Waking:
          this.#woken(this.#slot(a[i]!), i, false);
          break;
        case Kind.Wakeup:
          this.#woken(this.#slot(a[i]!), i, true);
          break;
        case Kind.WakeupNew:
          this.#woken(this.#slot(a[i]!), i, true);
          break;
        case Kind.Migrate:
          this.#migrated(this.#slot(a[i]!), ts[i]!, c[i]!);
          break;
        // What perf makes up for the threads that were there before has no time.
        case Kind.ProcessFork:
          if (ts[i]! > 0) this.#born(this.#slot(b[i]!), ts[i]!);
          break;
        case Kind.Fork:
          if (ts[i]! > 0) this.#born(this.#slot(tid[i]!), ts[i]!);
          break;
        case Kind.Lost: {
          const current = this.#current[cpu[i]!]!;
          if (current !== NOBODY) this.#leftUnseen(current, cpu[i]!);
          this.#hole(cpu[i]!, this.#seen[cpu[i]!]!, ts[i]!);
        }
      }
      this.#seen[cpu[i]!] = ts[i]!;
    }
    this.#endWaits();
  }

  #hole(cpu: number, from: number, to: number): void {
    const holes = this.#holes.get(cpu);
    if (holes === undefined) this.#holes.set(cpu, { from: [from], to: [to] });
    else {
      holes.from.push(from);
      holes.to.push(to);
    }
  }

  /** Who waits to the end may have run, and gone to sleep, where records of its CPU are missing: from there on it is not known. */
  #endWaits(): void {
    for (let slot = 0; slot < this.#threads.size; slot++) {
      const last = this.#last[slot]!;
      if (last < 0 || this.#hidden[last] === 1) continue;
      const doing = this.#doing[last]!;
      if (doing !== Doing.Woken && doing !== Doing.Preempted) continue;
      const holes = this.#holes.get(this.#cpu[last]!);
      const begun = this.#from[last]!;
      if (holes === undefined || !(holes.to.at(-1)! > begun)) continue;
      let first = holes.to.length - 1;
      while (first > 0 && holes.to[first - 1]! > begun) first--;
      this.#ranUnseen(slot, last, Math.max(begun, holes.from[first]!));
    }
  }

  finish(): SegmentTable {
    const threads = this.#threads.size;
    const known = this.#threads.tids();
    const order = Uint32Array.from(known.keys()).sort((x, y) => known[x]! - known[y]!);
    const place = new Uint32Array(threads);
    order.forEach((thread, k) => place[thread] = k);
    const start = new Uint32Array(threads + 1);
    for (let row = 0; row < this.#rows; row++) start[place[this.#thread[row]!]! + 1]!++;
    for (let k = 0; k < threads; k++) start[k + 1]! += start[k]!;
    const put = start.slice();
    const to = new Uint32Array(this.#rows);
    for (let row = 0; row < this.#rows; row++) to[row] = put[place[this.#thread[row]!]!]!++;
    const arranged = <T extends Float64Array | Int32Array | Uint8Array>(column: T, into: T): T => {
      for (let row = 0; row < to.length; row++) into[to[row]!] = column[row]!;
      return into;
    };
    const rows = this.#rows;
    return {
      tids: Int32Array.from(order, (thread) => known[thread]!),
      start,
      from: arranged(this.#from, new Float64Array(rows)),
      doing: arranged(this.#doing, new Uint8Array(rows)),
      cpu: arranged(this.#cpu, new Int32Array(rows)),
      moved: arranged(this.#moved, new Uint8Array(rows)),
      hidden: arranged(this.#hidden, new Uint8Array(rows)),
      waker: arranged(this.#waker, new Int32Array(rows)),
      event: arranged(this.#event, new Int32Array(rows)),
      slice: arranged(this.#slice, new Int32Array(rows)),
    };
  }

  /** The number of `tid`, or a negative one where nobody asked for it. */
  #slot(tid: number): number {
    if (tid === 0) return UNWANTED; // idle is a task of its own on every CPU
    const slot = this.#threads.find(tid);
    return slot < 0 && this.#all && tid > 0 ? this.#add(tid) : slot;
  }

  #add(tid: number): number {
    const slot = this.#threads.add(tid);
    if (slot >= this.#last.length) {
      this.#last = widened(this.#last, -1);
      this.#earlyWaking = widened(this.#earlyWaking, NaN);
      this.#earlyWaker = widened(this.#earlyWaker, 0);
      this.#earlyEvent = widened(this.#earlyEvent, 0);
    }
    return slot;
  }

  #switchedIn(slot: number, i: number): void {
    if (slot < 0) return;
    const { ts, cpu } = this.#stream;
    const last = this.#last[slot]!;
    if (last >= 0) {
      if (this.#doing[last] === Doing.Asleep) {
        if (this.#earlyWaking[slot] === this.#earlyWaking[slot]) {
          // Woken between the moment it gave up the CPU and the record of its switch: the waking came first.
          this.#doing[last] = Doing.Woken;
          this.#waker[last] = this.#earlyWaker[slot]!;
          this.#event[last] = this.#earlyEvent[slot]!;
        } else if (this.#wakeups) this.#hidden[last] = 1;
      } else if (this.#doing[last] === Doing.Running) this.#hidden[last] = 1;
    }
    this.#earlyWaking[slot] = NaN;
    this.#begin(slot, ts[i]!, Doing.Running, cpu[i]!, 0, -1, i);
  }

  /** `seen` is whether the CPU switched before. */
  #switchedOut(slot: number, i: number, seen: boolean): void {
    if (slot < 0) return;
    const ts = this.#stream.ts[i]!;
    const cpu = this.#stream.cpu[i]!;
    const state = this.#stream.b[i]!;
    const last = this.#last[slot]!;
    if (last < 0) {
      // On a CPU that never switched before it ran from the start on; else from some time after that switch on.
      if (seen) this.#begin(slot, 0, Doing.Unknown, -1, 0, -1, -1);
      this.#begin(slot, seen ? this.#since[cpu]! : 0, Doing.Running, cpu, 0, -1, -1);
      this.#slice[this.#last[slot]!]!--;
      if (seen) this.#hidden[this.#last[slot]!] = 1;
    } else if (this.#doing[last] !== Doing.Running) {
      this.#ranUnseen(slot, last, Math.max(seen ? this.#since[cpu]! : 0, this.#from[last]!));
    } else if (this.#cpu[last] !== cpu) this.#hidden[last] = 1;
    if (isRunnable(state)) {
      this.#earlyWaking[slot] = NaN;
      this.#begin(slot, ts, Doing.Preempted, cpu, 0, -1, i);
    } else this.#begin(slot, ts, (state & ENDED) !== 0 ? Doing.Gone : Doing.Asleep, cpu, 0, -1, i);
  }

  /** Somebody else was switched out of the CPU that it ran on, or events of that CPU were lost. */
  #leftUnseen(tid: number, cpu: number): void {
    if (tid === 0) return;
    const slot = this.#threads.find(tid);
    const last = slot < 0 ? -1 : this.#last[slot]!;
    if (last >= 0 && this.#doing[last] === Doing.Running && this.#cpu[last] === cpu) this.#hidden[last] = 1;
  }

  /** It began to run at some time from `from` on. */
  #ranUnseen(slot: number, last: number, from: number): void {
    if (from > this.#from[last]!) {
      this.#begin(
        slot,
        from,
        this.#doing[last]!,
        this.#cpu[last]!,
        this.#moved[last]!,
        this.#waker[last]!,
        this.#event[last]!,
      );
      this.#slice[this.#last[slot]!] = -1;
    }
    this.#hidden[this.#last[slot]!] = 1;
  }

  /** `placed` where `cpu` is the one it was put on; `sched_waking` only knows the one it last ran on. */
  #woken(slot: number, i: number, placed: boolean): void {
    if (slot < 0) return;
    const ts = this.#stream.ts[i]!;
    const cpu = this.#stream.b[i]!;
    const waker = this.#stream.tid[i]!;
    const last = this.#last[slot]!;
    const doing = last < 0 ? Doing.Unknown : this.#doing[last];
    if (doing === Doing.Running && this.#hidden[last] === 0) {
      this.#earlyWaking[slot] = ts;
      this.#earlyWaker[slot] = waker;
      this.#earlyEvent[slot] = i;
    } else if (doing === Doing.Woken && !placed) {
      // The kernel wakes only who sleeps: since it was woken before, it ran and slept.
      this.#hidden[last] = 1;
      this.#begin(slot, ts, Doing.Woken, cpu, 0, waker, i);
    } else if (doing === Doing.Woken) {
      if (this.#cpu[last] !== cpu) {
        this.#begin(slot, ts, Doing.Woken, cpu, 1, this.#waker[last]!, this.#event[last]!);
      }
    } else if (doing !== Doing.Preempted) this.#begin(slot, ts, Doing.Woken, cpu, 0, waker, i);
  }

  #migrated(slot: number, ts: number, cpu: number): void {
    const last = slot < 0 ? -1 : this.#last[slot]!;
    if (last < 0) return;
    const doing = this.#doing[last]!;
    if (doing === Doing.Woken || doing === Doing.Preempted) {
      this.#begin(slot, ts, doing, cpu, 1, this.#waker[last]!, this.#event[last]!);
    } else if (doing === Doing.Asleep) {
      this.#cpu[last] = cpu;
      this.#slice[last] = -1;
    }
  }

  /** Both FORK and sched_process_fork tell it, and either may come after the thread's first wakeup. */
  #born(slot: number, ts: number): void {
    if (slot < 0) return;
    const last = this.#last[slot]!;
    if (last < 0) this.#begin(slot, 0, Doing.Gone, -1, 0, -1, -1);
    if (last < 0 || this.#doing[last] === Doing.Gone) this.#begin(slot, ts, Doing.Asleep, -1, 0, -1, -1);
  }

  #begin(
    slot: number,
    ts: number,
    doing: number,
    cpu: number,
    moved: number,
    waker: number,
    event: number,
  ): void {
    const row = this.#rows++;
    if (row >= this.#from.length) this.#widen();
    this.#thread[row] = slot;
    this.#from[row] = ts;
    this.#doing[row] = doing;
    this.#cpu[row] = cpu;
    this.#moved[row] = moved;
    this.#waker[row] = waker;
    this.#event[row] = event;
    this.#slice[row] = cpu < 0 ? -1 : this.#switches[cpu]! - 1;
    this.#last[slot] = row;
  }

  #widen(): void {
    this.#thread = widened(this.#thread, 0);
    this.#from = widened(this.#from, 0);
    this.#doing = widened(this.#doing, 0);
    this.#cpu = widened(this.#cpu, 0);
    this.#moved = widened(this.#moved, 0);
    this.#hidden = widened(this.#hidden, 0);
    this.#waker = widened(this.#waker, 0);
    this.#event = widened(this.#event, 0);
    this.#slice = widened(this.#slice, 0);
  }
}

/** `column` at twice its length, with `fill` behind. */
function widened<T extends Float64Array | Int32Array | Uint8Array>(column: T, fill: number): T {
  const wider = new (column.constructor as new (length: number) => T)(column.length * 2);
  if (fill !== 0) wider.fill(fill, column.length);
  wider.set(column);
  return wider;
}
