import { type Column, DictColumn } from "../frame/column.ts";
import { sliceColumn } from "../frame/take_column.ts";
import type { KnownHole } from "./quality.ts";
import { type SchedStream, STREAM_EVENTS } from "./stream.ts";
import { originOf } from "./origin_of.ts";
import { Trace } from "./trace.ts";

/** A part of a recording's time. */
export interface TraceWindow {
  /**
   * First stamp: a number is ns since the epoch of the whole recording, a bigint the clock's own stamp in ns. Default: the
   * recording's start.
   */
  from?: number | bigint;
  /** Last stamp, likewise; it belongs to the window. Default: the recording's end. */
  to?: number | bigint;
  /**
   * How much of the time before `from` is looked at, ns, so that it is known at `from` who ran on each CPU and what the other
   * threads waited for. What happened earlier than that is not known at the edge. Default 1e9; Infinity looks at all of it.
   */
  lead?: number;
}

/** A {@linkcode TraceWindow} in ns since the epoch. */
export interface WindowBounds {
  /** First stamp. */
  readonly from: number;
  /** Last stamp. */
  readonly to: number;
  /** `from` less the lead: what is older is not looked at. */
  readonly lead: number;
}

const LEAD = 1e9;

/** The bounds of `window` in a recording whose epoch is `epoch`. Throws RangeError where they are none. */
export function windowBounds(window: TraceWindow, epoch: bigint): WindowBounds {
  const ns = (stamp: number | bigint) => typeof stamp === "bigint" ? Number(stamp - epoch) : stamp;
  const from = ns(window.from ?? -Infinity);
  const to = ns(window.to ?? Infinity);
  const lead = window.lead ?? LEAD;
  if (!(from <= to)) {
    throw new RangeError(`Expected a window whose from is not after its to but found ${from} to ${to}`);
  }
  if (!(lead >= 0)) throw new RangeError(`Expected a lead of at least 0 ns but found ${lead}`);
  return { from, to, lead: from - lead };
}

/**
 * The part of `trace` in `window`. Its tables, its stream and its counts have what was recorded in the window (both ends
 * belong to it) and nothing else; its `context` is what analyses run over, so that state is carried in: the same with the
 * lead before it.
 */
export function windowOf(trace: Trace, window: TraceWindow): Trace {
  const bounds = windowBounds(window, trace.epoch);
  const { span } = trace;
  const from = Math.max(bounds.from, span.from);
  const to = Math.min(bounds.to, span.to);
  const end = Math.max(from, to);
  const lead = { from: Math.max(bounds.lead, (trace.context ?? trace).span.from), to: end };
  // The span is that of the scheduler's events: others may lie outside of it and are in the window all the same.
  const context = part(trace.context ?? trace, bounds.lead, bounds.to, { span: lead });
  return part(context, bounds.from, bounds.to, { context, span: { from, to: end } });
}

/** What of `trace` lies in [from, to]. */
function part(
  trace: Trace,
  from: number,
  to: number,
  more: { context?: Trace; span?: { from: number; to: number } } = {},
): Trace {
  let stream: SchedStream | undefined;
  const sliced = () => stream ??= sliceStream(trace.stream, from, to);
  const ranges = new Map<string, { first: number; end: number }>();
  const rangeOf = (event: string) => {
    let range = ranges.get(event);
    if (range === undefined) ranges.set(event, range = eventRange(trace, event, from, to));
    return range;
  };
  return new Trace({
    ...originOf(trace),
    stream: sliced,
    counts: () =>
      new Map([...trace.counts].map(([event, count]) => {
        if (count === 0) return [event, 0];
        const { first, end } = rangeOf(event);
        return [event, end - first];
      })),
    holes: holesWithin(trace.knownHoles, from, to),
    ...more,
    decode: (event, fields, exact) => {
      const whole = trace.eventColumns(event, fields, exact);
      const { first, end } = rangeOf(event);
      return Object.fromEntries(
        Object.entries(whole).map(([name, column]) => [name, slicedColumn(column, first, end)]),
      );
    },
  });
}

/** Rows of `event` that lie in [from, to]. */
function eventRange(trace: Trace, event: string, from: number, to: number): { first: number; end: number } {
  const kind = STREAM_EVENTS[event]?.kind;
  if (kind !== undefined) {
    const rows = trace.rowsOf(kind);
    const { ts } = trace.stream;
    if (rows.length === trace.counts.get(event)) {
      const at = (row: number) => ts[rows[row]!]!;
      return { first: firstNotBelow(at, rows.length, from), end: firstAbove(at, rows.length, to) };
    }
  }
  const ts = trace.eventColumns(event, ["ts"])["ts"] as Float64Array;
  const at = (row: number) => ts[row]!;
  return { first: firstNotBelow(at, ts.length, from), end: firstAbove(at, ts.length, to) };
}

function sliceStream(stream: SchedStream, from: number, to: number): SchedStream {
  const at = (row: number) => stream.ts[row]!;
  const first = firstNotBelow(at, stream.length, from);
  const end = Math.max(first, firstAbove(at, stream.length, to));
  // A small part should not keep all of the recording in memory.
  const copied = end - first < stream.length / 2;
  const cut = <A extends Float64Array | Int32Array | Uint16Array | Uint8Array>(column: A): A =>
    (copied ? column.slice(first, end) : column.subarray(first, end)) as A;
  const late = stream.late?.filter(({ row }) => row >= first && row < end);
  return {
    length: end - first,
    kind: cut(stream.kind),
    ts: cut(stream.ts),
    cpu: cut(stream.cpu),
    pid: cut(stream.pid),
    tid: cut(stream.tid),
    a: cut(stream.a),
    b: cut(stream.b),
    c: cut(stream.c),
    comms: stream.comms,
    ...(late === undefined ? {} : { late: late.map(({ row, after }) => ({ row: row - first, after })) }),
  };
}

function holesWithin(holes: readonly KnownHole[], from: number, to: number): KnownHole[] {
  return holes.filter((hole) => hole.to >= from && hole.from <= to).map((hole) => ({
    ...hole,
    from: Math.max(hole.from, from),
    to: Math.min(hole.to, to),
  }));
}

function slicedColumn(column: Column, first: number, end: number): Column {
  if (end - first >= column.length / 2) return sliceColumn(column, first, end);
  if (column instanceof DictColumn) return new DictColumn(column.codes.slice(first, end), column.dictionary);
  return column.slice(first, end) as Column;
}

/** First of `length` ascending stamps that is not below `stamp`. */
function firstNotBelow(at: (row: number) => number, length: number, stamp: number): number {
  let from = 0;
  let to = length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (at(middle) < stamp) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** First of `length` ascending stamps that is above `stamp`. */
function firstAbove(at: (row: number) => number, length: number, stamp: number): number {
  let from = 0;
  let to = length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (at(middle) <= stamp) from = middle + 1;
    else to = middle;
  }
  return from;
}
