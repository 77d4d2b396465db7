import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { Kind, type SchedStream } from "../trace/stream.ts";
import type { Trace, TraceTopology } from "../trace/trace.ts";
import { nameColumn } from "./name_column.ts";
import { threadLives } from "./thread_lives.ts";
import { Doing, type SegmentTable } from "./thread_segments.ts";
import { WAKE_SOURCES, type WakeSource, wakeSources } from "./wake_source.ts";

/**
 * Where a wakeup put a thread, seen from where it ran last: on the `same cpu`, on an `smt sibling` (the same core), under the `same cache`
 * (the last-level one), in the `same package` beyond that, in an `other package`. `other cpu` where the trace does not tell the machine's topology;
 * `unknown` where it does not tell one of the two CPUs. Where it does not tell the caches, `same cache` is `same package`.
 */
export const PLACEMENTS = [
  "unknown",
  "same cpu",
  "smt sibling",
  "same cache",
  "same package",
  "other package",
  "other cpu",
] as const;

/** One of {@linkcode PLACEMENTS}. */
export type Placement = typeof PLACEMENTS[number];

/** Columns of {@linkcode wakeupDelays}. */
export type WakeupDelayColumns = {
  /** When it was woken, ns since the epoch. */
  ts: Ns;
  /** Thread that was woken. */
  tid: Int32Array;
  comm: DictColumn;
  /** Thread in whose context that was done: the waker where `wake_source` is `task` or `new`, else whom the interrupt hit. 0 idle. */
  waker_tid: Int32Array;
  waker_comm: DictColumn;
  /** What woke it. */
  wake_source: DictColumn<WakeSource>;
  /** CPU on which that was. */
  waker_cpu: Int32Array;
  /** CPU that it ran on last; -1 unknown. */
  prev_cpu: Int32Array;
  /** CPU that the wakeup put it on; -1 unknown. */
  placed_cpu: Int32Array;
  /** CPU that it ran on first; other than `placed_cpu` where it was moved while it waited. -1 unknown. */
  ran_cpu: Int32Array;
  /** From `prev_cpu` to `placed_cpu`. */
  placement: DictColumn<Placement>;
  /** How long it had slept, ns; NaN where the trace does not tell, 0 where it was woken before it had left its CPU. */
  slept: Ns;
  /** How long it was runnable until it ran, ns; NaN where the trace does not tell. */
  delay: Ns;
  /** 1 where the trace does not tell when it ran. */
  censored: Uint8Array;
};

/** Options of {@linkcode wakeupDelays}. */
export interface WakeupDelaysOptions {
  /** Only wakeups of these threads. Default: all. */
  tids?: Iterable<number>;
}

/**
 * Every wakeup: who woke whom, from what, where the woken thread was put, and how long it took until it ran. In order of time.
 *
 * Not to be confused with `trace.wakeups`, the records themselves: a thread's `sched_waking` and `sched_wakeup` are one row here, and a
 * wakeup of a thread that goes on running (it had not slept yet and did not) is none. Where it was put is what `sched_wakeup` says; where
 * that was not recorded, the move (`sched_migrate_task`) that the waker's CPU recorded next, within 100 µs, or, without such a move, the
 * CPU it ran on last. The delay begins when it was woken, or, if that came first, when it left its CPU.
 *
 * Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`. Throws `MissingEventError`.
 */
