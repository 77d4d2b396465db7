import type { ByteSource } from "../byte_source.ts";
import type { Column, DictColumn } from "../../frame/column.ts";
import { sliceColumn } from "../../frame/take_column.ts";
import { TextTable } from "../text_table.ts";
import { timeOrder } from "../time_order.ts";
import type { EventLine } from "./event_line.ts";
import { KNOWN_EVENTS } from "./event_names.ts";
import { scanEvents } from "./scan_events.ts";

/** Puts one field of one line into a column's row `row`. */
type Store = (row: number, line: EventLine, bytes: Uint8Array) => void;

/** Fields of the lines of one event, that become columns. */
export class TextColumns {
  /** Rows so far. */
  length = 0;
  readonly #rows: number;
  readonly #ts: Float64Array;
  readonly #stores: Store[] = [];
  readonly #finish = new Map<string, (order: Uint32Array | undefined) => Column>();

  /** Room for `rows` lines of `event`. With `exact`, every byte of a text can be had back. Throws RangeError for what is no field. */
  constructor(event: string, fields: readonly string[], rows: number, exact = false) {
    this.#rows = rows;
    const ts = this.#ts = new Float64Array(rows);
    for (const field of fields) {
      if (field === "ts") this.#finish.set(field, (order) => ordered(ts, order));
      else this.#finish.set(field, columnOf(event, field, rows, exact, this.#stores));
    }
  }

  /** Whether there is no room for another row. */
  get full(): boolean {
    return this.length === this.#rows;
  }

  /** Takes a line that has the stamp `ts`. */
  add(ts: number, line: EventLine, bytes: Uint8Array): void {
    const row = this.length++;
    this.#ts[row] = ts;
    for (const store of this.#stores) store(row, line, bytes);
  }

  /** The columns, rows as they came, or in the order of time (equal stamps as they came). */
  finish(inTime: boolean): Record<string, Column> {
    const order = inTime ? timeOrder(this.#ts.subarray(0, this.length)) : undefined;
    return Object.fromEntries([...this.#finish].map(([field, make]) => {
      const column = make(order);
      return [field, column.length === this.length ? column : sliceColumn(column, 0, this.length)];
    }));
  }
}

/**
 * Fields of all lines of `event` in `source`, in time order (equal stamps as they stand): what `Trace.event` asks for.
 * `base` is the second that stamps are counted from, `start` the ns from there to the epoch.
 */
export function decodeText(
  source: ByteSource,
  event: string,
  count: number,
  base: number,
  start: number,
  fields: readonly string[],
  exact = false,
): Record<string, Column> {
  const columns = new TextColumns(event, fields, count, exact);
  scanEvents(source, {
    event(seen, line, bytes) {
      if (seen.name !== event || columns.full) return;
      columns.add((line.seconds - base) * 1e9 + line.ns - start, line, bytes);
    },
  });
  return columns.finish(true);
}

function columnOf(
  event: string,
  field: string,
  count: number,
  exact: boolean,
  stores: Store[],
): (order: Uint32Array | undefined) => Column {
  if (field === "cpu") {
    const cpus = new Uint16Array(count);
    stores.push((row, line) => cpus[row] = line.cpu);
    return (order) => ordered(cpus, order);
  }
  const numbers = numberOf(event, field);
  if (numbers !== undefined) {
    const values = new Int32Array(count);
    stores.push((row, line) => values[row] = numbers(line));
    return (order) => ordered(values, order);
  }
  const table = new TextTable();
  const codes = new Uint32Array(count);
  const known = KNOWN_EVENTS[event]?.fields;
  if (known !== undefined && known[field] === undefined) {
    throw new RangeError(
      `${event} has no field ${JSON.stringify(field)}; it has: ts, cpu, common_pid, ${
        Object.keys(known).join(", ")
      }`,
    );
  }
  if (known !== undefined) {
    const first = known[field] === "a";
    stores.push((row, line, bytes) => {
      codes[row] = first ? table.add(bytes, line.aFrom, line.aTo) : table.add(bytes, line.bFrom, line.bTo);
    });
    return (order) => table.column(ordered(codes, order), exact);
  }
  const label = new TextEncoder().encode(`${field}=`);
  stores.push((row, line, bytes) => {
    const [from, to] = field === "text"
      ? [line.textFrom, line.textTo]
      : valueOf(bytes, line.textFrom, line.textTo, label);
    codes[row] = table.add(bytes, from, to);
  });
  return (order) => asNumbers(table.column(ordered(codes, order), exact));
}

function numberOf(event: string, field: string): ((line: EventLine) => number) | undefined {
  if (field === "common_pid") return (line) => line.tid;
  if (field === "common_flags") return (line) => line.flags;
  switch (KNOWN_EVENTS[event]?.fields[field]) {
    case 0:
      return (line) => line.n0;
    case 1:
      return (line) => line.n1;
    case 2:
      return (line) => line.n2;
    case 3:
      return (line) => line.n3;
    case 4:
      return (line) => line.n4;
    default:
      return undefined;
  }
}

/** Where the value behind `label` stands: up to the blank before the next `name=`, or to the end. */
function valueOf(bytes: Uint8Array, from: number, to: number, label: Uint8Array): [number, number] {
  for (let at = from; at + label.length <= to; at++) {
    const before = at === from ? 0x20 : bytes[at - 1]!;
    if (before !== 0x20 && before !== 0x5b && before !== 0x28 && before !== 0x2c) continue;
    if (label.some((byte, i) => bytes[at + i] !== byte)) continue;
    const start = at + label.length;
    let end = to;
    for (let i = start, blank = -1; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === 0x20) blank = i;
      else if (byte === 0x3d && blank >= 0) {
        end = blank;
        break;
      }
    }
    while (end > start && isPunctuation(bytes[end - 1]!)) end--;
    return [start, end];
  }
  return [from, from];
}

/** A blank, a comma, a closing bracket. */
function isPunctuation(byte: number): boolean {
  return byte === 0x20 || byte === 0x2c || byte === 0x5d || byte === 0x29;
}

/** Numbers, if all strings of a column are numbers that a double can hold. */
function asNumbers(column: DictColumn): Column {
  if (column.dictionary.length === 0) return column;
  const values = column.dictionary.map((text) =>
    /^-?(?:\d{1,15}|0x[0-9a-f]{1,13})$/.test(text) ? Number(text) : NaN
  );
  if (values.some((value) => !Number.isSafeInteger(value))) return column;
  const small = values.every((value) => value === (value | 0));
  const out = small ? new Int32Array(column.length) : new Float64Array(column.length);
  for (let i = 0; i < out.length; i++) out[i] = values[column.codes[i]!]!;
  return out;
}

function ordered<A extends Float64Array | Int32Array | Uint32Array | Uint16Array>(
  values: A,
  order: Uint32Array | undefined,
): A {
  if (order === undefined) return values;
  const out = new (values.constructor as new (length: number) => A)(order.length);
  for (let i = 0; i < out.length; i++) out[i] = values[order[i]!]!;
  return out;
}
