import type { Column } from "../frame/column.ts";
import type { EventField } from "./event_format.ts";
import { TextTable } from "./text_table.ts";

/** Collects one field of many records into a column. */
export interface FieldSink {
  /**
   * Takes the field out of a record into row `row`. The record lies in `view` from `start` (where `common_type` is) for
   * `length` bytes; what lies outside of it reads as 0 or as the empty string, so that a damaged record does no harm.
   */
  set(row: number, view: DataView, start: number, length: number): void;
  /** The column; the sink must not be used after it. */
  finish(): Column;
}

/**
 * Makes a sink for `rows` values of `field`.
 *
 * - Integers of up to 4 bytes become an `Int32Array`, unsigned ones of 4 bytes a `Uint32Array`.
 * - Integers of 8 bytes become a `Float64Array` where all of its values are exact in one (below 2^53), else a
 *   `BigInt64Array` or `BigUint64Array`. `prev_state` is an `Int32Array` always.
 * - Text (`char[]`, fixed or `__data_loc`) becomes a `DictColumn`, made safe to print by `traceText`.
 * - Arrays and structures become a `DictColumn` of texts: `{1, 2}` where the size of an element is known, else hex.
 *
 * Rows that are never set hold 0 or the empty string. With `exact`, text is as `decodeTaskName` has it: every byte can be
 * had back, and it is not safe to print.
 */
export function fieldSink(field: EventField, rows: number, littleEndian: boolean, exact = false): FieldSink {
  if (field.content === "integer") {
    if (field.name === "prev_state" && field.size === 8) return new LowWordSink(field, rows, littleEndian);
    if (field.size === 8) return new WideSink(field, rows, littleEndian);
    if (field.size === 4 || field.size === 2 || field.size === 1) {
      return new IntegerSink(field, rows, littleEndian);
    }
  }
  if (field.content === "string" || (field.content === "dynamic" && /\bchar\b/.test(field.type))) {
    return new TextSink(field, rows, littleEndian, exact);
  }
  return new ArraySink(field, rows, littleEndian);
}

class IntegerSink implements FieldSink {
  readonly #out: Int32Array | Uint32Array;
  readonly #offset: number;
  readonly #size: number;
  readonly #signed: boolean;
  readonly #little: boolean;

  constructor(field: EventField, rows: number, littleEndian: boolean) {
    this.#out = field.size === 4 && !field.signed ? new Uint32Array(rows) : new Int32Array(rows);
    this.#offset = field.offset;
    this.#size = field.size;
    this.#signed = field.signed;
    this.#little = littleEndian;
  }

