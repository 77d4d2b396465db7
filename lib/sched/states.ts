import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import type { Trace } from "../trace/trace.ts";
import { sleepState } from "./sleep_state.ts";
import { beforeFirst } from "./before_first.ts";
import { threadNames } from "./thread_names.ts";
import { Doing, type SegmentTable, segmentTable } from "./thread_segments.ts";
import { WAKE_SOURCES, type WakeSource, wakeSources } from "./wake_source.ts";
import { withinSpan } from "./within_span.ts";

/**
 * What a thread was doing, exclusively.
 *
 * | state | the thread |
 * | --- | --- |
 * | `unknown` | the trace does not tell: it has a hole there, or the thread was not seen yet |
 * | `running` | was on a CPU |
 * | `preempted` | was runnable and waited, since it was switched out while runnable (R or R+) |
 * | `woken` | was runnable and waited, since it was woken |
 * | `sleeping` | slept interruptibly (S), idled (I), or had been made and not been woken for the first time |
 * | `blocked` | slept uninterruptibly (D): I/O, locks of the kernel, vfork |
 * | `stopped` | was stopped or traced (T, t) or parked (P) |
 */
export const THREAD_STATES = [
  "unknown",
  "running",
  "preempted",
  "woken",
  "sleeping",
  "blocked",
  "stopped",
] as const;

/** One of {@linkcode THREAD_STATES}. */
export type ThreadState = typeof THREAD_STATES[number];

const UNKNOWN = THREAD_STATES.indexOf("unknown");
const WOKEN = THREAD_STATES.indexOf("woken");
const SLEEPING = THREAD_STATES.indexOf("sleeping");

/** Columns of {@linkcode states}. */
export type StateColumns = {
  /** Thread. */
  tid: Int32Array;
  /** Its name, the last that the trace has. */
  comm: DictColumn;
  /** Start, ns since the epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** Codes are indexes into `THREAD_STATES`. */
  state: DictColumn<ThreadState>;
  /** CPU that it ran on or was queued on; of another state the one it ran on last. -1 unknown. */
  cpu: Int32Array;
  /** The kernel's priority at the time: -1 deadline, 0 to 99 rt, 100 to 139 fair; -1000 where the trace does not tell. */
  prio: Int32Array;
  /** Of `woken` the thread in whose context it was woken; -1 unknown, or another state. */
  waker: Int32Array;
  /** Of `woken`, and of the sleep before it, what woke it; empty else. */
  wake_source: DictColumn<WakeSource>;
  /** 1 where a hole touches it, or it is cut by an edge of the trace or the window. */
  censored: Uint8Array;
};

/** Options of {@linkcode states}. */
export interface StatesOptions {
  /** Only these threads. Default: all but the idle ones. */
  tids?: Iterable<number>;
  /** Only what lies after this, ns since the epoch. Default: the trace's first event. */
  from?: number;
  /** Only what lies before this, ns since the epoch. Default: the trace's last event. */
  to?: number;
}

/**
 * Every thread's whole life in exclusive states, sorted by thread, then time: from its birth (or the start of the span) to its end (or
 * that of the span) its rows follow one another without gap or overlap. Of `woken` and `preempted` a new row begins where the
 * thread is moved to another CPU.
 *
 * Idle tasks have no rows. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`: without them a wait after a
 * wakeup could not be told from sleep. Throws `MissingEventError`.
 */
export function states(trace: Trace, options: StatesOptions = {}): Frame<StateColumns> {
  if (trace.context !== undefined) return states(trace.context, withinSpan(trace, options));
  trace.requireEvent("states", "sched:sched_switch");
  trace.requireEvent("states", "sched:sched_waking", "sched:sched_wakeup");
  const { from = trace.span.from, to = trace.span.to } = options;
  const table = segmentTable(trace.stream, options.tids);
  const rows = new StateRows(trace, table, from, to);
  return rows.frame();
}

/** Which segments of a table are rows, and what is in their columns. */
class StateRows {
  readonly #trace: Trace;
  readonly #table: SegmentTable;
  /** Segment of each row; -1 - k for the time of thread k before its first. */
  readonly #segment: Int32Array;
  readonly #tid: Int32Array;
  readonly #ts: Float64Array;
  readonly #dur: Float64Array;
  readonly #state: Uint8Array;
  readonly #censored: Uint8Array;
  readonly #rows: number;

