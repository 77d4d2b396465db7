import type { Column } from "../../frame/column.ts";
import type { EventField, EventFormat } from "../event_format.ts";
import { Kind, STREAM_EVENTS } from "../stream.ts";
import { timeOrder } from "../time_order.ts";
import type { Trace } from "../trace.ts";

/** One event of a trace with all of its rows decoded. */
export interface EventTable {
  /** `system:name`. */
  readonly name: string;
  readonly format: EventFormat;
  readonly length: number;
  /** ns since the trace's epoch. */
  readonly ts: Float64Array;
  readonly cpu: Column;
  /** Thread in whose context the event was recorded. */
  readonly pid: Column;
  /** `common_flags`; undefined where the source does not have them. */
  readonly flags: Column | undefined;
  /** The event's own fields, in the order of its format. Text is as `decodeTaskName` has it. */
  readonly fields: readonly { readonly field: EventField; readonly column: Column }[];
  /** The `common_` fields of its format but for `common_type`, and their columns. */
  readonly common: readonly { readonly field: EventField; readonly column: Column }[];
}

/** Every row of a trace in time order. */
export interface EventRows {
  readonly length: number;
  /** Index into `tables` of each row; {@linkcode STREAM_ROW} for a row of the stream that is no tracepoint's. */
  readonly table: Uint16Array;
  /** Row within the table, or within the stream. */
  readonly row: Uint32Array;
  /** All events, each with its rows. */
  readonly tables: readonly EventTable[];
}

/** In place of a table: the row is one of the trace's stream (Lost, Fork, Comm, ...), not of an event. */
export const STREAM_ROW = 0xffff;

/**
 * Decodes all events of `trace` and puts them in one order in time. Rows of the scheduler's events that have the same
 * stamp stay in the order in which they were recorded, and come before those of other events.
 */
export function eventRows(trace: Trace, signal?: AbortSignal): EventRows {
  const tables: EventTable[] = [];
  for (const [name, count] of trace.counts) {
    signal?.throwIfAborted();
    const format = trace.formats.get(name);
    if (count > 0 && format !== undefined) tables.push(readTable(trace, format));
  }
  const { stream } = trace;
  const tableOfKind = new Int32Array(256).fill(-1);
  const rowsOfKind = new Float64Array(256);
  for (let i = 0; i < stream.length; i++) rowsOfKind[stream.kind[i]!]!++;
  tables.forEach(({ name, length }, i) => {
    const kind = STREAM_EVENTS[name]?.kind;
    if (kind !== undefined && rowsOfKind[kind] === length) tableOfKind[kind] = i;
  });
  const apart = tables.map((_, i) => i).filter((i) => !tableOfKind.includes(i));
  const order = mergedOrder([stream, ...apart.map((i) => tables[i]!)]);
  const total = order.list.length;
  const table = new Uint16Array(total);
  const row = new Uint32Array(total);
  const next = new Uint32Array(tables.length);
  let length = 0;
  for (let i = 0; i < total; i++) {
    const list = order.list[i]!;
    if (list > 0) {
      table[length] = apart[list - 1]!;
      row[length++] = order.row[i]!;
      continue;
    }
    const kind = stream.kind[order.row[i]!]!;
    const own = tableOfKind[kind]!;
    if (own >= 0) {
      table[length] = own;
      row[length++] = next[own]!++;
    } else if (!isEventKind(kind)) {
      table[length] = STREAM_ROW;
      row[length++] = order.row[i]!;
    }
  }
  return { length, table: table.subarray(0, length), row: row.subarray(0, length), tables };
}

/** The rows of `lists`, each in rising time, in one order of time; equal stamps keep the order of the lists. */
function mergedOrder(
  lists: readonly { readonly ts: Float64Array; readonly length: number }[],
): { list: Uint16Array; row: Uint32Array } {
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  const all = new Float64Array(total);
  const list = new Uint16Array(total);
  const row = new Uint32Array(total);
  let at = 0;
  lists.forEach(({ ts, length }, i) => {
    all.set(ts.subarray(0, length), at);
    list.fill(i, at, at + length);
    for (let j = 0; j < length; j++) row[at + j] = j;
    at += length;
  });
  const order = timeOrder(all);
  return order === undefined
    ? { list, row }
    : { list: Uint16Array.from(order, (i) => list[i]!), row: Uint32Array.from(order, (i) => row[i]!) };
}

const EVENT_KINDS = new Set<number>(Object.values(STREAM_EVENTS).map(({ kind }) => kind));

/** Whether rows of `kind` are a tracepoint's, which its table has too. */
function isEventKind(kind: number): boolean {
  return EVENT_KINDS.has(kind) && kind !== Kind.Lost;
}

function readTable(trace: Trace, format: EventFormat): EventTable {
  const own = format.fields.filter(({ name }) => !name.startsWith("common_") && name !== "ts");
  const common = format.fields.filter(({ name }) => name.startsWith("common_") && name !== "common_type");
  const names = new Set(["ts", "cpu", "common_pid", ...own.map(named), ...common.map(named)]);
  const columns = trace.eventColumns(format.name, [...names], true);
  const column = (name: string): Column => columns[name]!;
  const ts = column("ts") as Float64Array;
  return {
    name: format.name,
    format,
    length: ts.length,
    ts,
    cpu: column("cpu"),
    pid: column("common_pid"),
    flags: columns["common_flags"] ?? flagsOf(trace, format),
    fields: own.map((field) => ({ field, column: column(field.name) })),
    common: common.map((field) => ({ field, column: column(field.name) })),
  };
}

const named = ({ name }: EventField): string => name;

/** Sources without layouts (texts, Perfetto) may know the flags though their formats do not list them. */
function flagsOf(trace: Trace, { name }: EventFormat): Column | undefined {
  try {
    return trace.eventColumns(name, ["common_flags"])["common_flags"];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
