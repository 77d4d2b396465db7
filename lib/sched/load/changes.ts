import type { Frame } from "../../frame/frame.ts";
import { Kind } from "../../trace/stream.ts";
import type { Trace } from "../../trace/trace.ts";
import { type StateColumns, states, THREAD_STATES } from "../states.ts";
import { type Occupants, occupants } from "./occupants.ts";

/** Codes of the states that matter to who competes for a CPU. */
export const STATE = {
  unknown: THREAD_STATES.indexOf("unknown"),
  running: THREAD_STATES.indexOf("running"),
  preempted: THREAD_STATES.indexOf("preempted"),
  woken: THREAD_STATES.indexOf("woken"),
} as const;

/** What {@linkcode Changes.walk} tells, in the order of time. */
export interface ChangeVisitor {
  /** All that changed before `ts` was told; nothing changed since the call before. The first is the start of the span. */
  advance(ts: number): void;
  /** A thread's state is now that of row `row` (-1: it ended), after that of row `before` (-1: it was not there). */
  thread(row: number, before: number): void;
  /** CPU `cpu` is now had by `tid`: 0 idle, -1 unknown. */
  occupant(cpu: number, tid: number): void;
}

/**
 * All changes of who runs, who waits and where, in the order of time: what load and fairness are computed from. They are the
 * rows of `states` and, for what idle CPUs do and where holes are, each CPU's switches.
 */
export class Changes {
  /** The trace's span, ns since the epoch. */
  readonly from: number;
  readonly to: number;
  /** All rows of `states`; the columns of it that are used most. */
  readonly states: Frame<StateColumns>;
  readonly tid: Int32Array;
  readonly ts: Float64Array;
  readonly dur: Float64Array;
  readonly state: Uint8Array;
  readonly cpu: Int32Array;
  /** The threads that have rows, ascending, and of each row which of them it is of. */
  readonly tids: Int32Array;
  readonly thread: Int32Array;
  /** CPUs that switched, and how many numbers of CPUs there are. */
  readonly cpus: Int32Array;
  readonly width: number;
  /** Of each row (its CPU + 1) * 8 + its state: what a walk needs of it, in one place of memory. */
  readonly what: Int32Array;
  readonly #occupants: Occupants;
  /** Rows by their start: twice the row, and one more where it follows the row before it without a gap. When each starts. */
  readonly #order: Uint32Array;
  readonly #when: Float64Array;
  /** Rows that nothing of their thread follows, by their end. */
  readonly #ends: Uint32Array;

  /** Of the span of `trace`. Needs what `states` needs. */
  constructor(trace: Trace) {
    ({ from: this.from, to: this.to } = trace.span);
    this.states = states(trace);
    this.tid = this.states.column("tid");
    this.ts = this.states.column("ts");
    this.dur = this.states.column("dur");
    this.state = this.states.column("state").codes as Uint8Array;
    this.cpu = this.states.column("cpu");
    this.thread = new Int32Array(this.tid.length);
    const tids: number[] = [];
    for (let row = 0; row < this.tid.length; row++) {
      if (row === 0 || this.tid[row] !== this.tid[row - 1]) tids.push(this.tid[row]!);
      this.thread[row] = tids.length - 1;
    }
    this.tids = Int32Array.from(tids);
    this.#occupants = occupants(trace);
    this.cpus = this.#occupants.cpus;
    this.#order = inTime(trace, this);
    this.#when = new Float64Array(this.#order.length);
    for (let i = 0; i < this.#order.length; i++) {
      const row = this.#order[i]!;
      this.#when[i] = this.ts[row]!;
      this.#order[i] = row * 2 + (this.#follows(row) ? 1 : 0);
    }
    this.#ends = this.#lastOnes();
    let most = this.cpus.at(-1) ?? -1;
    this.what = new Int32Array(this.cpu.length);
    for (let row = 0; row < this.cpu.length; row++) {
      const cpu = this.cpu[row]!;
      if (cpu > most) most = cpu;
      this.what[row] = (cpu + 1) * 8 + this.state[row]!;
    }
    this.width = most + 1;
  }

  /** Tells `visitor` every change, then advances to the end of the span. */
  walk(visitor: ChangeVisitor): void {
    const order = this.#order;
    const ends = this.#ends;
    const starts = this.#when;
    const { ts, dur, to } = this;
    const { ts: when, cpu, tid: who } = this.#occupants;
    let now = this.from;
    visitor.advance(now);
    for (let i = 0, j = 0, k = 0;;) {
      const next = Math.min(
        i < order.length ? starts[i]! : Infinity,
        j < ends.length ? ts[ends[j]!]! + dur[ends[j]!]! : Infinity,
        k < when.length ? when[k]! : Infinity,
      );
      if (next > to || next === Infinity) break;
      if (next > now) visitor.advance(now = next);
      for (; j < ends.length && ts[ends[j]!]! + dur[ends[j]!]! <= now; j++) visitor.thread(-1, ends[j]!);
      for (; i < order.length && starts[i]! <= now; i++) {
        const row = order[i]! >>> 1;
        visitor.thread(row, (order[i]! & 1) === 1 ? row - 1 : -1);
      }
      for (; k < when.length && when[k]! <= now; k++) visitor.occupant(cpu[k]!, who[k]!);
    }
    if (to > now) visitor.advance(to);
  }