  constructor(trace: Trace, table: SegmentTable, from: number, to: number) {
    this.#trace = trace;
    this.#table = table;
    const most = table.from.length + table.tids.length;
    const segment = new Int32Array(most);
    const tid = new Int32Array(most);
    const ts = new Float64Array(most);
    const dur = new Float64Array(most);
    const state = new Uint8Array(most);
    const censored = new Uint8Array(most);
    const sleeps = (event: number) => THREAD_STATES.indexOf(sleepState(trace.stream, event));
    const before = beforeFirst(trace, table);
    let row = 0;
    const put = (of: number, thread: number, a: number, b: number, what: number, unsure: boolean) => {
      const begin = Math.max(a, from);
      const end = Math.min(b, to);
      if (end <= begin) return;
      segment[row] = of;
      tid[row] = thread;
      ts[row] = begin;
      dur[row] = end - begin;
      state[row] = what;
      censored[row++] = unsure || what === UNKNOWN || a < from || b > to ? 1 : 0;
    };
    const { start, doing, hidden, event } = table;
    table.tids.forEach((thread, k) => {
      const first = start[k]!;
      const end = start[k + 1]!;
      if (first === end) return;
      const seen = table.from[first]!;
      const earlier = before(k);
      if (seen > 0 && earlier !== Doing.Gone) {
        put(-1 - k, thread, 0, seen, earlier === Doing.Asleep ? SLEEPING : UNKNOWN, true);
      }
      for (let i = first; i < end; i++) {
        if (doing[i] === Doing.Gone) continue;
        const a = table.from[i]!;
        if (a >= to && a > from) break;
        const last = i + 1 === end;
        const b = last ? Infinity : table.from[i + 1]!;
        const what = hidden[i] === 1
          ? UNKNOWN
          : doing[i] === Doing.Asleep
          ? (event[i]! < 0 ? SLEEPING : sleeps(event[i]!))
          : doing[i]!;
        put(i, thread, a, b, what, last || (i === first && a === 0));
      }
    });
    this.#rows = row;
    this.#segment = segment.subarray(0, row);
    this.#tid = tid.subarray(0, row);
    this.#ts = ts.subarray(0, row);
    this.#dur = dur.subarray(0, row);
    this.#state = state.subarray(0, row);
    this.#censored = censored.subarray(0, row);
  }

  frame(): Frame<StateColumns> {
    return new Frame<StateColumns>({
      tid: this.#tid,
      comm: () => this.#comm(),
      ts: ns(this.#ts),
      dur: ns(this.#dur),
      state: new DictColumn(this.#state, THREAD_STATES),
      cpu: () => this.#of(this.#table.cpu),
      prio: () => this.#prio(),
      waker: () => {
        const waker = this.#of(this.#table.waker);
        for (let row = 0; row < waker.length; row++) if (this.#state[row] !== WOKEN) waker[row] = -1;
        return waker;
      },
      wake_source: () => this.#wakeSource(),
      censored: this.#censored,
    }, this.#rows);
  }

  #of(column: Int32Array): Int32Array {
    const out = new Int32Array(this.#rows);
    for (let row = 0; row < out.length; row++) {
      const segment = this.#segment[row]!;
      out[row] = segment < 0 ? -1 : column[segment]!;
    }
    return out;
  }

  #comm(): DictColumn {
    const names = threadNames(this.#trace, new Set(this.#table.tids));
    const dictionary = [...new Set(["", ...names.values()])];
    const code = new Map(dictionary.map((name, i) => [name, i]));
    const codes = new Uint32Array(this.#rows);
    for (let row = 0, tid = -1, last = 0; row < this.#rows; row++) {
      if (this.#tid[row] !== tid) last = code.get(names.get(tid = this.#tid[row]!) ?? "")!;
      codes[row] = last;
    }
    return new DictColumn(codes, dictionary);
  }

  #prio(): Int32Array {
    const changes = priorities(this.#trace);
    const out = new Int32Array(this.#rows).fill(UNKNOWN_PRIO);
    for (let row = 0; row < this.#rows;) {
      const tid = this.#tid[row]!;
      const known = changes.get(tid);
      let at = 0;
      for (; row < this.#rows && this.#tid[row] === tid; row++) {
        if (known === undefined) continue;
        while (at + 1 < known.ts.length && known.ts[at + 1]! <= this.#ts[row]!) at++;
        out[row] = known.prio[at]!;
      }
    }
    return out;
  }

  #wakeSource(): DictColumn<WakeSource> {
    const source = wakeSources(this.#trace);
    const { event } = this.#table;
    const codes = new Uint8Array(this.#rows);
    for (let row = this.#rows - 1; row >= 0; row--) {
      const what = this.#state[row]!;
      if (what === WOKEN) codes[row] = source(event[this.#segment[row]!]!);
      else if (
        what >= SLEEPING && row + 1 < this.#rows && this.#tid[row + 1] === this.#tid[row] &&
        this.#state[row + 1] === WOKEN
      ) codes[row] = codes[row + 1]!;
    }
    return new DictColumn(codes, WAKE_SOURCES);
  }
}

const UNKNOWN_PRIO = -1000;

/** When each thread's priority is first seen and changes. */
function priorities(trace: Trace): Map<number, { ts: number[]; prio: number[] }> {
  const changes = new Map<number, { ts: number[]; prio: number[] }>();
  const { switches } = trace;
  const ts = switches.column("ts");
  let sides: [Int32Array, Int32Array][];
  try {
    sides = [
      [switches.column("prev_pid"), switches.column("prev_prio")],
      [switches.column("next_pid"), switches.column("next_prio")],
    ];
  } catch {
    return changes; // a text without priorities
  }
  for (let i = 0; i < ts.length; i++) {
    for (const [pid, prio] of sides) {
      const known = changes.get(pid[i]!);
      if (known === undefined) changes.set(pid[i]!, { ts: [ts[i]!], prio: [prio[i]!] });
      else if (known.prio.at(-1) !== prio[i]) {
        known.ts.push(ts[i]!);
        known.prio.push(prio[i]!);
      }
    }
  }
  return changes;
}