  set(row: number, view: DataView, start: number, length: number): void {
    if (this.#offset + this.#size > length) return;
    const at = start + this.#offset;
    if (this.#size === 4) this.#out[row] = view.getInt32(at, this.#little);
    else if (this.#size === 2) {
      this.#out[row] = this.#signed ? view.getInt16(at, this.#little) : view.getUint16(at, this.#little);
    } else this.#out[row] = this.#signed ? view.getInt8(at) : view.getUint8(at);
  }

  finish(): Column {
    return this.#out;
  }
}

/** The low 32 bits of an 8-byte integer: all of `prev_state`'s bits are in them (TASK_STATE_MAX and below). */
class LowWordSink implements FieldSink {
  readonly #out: Int32Array;
  readonly #offset: number;
  readonly #low: number;
  readonly #little: boolean;

  constructor(field: EventField, rows: number, littleEndian: boolean) {
    this.#out = new Int32Array(rows);
    this.#offset = field.offset;
    this.#low = field.offset + (littleEndian ? 0 : 4);
    this.#little = littleEndian;
  }

  set(row: number, view: DataView, start: number, length: number): void {
    if (this.#offset + 8 > length) return;
    this.#out[row] = view.getInt32(start + this.#low, this.#little);
  }

  finish(): Column {
    return this.#out;
  }
}

/** 8-byte integers, as two words each until it is known whether a double holds all of them exactly. */
class WideSink implements FieldSink {
  readonly #words: Int32Array;
  readonly #offset: number;
  readonly #signed: boolean;
  readonly #little: boolean;
  #exact = true;

  constructor(field: EventField, rows: number, littleEndian: boolean) {
    this.#words = new Int32Array(rows * 2);
    this.#offset = field.offset;
    this.#signed = field.signed;
    this.#little = littleEndian;
  }

  set(row: number, view: DataView, start: number, length: number): void {
    if (this.#offset + 8 > length) return;
    const at = start + this.#offset;
    const low = view.getInt32(this.#little ? at : at + 4, this.#little);
    const high = view.getInt32(this.#little ? at + 4 : at, this.#little);
    this.#words[row * 2] = low;
    this.#words[row * 2 + 1] = high;
    if (high >= 0x20_0000 || (high < -0x20_0000) || (high < 0 && !this.#signed)) this.#exact = false;
  }

  finish(): Column {
    const words = this.#words;
    const rows = words.length / 2;
    if (this.#exact) {
      const out = new Float64Array(rows);
      for (let row = 0; row < rows; row++) out[row] = words[row * 2 + 1]! * 2 ** 32 + (words[row * 2]! >>> 0);
      return out;
    }
    const out = this.#signed ? new BigInt64Array(rows) : new BigUint64Array(rows);
    for (let row = 0; row < rows; row++) {
      out[row] = (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]! >>> 0);
    }
    return out;
  }
}

/** Views whose bytes are remembered, as records of several CPUs alternate; few, as they keep the memory that they are of. */
const MOST_VIEWS = 16;

/** The bytes of views, remembered while records of them come. */
class ByteWindow {
  readonly #known = new Map<DataView, Uint8Array>();
  #view: DataView | undefined;
  #bytes: Uint8Array = new Uint8Array();

  of(view: DataView): Uint8Array {
    if (this.#view === view) return this.#bytes;
    let bytes = this.#known.get(view);
    if (bytes === undefined) {
      if (this.#known.size === MOST_VIEWS) this.#known.clear();
      bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      this.#known.set(view, bytes);
    }
    this.#view = view;
    this.#bytes = bytes;
    return bytes;
  }
}

class TextSink implements FieldSink {
  readonly #codes: Uint32Array;
  readonly #table = new TextTable();
  readonly #window = new ByteWindow();
  readonly #field: EventField;
  readonly #little: boolean;
  readonly #exact: boolean;
  readonly #empty: number;

  constructor(field: EventField, rows: number, littleEndian: boolean, exact: boolean) {
    this.#codes = new Uint32Array(rows);
    this.#field = field;
    this.#little = littleEndian;
    this.#exact = exact;
    this.#empty = this.#table.add(new Uint8Array(), 0, 0);
  }

  set(row: number, view: DataView, start: number, length: number): void {
    const field = this.#field;
    let from = field.offset;
    let to = field.size === 0 ? length : from + field.size;
    if (field.content === "dynamic") {
      const where = dynamicRange(field, view, start, length, this.#little);
      from = where.from;
      to = where.to;
    }
    if (to > length) to = length;
    this.#codes[row] = from >= to
      ? this.#empty
      : this.#table.add(this.#window.of(view), start + from, start + to);
  }

  finish(): Column {
    return this.#table.column(this.#codes, this.#exact);
  }
}

/** Where the data of a `__data_loc` or `__rel_loc` field lies, relative to the record's start and not yet clamped. */
function dynamicRange(
  field: EventField,
  view: DataView,
  start: number,
  length: number,
  littleEndian: boolean,
): { from: number; to: number } {
  if (field.offset + 4 > length) return { from: 0, to: 0 };
  const word = view.getUint32(start + field.offset, littleEndian);
  const base = field.type.startsWith("__rel_loc") ? field.offset + 4 : 0;
  const from = base + (word & 0xffff);
  return { from, to: from + (word >>> 16) };
}

class ArraySink implements FieldSink {
  readonly #codes: Uint32Array;
  readonly #table = new TextTable();
  readonly #field: EventField;
  readonly #little: boolean;
  readonly #element: number;
  readonly #encoder = new TextEncoder();
  readonly #empty: number;

  constructor(field: EventField, rows: number, littleEndian: boolean) {
    this.#codes = new Uint32Array(rows);
    this.#field = field;
    this.#little = littleEndian;
    this.#element = elementSize(field);
    this.#empty = this.#table.add(new Uint8Array(), 0, 0);
  }

  set(row: number, view: DataView, start: number, length: number): void {
    const field = this.#field;
    const { from, to } = field.content === "dynamic"
      ? dynamicRange(field, view, start, length, this.#little)
      : { from: field.offset, to: field.size === 0 ? length : field.offset + field.size };
    const end = Math.min(to, length);
    if (from >= end) {
      this.#codes[row] = this.#empty;
      return;
    }
    const text = this.#encoder.encode(this.#print(view, start + from, start + end));
    this.#codes[row] = this.#table.add(text, 0, text.length);
  }

  finish(): Column {
    return this.#table.column(this.#codes);
  }

  #print(view: DataView, start: number, end: number): string {
    const size = this.#element;
    const parts: string[] = [];
    if (size === 0) {
      for (let at = start; at < end; at++) parts.push(view.getUint8(at).toString(16).padStart(2, "0"));
      return parts.join("");
    }
    for (let at = start; at + size <= end; at += size) parts.push(String(this.#integer(view, at, size)));
    return `{${parts.join(", ")}}`;
  }

  #integer(view: DataView, at: number, size: number): number | bigint {
    const { signed } = this.#field;
    const little = this.#little;
    if (size === 8) return signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
    if (size === 4) return signed ? view.getInt32(at, little) : view.getUint32(at, little);
    if (size === 2) return signed ? view.getInt16(at, little) : view.getUint16(at, little);
    return signed ? view.getInt8(at) : view.getUint8(at);
  }
}

/** Bytes of one element of an array field; 0 where it is no array of integers of known size. */
export function elementSize(field: EventField): number {
  if (field.content === "array" && field.size > 0 && /\[/.test(field.type)) {
    const size = field.size / field.count;
    return size === 8 || size === 4 || size === 2 || size === 1 ? size : 0;
  }
  const type = field.type.replace(/^__(data|rel)_loc\s*/, "").replace(/\[.*$/, "").trim();
  const bits = /^_*[us](8|16|32|64)$|^u?int(8|16|32|64)_t$/.exec(type);
  if (bits !== null) return Number(bits[1] ?? bits[2]) / 8;
  if (/^(unsigned |signed )?int$/.test(type) || type === "pid_t") return 4;
  return 0;
}
