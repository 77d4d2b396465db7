// flechette 1.1.2 is the Arrow library that Arquero brings with it (newer ones do not resolve beside it). Deferred: it is
// evaluated at the first table that is written.
import defer * as arrow from "@uwdata/flechette";
import { type Codes, type Column, type Columns, DictColumn } from "./column.ts";
import { unitOf } from "./units.ts";

/** Options of `Frame.toArrowIPC` and {@linkcode writeArrow}. */
export interface ToArrowOptions {
  /** `stream`: messages one after another; `file`: with a footer, so that parts can be read. Default `stream`. */
  format?: "stream" | "file";
  /** Most rows of one record batch. Default: all rows in one, which `Frame.fromArrow` reads without a copy. */
  batchRows?: number;
  /** Goes into the schema's metadata. Default: none. */
  metadata?: Readonly<Record<string, string>>;
}

/** Key of a field's metadata that holds its unit (`ns`, `count`, `ticks`, `ratio`). */
export const UNIT_KEY = "schedscope.unit";

/**
 * Writes `columns`, all of `length` rows, as Arrow IPC: `write` gets the bytes piece by piece, the columns' own memory among
 * them.
 *
 * A `DictColumn` becomes a dictionary of utf8 with signed indices, the only ones that pandas takes. Throws a RangeError where a
 * code is not in its dictionary.
 */
export function writeArrow(
  columns: Columns,
  length: number,
  write: (bytes: Uint8Array) => void,
  options: ToArrowOptions = {},
): void {
  const { format = "stream", batchRows = Math.max(1, length), metadata = {} } = options;
  if (!(batchRows >= 1)) throw new RangeError(`Expected batchRows of 1 or more but found ${batchRows}`);
  const fields: arrow.Field[] = [];
  const children: arrow.Column<unknown>[] = [];
  for (const [name, column] of Object.entries(columns)) {
    const { type, values, dictionary } = encoded(name, column);
    const batches: arrow.Batch<unknown>[] = [];
    // An empty table still has one batch: the dictionaries hang on it.
    for (let from = 0; from === 0 || from < length; from += batchRows) {
      const to = Math.min(length, from + batchRows);
      batches.push(batchOf(type, values.subarray(from, to), dictionary));
    }
    const unit = unitOf(column);
    fields.push(arrow.field(name, type, true, unit === undefined ? null : new Map([[UNIT_KEY, unit]])));
    children.push(new arrow.Column(batches, type));
  }
  const schema = {
    version: arrow.Version.V5,
    endianness: arrow.Endianness.Little,
    fields,
    metadata: new Map(Object.entries(metadata)),
  };
  const sink = { write, pad: (bytes: number) => write(new Uint8Array(bytes)), finish: () => null };
  arrow.tableToIPC(new arrow.Table(schema, children), { sink, format });
}

/** The same as {@linkcode writeArrow}, in memory. */
export function arrowBytes(columns: Columns, length: number, options: ToArrowOptions = {}): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  writeArrow(columns, length, (bytes) => {
    pieces.push(bytes);
    size += bytes.byteLength;
  }, options);
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.byteLength;
  }
  return out;
}

/** The arrays that Arrow has for `values`. */
type Values = Exclude<Column, DictColumn>;

function batchOf(
  type: arrow.DataType,
  values: Values,
  dictionary: arrow.Column<string> | undefined,
): arrow.Batch<unknown> {
  const Batch = arrow.batchType(type, { useBigInt: true }) as unknown as new (
    parts: Record<string, unknown>,
  ) => arrow.Batch<unknown> & { setDictionary(column: arrow.Column<string>): arrow.Batch<unknown> };
  const batch = new Batch({ type, length: values.length, nullCount: 0, validity: new Uint8Array(), values });
  return dictionary === undefined ? batch : batch.setDictionary(dictionary);
}

function encoded(
  name: string,
  column: Column,
): { type: arrow.DataType; values: Values; dictionary?: arrow.Column<string> } {
  if (!(column instanceof DictColumn)) return { type: typeOf(column), values: column };
  const { codes, dictionary } = uniqueDictionary(column);
  const size = dictionary.length;
  for (let row = 0; row < codes.length; row++) {
    if (!(codes[row]! >= 0 && codes[row]! < size)) {
      throw new RangeError(
        `Column "${name}", row ${row}: code ${codes[row]} is not in its dictionary of ${size}`,
      );
    }
  }
  const values = signed(codes, size);
  const type = arrow.dictionary(arrow.utf8(), typeOf(values) as arrow.IntType);
  return { type, values, dictionary: utf8Column(dictionary, type.dictionary) };
}

/** A dictionary that has a string twice is no dictionary to pandas: such codes are made one. */
function uniqueDictionary(column: DictColumn): { codes: Codes; dictionary: readonly string[] } {
  // What is no well-formed string becomes U+FFFD, and then may be another's equal.
  const texts = column.dictionary.map((text) => text.toWellFormed());
  const index = new Map<string, number>();
  const to = Uint32Array.from(texts, (text) => {
    let code = index.get(text);
    if (code === undefined) index.set(text, code = index.size);
    return code;
  });
  if (index.size === texts.length) return { codes: column.codes, dictionary: texts };
  // A code that is not in the dictionary stays one that is not.
  const codes = Uint32Array.from(column.codes, (code) => to[code] ?? 0xffff_ffff);
  return { codes, dictionary: [...index.keys()] };
}

/** The same memory as signed numbers where the codes fit, else as 32-bit ones. */
function signed(codes: Codes, size: number): Int8Array | Int16Array | Int32Array {
  const { buffer, byteOffset, length } = codes;
  if (codes instanceof Uint8Array) {
    return size <= 128 ? new Int8Array(buffer, byteOffset, length) : Int16Array.from(codes);
  }
  if (codes instanceof Uint16Array) {
    return size <= 32768 ? new Int16Array(buffer, byteOffset, length) : Int32Array.from(codes);
  }
  return new Int32Array(buffer, byteOffset, length);
}

function utf8Column(texts: readonly string[], type: arrow.DataType): arrow.Column<string> {
  const encoder = new TextEncoder();
  const pieces = texts.map((text) => encoder.encode(text));
  const offsets = new Int32Array(texts.length + 1);
  pieces.forEach((piece, i) => offsets[i + 1] = offsets[i]! + piece.length);
  const values = new Uint8Array(offsets[texts.length]!);
  pieces.forEach((piece, i) => values.set(piece, offsets[i]!));
  const Batch = arrow.batchType(type, {}) as unknown as new (
    parts: Record<string, unknown>,
  ) => arrow.Batch<string>;
  const parts = { type, length: texts.length, nullCount: 0, validity: new Uint8Array(), offsets, values };
  return new arrow.Column([new Batch(parts)], type);
}

function typeOf(values: Values): arrow.DataType {
  if (values instanceof Float64Array) return arrow.float64();
  if (values instanceof Float32Array) return arrow.float32();
  if (values instanceof BigInt64Array) return arrow.int64();
  if (values instanceof BigUint64Array) return arrow.uint64();
  if (values instanceof Int32Array) return arrow.int32();
  if (values instanceof Uint32Array) return arrow.uint32();
  if (values instanceof Int16Array) return arrow.int16();
  if (values instanceof Uint16Array) return arrow.uint16();
  return values instanceof Int8Array ? arrow.int8() : arrow.uint8();
}