export function wakeupDelays(trace: Trace, options: WakeupDelaysOptions = {}): Frame<WakeupDelayColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("wakeupDelays", "sched:sched_switch");
  context.requireEvent("wakeupDelays", "sched:sched_waking", "sched:sched_wakeup");
  const { stream } = context;
  const { table } = threadLives(context);
  const wanted = options.tids === undefined ? undefined : new Set(options.tids);
  const rows = wakeupRows(table, stream, trace.span, wanted);
  const { length } = rows;
  const event = new Int32Array(length);
  for (let row = 0; row < length; row++) event[row] = table.event[rows[row]!]!;
  const tidOf = threadOfRows(table);
  const ofEvent = (column: ArrayLike<number>) => {
    const out = new Int32Array(length);
    for (let row = 0; row < length; row++) out[row] = column[event[row]!]!;
    return out;
  };
  const tid = new Int32Array(length);
  for (let row = 0; row < length; row++) tid[row] = tidOf[rows[row]!]!;
  const waker = ofEvent(stream.tid);
  const ts = new Float64Array(length);
  const { prev, placed } = placements(context, table, rows, tidOf);
  const ran = new Int32Array(length).fill(-1);
  const delay = new Float64Array(length).fill(NaN);
  const slept = new Float64Array(length).fill(NaN);
  const censored = new Uint8Array(length).fill(1);
  for (let row = 0; row < length; row++) {
    const first = rows[row]!;
    const begin = table.from[first]!;
    const at = ts[row] = stream.ts[event[row]!]!;
    if (at < begin) slept[row] = 0;
    else if (
      table.doing[first - 1] === Doing.Asleep && table.hidden[first - 1] === 0 && first > 0 &&
      tidOf[first - 1] === tid[row]
    ) slept[row] = begin - table.from[first - 1]!;
    const next = endOfWait(table, first);
    if (next < 0 || table.doing[next] !== Doing.Running || tidOf[next] !== tid[row]) continue;
    ran[row] = table.cpu[next]!;
    delay[row] = table.from[next]! - begin;
    censored[row] = 0;
  }
  return new Frame<WakeupDelayColumns>({
    ts: ns(ts),
    tid,
    comm: () => nameColumn(context, tid),
    waker_tid: waker,
    waker_comm: () => nameColumn(context, waker),
    wake_source: () => {
      const source = wakeSources(context);
      const codes = new Uint8Array(length);
      for (let row = 0; row < length; row++) codes[row] = source(event[row]!);
      return new DictColumn(codes, WAKE_SOURCES);
    },
    waker_cpu: () => ofEvent(stream.cpu),
    prev_cpu: prev,
    placed_cpu: placed,
    ran_cpu: ran,
    placement: () => {
      const kind = placementKinds(context.topology);
      const codes = new Uint8Array(length);
      for (let row = 0; row < length; row++) codes[row] = kind(prev[row]!, placed[row]!);
      return new DictColumn(codes, PLACEMENTS);
    },
    slept: ns(slept),
    delay: ns(delay),
    censored,
  }, length);
}

/** Rows of `table` with which a wakeup in `span` begins, in the order of the wakeups' records. */
function wakeupRows(
  table: SegmentTable,
  stream: SchedStream,
  span: { from: number; to: number },
  wanted: ReadonlySet<number> | undefined,
): Uint32Array {
  const { tids, start, doing, event } = table;
  const rowOf = new Int32Array(stream.length).fill(-1);
  let count = 0;
  tids.forEach((tid, k) => {
    if (wanted?.has(tid) === false) return;
    for (let row = start[k]!; row < start[k + 1]!; row++) {
      const at = event[row]!;
      if (doing[row] !== Doing.Woken || at < 0 || rowOf[at]! >= 0) continue;
      if (stream.ts[at]! < span.from || stream.ts[at]! > span.to) continue;
      rowOf[at] = row;
      count++;
    }
  });
  const rows = new Uint32Array(count);
  for (let at = 0, put = 0; at < rowOf.length; at++) if (rowOf[at]! >= 0) rows[put++] = rowOf[at]!;
  return rows;
}

/** The row after those of the wait that begins with row `first`; -1 where a hole is among them, or nothing follows. */
function endOfWait(table: SegmentTable, first: number): number {
  const { doing, event, hidden } = table;
  let row = first;
  for (; row < doing.length && doing[row] === Doing.Woken && event[row] === event[first]; row++) {
    if (hidden[row] === 1) return -1;
  }
  return row < doing.length ? row : -1;
}

function threadOfRows(table: SegmentTable): Int32Array {
  const of = new Int32Array(table.from.length);
  table.tids.forEach((tid, k) => of.fill(tid, table.start[k]!, table.start[k + 1]!));
  return of;
}