  /** Whether row `row` begins where the one before it ends, of the same thread. (Sums of stamps with fractions are not exact.) */
  #follows(row: number): boolean {
    const { tid, ts, dur } = this;
    return row > 0 && tid[row - 1] === tid[row] && ts[row]! - ts[row - 1]! - dur[row - 1]! < 0.5;
  }

  #lastOnes(): Uint32Array {
    const { tid, ts, dur, to } = this;
    const rows: number[] = [];
    for (let row = 0; row < tid.length; row++) {
      if (ts[row]! + dur[row]! < to && !(row + 1 < tid.length && this.#follows(row + 1))) rows.push(row);
    }
    return Uint32Array.from(rows.sort((x, y) => ts[x]! + dur[x]! - ts[y]! - dur[y]!));
  }
}

const MADE = new WeakMap<Trace, Changes>();

/**
 * The changes of `trace` for `analysis`, kept with the trace for the next one. Throws `MissingEventError` where the
 * events are missing that it takes to know who waits.
 */
export function changesOf(trace: Trace, analysis: string): Changes {
  const whole = trace.context ?? trace;
  whole.requireEvent(analysis, "sched:sched_switch");
  whole.requireEvent(analysis, "sched:sched_waking", "sched:sched_wakeup");
  const known = MADE.get(trace);
  if (known !== undefined) return known;
  const made = new Changes(trace);
  MADE.set(trace, made);
  return made;
}

/**
 * The order of rows by their start, where rows are sorted by thread, then start. The stream is in the order of time already, and
 * a row nearly always begins with an event of its thread: so each event takes the next rows of its threads. What began
 * before the event that tells of it (a run whose start is missing) is sorted and merged.
 */
function inTime(trace: Trace, { thread, tids, ts }: Changes): Uint32Array {
  const { kind, ts: at, tid: own, a, b, c, length } = (trace.context ?? trace).stream;
  const rows = ts.length;
  const order = new Uint32Array(rows);
  const late: number[] = [];
  let put = 0;
  let now = -Infinity;
  const take = (row: number) => {
    if (ts[row]! >= now) {
      now = ts[row]!;
      order[put++] = row;
    } else late.push(row);
  };
  const place = new Uint32Array(tids.length);
  const end = new Uint32Array(tids.length);
  for (let row = rows - 1; row >= 0; row--) {
    place[thread[row]!] = row;
    if (end[thread[row]!] === 0) end[thread[row]!] = row + 1;
  }
  const slots = slotsOf(tids);
  for (let slot = 0; slot < tids.length; slot++) {
    if (ts[place[slot]!]! <= trace.span.from) take(place[slot]!++);
  }
  // When the next row of each thread begins: most events have none for their thread, and this is all that they cost.
  const next = new Float64Array(tids.length);
  for (let slot = 0; slot < tids.length; slot++) {
    next[slot] = place[slot]! < end[slot]! ? ts[place[slot]!]! : Infinity;
  }
  const reach = (slot: number, t: number) => {
    let at = place[slot]!;
    for (; at < end[slot]! && ts[at]! <= t; at++) take(at);
    place[slot] = at;
    next[slot] = at < end[slot]! ? ts[at]! : Infinity;
  };
  for (let i = 0; i < length; i++) {
    const t = at[i]!;
    let slot = -1;
    switch (kind[i]) {
      case Kind.Switch:
        slot = slots(a[i]!);
        if (slot >= 0 && next[slot]! <= t) reach(slot, t);
        slot = slots(c[i]!);
        break;
      case Kind.Waking:
      case Kind.Wakeup:
      case Kind.WakeupNew:
      case Kind.Migrate:
        slot = slots(a[i]!);
        break;
      case Kind.ProcessFork:
        slot = slots(b[i]!);
        break;
      case Kind.Fork:
        slot = slots(own[i]!);
    }
    if (slot >= 0 && next[slot]! <= t) reach(slot, t);
  }
  for (let slot = 0; slot < tids.length; slot++) while (place[slot]! < end[slot]!) late.push(place[slot]!++);
  if (late.length === 0) return order;
  late.sort((x, y) => ts[x]! - ts[y]! || x - y);
  const merged = new Uint32Array(rows);
  for (let row = 0, i = 0, j = 0; row < rows; row++) {
    merged[row] = j >= late.length || (i < put && ts[order[i]!]! <= ts[late[j]!]!) ? order[i++]! : late[j++]!;
  }
  return merged;
}

/** Largest thread number for which a table is made (the kernel's PID_MAX_LIMIT). */
const MOST_TABLED = 1 << 22;

/** Which of `tids` (ascending) a thread is; -1 for others. */
function slotsOf(tids: Int32Array): (tid: number) => number {
  const most = tids.findLast((tid) => tid <= MOST_TABLED) ?? -1;
  const table = new Int32Array(most + 1).fill(-1);
  const beyond = new Map<number, number>();
  tids.forEach((tid, slot) => {
    if (tid <= most) table[tid] = slot;
    else beyond.set(tid, slot);
  });
  return (tid) => tid > 0 && tid < table.length ? table[tid]! : beyond.get(tid) ?? -1;
}
