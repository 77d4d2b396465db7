import { type Column, DictColumn } from "../../frame/column.ts";
import { elementSize } from "../decode_field.ts";
import type { EventField, EventFormat } from "../event_format.ts";
import { encodeTaskName } from "../task_name.ts";
import type { EventTable } from "../write/event_table.ts";

/** Makes the bytes of a table's rows, as `common_type` and what follows it lie in a ring buffer. */
export class RecordMaker {
  readonly #id: number;
  readonly #fixed: number;
  readonly #stores: ((view: DataView, at: number, row: number) => void)[] = [];
  /** Texts that lie behind the fixed part: `word` is where their place is told, -1 where they just follow. */
  readonly #tails: { word: number; relative: boolean; texts: Uint8Array[]; codes: DictColumn["codes"] }[] =
    [];

  /** For rows of `table` laid out by `format`, whose fields are the table's. */
  constructor(table: EventTable, format: EventFormat) {
    this.#id = format.id;
    let fixed = 8;
    for (const { offset, size } of format.fields) fixed = Math.max(fixed, offset + size);
    this.#fixed = fixed;
    const columns = new Map<string, Column>(
      [...table.common, ...table.fields].map((each) => [each.field.name, each.column]),
    );
    if (!columns.has("common_pid")) columns.set("common_pid", table.pid);
    if (!columns.has("common_flags") && table.flags !== undefined) columns.set("common_flags", table.flags);
    for (const field of format.fields) {
      const column = columns.get(field.name);
      if (column === undefined || field.name === "common_type") continue;
      if (field.content === "integer") this.#stores.push(integerStore(field, column));
      else this.#bytes(field, column);
    }
  }

  /** Bytes of row `row`, a multiple of 4. */
  size(row: number): number {
    let size = this.#fixed;
    for (const { texts, codes } of this.#tails) size += texts[codes[row]!]!.length;
    return (size + 3) & ~3;
  }

  /** Writes row `row` at byte `at`, where all is 0. */
  write(view: DataView, at: number, row: number): void {
    view.setUint16(at, this.#id, true);
    for (let i = 0; i < this.#stores.length; i++) this.#stores[i]!(view, at, row);
    let end = this.#fixed;
    for (const { word, relative, texts, codes } of this.#tails) {
      const text = texts[codes[row]!]!;
      new Uint8Array(view.buffer, view.byteOffset + at + end, text.length).set(text);
      if (word >= 0) {
        view.setUint32(at + word, (text.length << 16) | (relative ? end - word - 4 : end), true);
      }
      end += text.length;
    }
  }

  #bytes(field: EventField, column: Column): void {
    const isText = field.content === "string" || (field.content === "dynamic" && /\bchar\b/.test(field.type));
    if (!(column instanceof DictColumn)) return;
    const { codes, dictionary } = column;
    const texts = dictionary.map((text) =>
      isText ? encodeTaskName(text) : elementBytes(text, elementSize(field))
    );
    if (field.content === "dynamic" || field.size === 0) {
      // A text in a ring buffer ends with a NUL.
      const whole = texts.map((text) => isText ? Uint8Array.of(...text, 0) : text);
      const word = field.content === "dynamic" ? field.offset : -1;
      this.#tails.push({ word, relative: field.type.startsWith("__rel_loc"), texts: whole, codes });
      return;
    }
    const { offset, size } = field;
    this.#stores.push((view, at, row) => {
      const text = texts[codes[row]!]!;
      const length = Math.min(size, text.length);
      for (let i = 0; i < length; i++) view.setUint8(at + offset + i, text[i]!);
    });
  }
}

function integerStore(field: EventField, column: Column): (view: DataView, at: number, row: number) => void {
  const { offset, size } = field;
  if (column instanceof DictColumn) {
    const values = column.dictionary.map((text) => /^-?\d{1,18}$/.test(text) ? BigInt(text) : 0n);
    return (view, at, row) => setInteger(view, at + offset, size, values[column.codes[row]!]!);
  }
  if (size === 4 && !(column instanceof BigInt64Array || column instanceof BigUint64Array)) {
    return (view, at, row) => view.setInt32(at + offset, column[row]!, true);
  }
  if (size === 8 && column instanceof Int32Array) {
    return (view, at, row) => {
      const value = column[row]!;
      view.setInt32(at + offset, value, true);
      view.setInt32(at + offset + 4, value >> 31, true);
    };
  }
  return (view, at, row) => setInteger(view, at + offset, size, column[row]!);
}

function setInteger(view: DataView, at: number, size: number, value: number | bigint): void {
  if (size === 8) view.setBigInt64(at, BigInt.asIntN(64, BigInt(value)), true);
  else if (size === 4) view.setInt32(at, Number(value), true);
  else if (size === 2) view.setInt16(at, Number(value), true);
  else view.setInt8(at, Number(value));
}

/** The bytes of an array that `fieldSink` printed: `{1, 2}` where the elements' size is known, else hex. */
function elementBytes(text: string, size: number): Uint8Array {
  if (!text.startsWith("{")) {
    return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  const values = text.slice(1, -1).split(", ").filter((value) => value !== "");
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => setInteger(view, i * size, size, BigInt(value)));
  return bytes;
}