/** For each wakeup where the thread had run, and where it was put. */
function placements(
  trace: Trace,
  table: SegmentTable,
  rows: Uint32Array,
  tidOf: Int32Array,
): { prev: Int32Array; placed: Int32Array } {
  const { stream } = trace;
  const moved = placedByRecords(stream);
  const told = trace.has("sched:sched_migrate_task");
  const prev = new Int32Array(rows.length).fill(-1);
  const placed = new Int32Array(rows.length).fill(-1);
  for (let row = 0; row < rows.length; row++) {
    const first = rows[row]!;
    const at = table.event[first]!;
    const kind = stream.kind[at]!;
    if (kind === Kind.Waking) {
      prev[row] = stream.b[at]!;
      placed[row] = moved[at]! >= 0 ? moved[at]! : told ? stream.b[at]! : -1;
    } else {
      placed[row] = stream.b[at]!;
      // Not the CPU of its sleep: a move that was made with the wakeup is recorded before it.
      if (kind === Kind.Wakeup) prev[row] = ranLastOn(table, tidOf, first);
    }
  }
  return { prev, placed };
}

/** The CPU on which the thread of row `first` ran before it; -1 where that was not seen. */
function ranLastOn(table: SegmentTable, tidOf: Int32Array, first: number): number {
  for (let row = first - 1; row >= 0 && tidOf[row] === tidOf[first]; row--) {
    if (table.hidden[row] === 1) return -1;
    if (table.doing[row] === Doing.Running) return table.cpu[row]!;
  }
  return -1;
}

/** The kernel's PID_MAX_LIMIT: what is above comes from a damaged file. */
const LARGEST_TID = 1 << 22;

/** Longest from a waking to the move that it makes, ns. */
const PLACING = 100_000;

/** By the row of a `sched_waking` the CPU that records after it say the thread was put on; -1 where none does. */
function placedByRecords(stream: SchedStream): Int32Array {
  const { kind, cpu, ts, a, b, c, length } = stream;
  const placed = new Int32Array(length).fill(-1);
  /** By thread the row after that of its waking that is not placed yet, or 0. */
  const open = new Int32Array(LARGEST_TID + 1);
  /** By CPU its last record that is no move: try_to_wake_up() chooses the CPU with interrupts off, and nothing comes between. */
  const lastOn = new Int32Array(65536);
  for (let i = 0; i < length; i++) {
    const what = kind[i]!;
    const tid = what === Kind.Switch ? c[i]! : a[i]!;
    if (what !== Kind.Migrate) lastOn[cpu[i]!] = i;
    if (what > Kind.Migrate || tid < 0 || tid > LARGEST_TID) continue;
    const waking = open[tid]! - 1;
    switch (what) {
      case Kind.Switch:
        open[tid] = 0;
        break;
      case Kind.Waking:
        open[tid] = i + 1;
        break;
      case Kind.Wakeup:
        if (waking >= 0) placed[waking] = b[i]!;
        open[tid] = 0;
        break;
      case Kind.Migrate:
        if (waking < 0 || placed[waking]! >= 0 || cpu[i] !== cpu[waking]) break;
        if (lastOn[cpu[i]!] === waking && ts[i]! - ts[waking]! <= PLACING) placed[waking] = c[i]!;
    }
  }
  return placed;
}

/** The kind of a placement from one CPU to another, as an index into {@linkcode PLACEMENTS}. */
function placementKinds(
  { cores, caches = [], packages }: TraceTopology,
): (prev: number, placed: number) => number {
  const groupOf = (groups: readonly (readonly number[])[]) =>
    new Map(groups.flatMap((cpus, group) => cpus.map((cpu) => [cpu, group] as const)));
  const [core, cache, pack] = [groupOf(cores), groupOf(caches), groupOf(packages)];
  const shared = (groups: ReadonlyMap<number, number>, x: number, y: number) =>
    groups.has(x) && groups.has(y) ? groups.get(x) === groups.get(y) : undefined;
  const kindOf = (prev: number, placed: number): Placement => {
    if (prev < 0 || placed < 0) return "unknown";
    if (prev === placed) return "same cpu";
    if (shared(core, prev, placed) === true) return "smt sibling";
    if (shared(cache, prev, placed) === true) return "same cache";
    const together = shared(pack, prev, placed);
    return together === undefined ? "other cpu" : together ? "same package" : "other package";
  };
  const known = new Map<number, number>();
  return (prev, placed) => {
    const pair = prev * 65536 + placed;
    let kind = known.get(pair);
    if (kind === undefined) known.set(pair, kind = PLACEMENTS.indexOf(kindOf(prev, placed)));
    return kind;
  };
}
