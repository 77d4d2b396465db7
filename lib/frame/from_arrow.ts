import { type ArrowBatch, type ArrowField, arrowMessages, type ArrowSchema } from "./arrow_messages.ts";
import { type Codes, type Column, type Columns, DictColumn } from "./column.ts";
import { concatColumns } from "./concat_columns.ts";
import { UNIT_KEY } from "./to_arrow.ts";
import { count, ns, ratio, ticks } from "./units.ts";

/** What {@linkcode readArrow} finds. */
export interface ArrowTable {
  /** The columns by name, in order. */
  readonly columns: Columns;
  /** Rows. */
  readonly length: number;
  /** The schema's metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A column's part in one batch, which may miss values. */
interface Part {
  readonly column: Column;
  /** Rows without value: they hold 0, NaN or the empty string. */
  readonly missing: Uint32Array;
}

/**
 * Reads Arrow IPC, stream or file, from memory or from the file at a path.
 *
 * Integers, floats, booleans (as 0 and 1), times and text are read, with dictionaries or without; text becomes a
 * {@linkcode DictColumn}, times become their 64-bit or 32-bit integers. A table of one batch is not copied: the columns lie in
 * `bytes`, if its buffers are aligned there.
 *
 * A missing value is NaN in a column of floats and the empty string in one of text; a column of integers that misses some becomes
 * a `Float64Array` with NaN. Throws a RangeError that says at which byte the input makes no sense, and a TypeError that
 * names a column whose type has no place in a frame.
 */
export function readArrow(source: Uint8Array | string): ArrowTable {
  const name = typeof source === "string" ? source : "Arrow data";
  const bytes = typeof source === "string" ? Deno.readFileSync(source) : source;
  let at = 0;
  try {
    const dictionaries = new Map<number, DictColumn>();
    const parts: Part[][] = [];
    let schema: ArrowSchema | undefined;
    let length = 0;
    for (const found of arrowMessages(bytes)) {
      at = found.at;
      const { message } = found;
      if (message.kind === "schema") {
        schema ??= message.schema;
        continue;
      }
      if (schema === undefined) throw new RangeError("data ahead of the schema");
      if (message.kind === "dictionary") {
        const field = schema.fields.find(({ dictionary }) => dictionary?.id === message.id);
        if (field === undefined) throw new RangeError(`a dictionary ${message.id} that no column has`);
        const own = new BatchReader(message.batch).text(field);
        const before = message.delta ? dictionaries.get(message.id) : undefined;
        const texts = Array.from(own.column as DictColumn);
        dictionaries.set(
          message.id,
          new DictColumn(new Uint32Array(), before === undefined ? texts : [...before.dictionary, ...texts]),
        );
        continue;
      }
      const reader = new BatchReader(message.batch);
      parts.push(schema.fields.map((field) => reader.column(field, dictionaries)));
      length += message.batch.length;
    }
    if (schema === undefined) throw new RangeError(bytes.length === 0 ? "no bytes at all" : "no schema");
    const columns: Columns = {};
    schema.fields.forEach((field, i) => {
      if (Object.hasOwn(columns, field.name)) throw new RangeError(`two columns called "${field.name}"`);
      columns[field.name] = withUnit(field, joined(field, parts.map((batch) => batch[i]!), dictionaries));
    });
    return { columns, length, metadata: Object.fromEntries(schema.metadata) };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const what = /outside the bounds/i.test(cause.message) ? "a message that is cut" : cause.message;
    throw new RangeError(`${name}: byte ${at}: expected an Arrow IPC message but found ${what}`, { cause });
  }
}

/** All parts of a column as one. Those that miss integers become floats, so that all are of one kind. */
function joined(field: ArrowField, parts: Part[], dictionaries: ReadonlyMap<number, DictColumn>): Column {
  if (parts.length === 0) {
    const none: ArrowBatch = { length: 0, nulls: [0], buffers: [], variadic: [0], body: new Uint8Array() };
    return new BatchReader(none).column(field, dictionaries).column;
  }
  const gaps = parts.some(({ missing }) => missing.length > 0);
  const columns = parts.map((part) => (gaps ? withGaps(field.name, part) : part.column));
  return columns.length === 1 ? columns[0]! : concatColumns(field.name, columns);
}

function withGaps(name: string, { column, missing }: Part): Column {
  if (column instanceof DictColumn) return column;
  const out = column instanceof Float64Array || column instanceof Float32Array
    ? column.slice()
    : Float64Array.from(column as Iterable<number | bigint>, (value) => {
      if (typeof value === "bigint" && !Number.isSafeInteger(Number(value))) {
        throw new TypeError(`Column "${name}" misses values and has ${value}, which a double cannot hold`);
      }
      return Number(value);
    });
  for (const row of missing) out[row] = NaN;
  return out;
}

function withUnit(field: ArrowField, column: Column): Column {
  const unit = field.metadata.get(UNIT_KEY);
  if (unit === "count" && !(column instanceof DictColumn) && !isBig(column)) return count(column);
  if (!(column instanceof Float64Array)) return column;
  return unit === "ns"
    ? ns(column)
    : unit === "ticks"
    ? ticks(column)
    : unit === "ratio"
    ? ratio(column)
    : column;
}

function isBig(column: Column): column is BigInt64Array | BigUint64Array {
  return column instanceof BigInt64Array || column instanceof BigUint64Array;
}

/** What makes an array over bytes. */
interface ArrayType<A> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
  readonly BYTES_PER_ELEMENT: number;
}

/** Takes the columns out of a batch one after the other, as its buffers follow on one another. */
class BatchReader {
  readonly #batch: ArrowBatch;
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(batch: ArrowBatch) {
    this.#batch = batch;
  }

  column(field: ArrowField, dictionaries: ReadonlyMap<number, DictColumn>): Part {
    if (field.dictionary !== undefined) return this.#indices(field, dictionaries);
    const { type, width, signed } = field;
    if (type === 5 || type === 20 || type === 24) return this.text(field);
    const missing = this.#missing();
    if (type === 2) return { column: this.#values(integerType(width, signed)), missing };
    if (type === 3 && width === 2) return { column: this.#values(Float64Array), missing };
    if (type === 3 && width === 1) return { column: this.#values(Float32Array), missing };
    if (type === 6) return { column: this.#bits(), missing };
    if (type === 8) return { column: this.#values(integerType(width === 0 ? 32 : 64, true)), missing };
    if (type === 9) return { column: this.#values(integerType(width, true)), missing };
    if (type === 10 || type === 18) return { column: this.#values(BigInt64Array), missing };
    throw new TypeError(
      `Column "${field.name}" has Arrow type ${TYPES[type] ?? type}, which no frame column holds`,
    );
  }

  #indices(field: ArrowField, dictionaries: ReadonlyMap<number, DictColumn>): Part {
    const { id, width, signed } = field.dictionary!;
    if (field.type !== 5 && field.type !== 20 && field.type !== 24) {
      throw new TypeError(
        `Column "${field.name}" has a dictionary of ${TYPES[field.type] ?? field.type}, not of text`,
      );
    }
    const missing = this.#missing();
    const found = this.#values(integerType(width, signed));
    const dictionary = dictionaries.get(id)?.dictionary;
    const { length } = this.#batch;
    if (dictionary === undefined && length > missing.length) throw new RangeError(`no dictionary ${id}`);
    const texts = dictionary ?? [];
    let codes = unsigned(found);
    let all = texts;
    if (missing.length > 0) {
      all = [...texts, ""];
      codes = Uint32Array.from(codes);
      for (const row of missing) codes[row] = texts.length;
    }
    for (let row = 0; row < length; row++) {
      if (!(codes[row]! < all.length)) {
        throw new RangeError(
          `code ${found[row]} in column "${field.name}", whose dictionary has ${all.length}`,
        );
      }
    }
    return { column: new DictColumn(codes, all), missing };
  }

  /** Text, encoded into a dictionary. */
  text(field: ArrowField): Part {
    const { length } = this.#batch;
    const missing = this.#missing();
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const piece = field.type === 24
      ? this.#views()
      : this.#offsets(field.type === 20 ? BigInt64Array : Int32Array);
    const gone = new Set(missing);
    const texts = function* () {
      for (let row = 0; row < length; row++) yield gone.has(row) ? "" : decoder.decode(piece(row));
    };
    return { column: DictColumn.from(texts()), missing };
  }

  #offsets(Type: ArrayType<Int32Array> | ArrayType<BigInt64Array>): (row: number) => Uint8Array {
    const { length } = this.#batch;
    const offsets = length === 0 && this.#peek() === 0
      ? (this.#next(), Int32Array.of(0))
      : this.#array<Int32Array | BigInt64Array>(Type, length + 1);
    const bytes = this.#next();
    return (row) => {
      const from = Number(offsets[row]);
      const to = Number(offsets[row + 1]);
      if (!(from >= 0 && from <= to && to <= bytes.length)) {
        throw new RangeError(`text from ${from} to ${to}`);
      }
      return bytes.subarray(from, to);
    };
  }

  #views(): (row: number) => Uint8Array {
    const { length } = this.#batch;
    const views = this.#next();
    if (views.length < length * 16) throw new RangeError(`${views.length} bytes of text views`);
    const more = this.#batch.variadic[this.#variadic++] ?? 0;
    const data = Array.from({ length: Math.min(more, this.#batch.buffers.length) }, () => this.#next());
    const view = new DataView(views.buffer, views.byteOffset, views.byteLength);
    return (row) => {
      const size = view.getInt32(row * 16, true);
      if (size >= 0 && size <= 12) return views.subarray(row * 16 + 4, row * 16 + 4 + size);
      const from = view.getInt32(row * 16 + 12, true);
      const bytes = data[view.getInt32(row * 16 + 8, true)];
      if (bytes === undefined || size < 0 || from < 0 || from + size > bytes.length) {
        throw new RangeError(`text of ${size} bytes at ${from}`);
      }
      return bytes.subarray(from, from + size);
    };
  }

  /** The rows that the validity bitmap leaves out. */
  #missing(): Uint32Array {
    const nulls = this.#batch.nulls[this.#node++] ?? 0;
    const bits = this.#next();
    const { length } = this.#batch;
    if (nulls === 0 || bits.length === 0) return new Uint32Array();
    if (bits.length * 8 < length) throw new RangeError(`${bits.length} bytes of validity for ${length} rows`);
    const rows: number[] = [];
    for (let row = 0; row < length; row++) if (((bits[row >> 3]! >> (row & 7)) & 1) === 0) rows.push(row);
    return Uint32Array.from(rows);
  }

  #bits(): Uint8Array {
    const bits = this.#next();
    const { length } = this.#batch;
    if (bits.length * 8 < length) throw new RangeError(`${bits.length} bytes of bits for ${length} rows`);
    return Uint8Array.from({ length }, (_, row) => (bits[row >> 3]! >> (row & 7)) & 1);
  }

  #values<A extends Exclude<Column, DictColumn>>(Type: ArrayType<A>): A {
    return this.#array(Type, this.#batch.length);
  }

  #array<A>(Type: ArrayType<A>, length: number): A {
    const bytes = this.#next();
    const size = length * Type.BYTES_PER_ELEMENT;
    if (bytes.length < size) throw new RangeError(`${bytes.length} bytes for ${length} values`);
    if (bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0) {
      return new Type(bytes.buffer, bytes.byteOffset, length);
    }
    return new Type(bytes.slice(0, size).buffer, 0, length);
  }

  #peek(): number {
    return this.#batch.buffers[this.#buffer]?.length ?? 0;
  }

  #next(): Uint8Array {
    const buffer = this.#batch.buffers[this.#buffer++];
    if (buffer === undefined && this.#batch.length > 0) {
      throw new RangeError("fewer buffers than the columns need");
    }
    return buffer === undefined
      ? new Uint8Array()
      : this.#batch.body.subarray(buffer.offset, buffer.offset + buffer.length);
  }
}

type Integers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

function integerType(width: number, signed: boolean): ArrayType<Integers> {
  if (width === 8) return signed ? Int8Array : Uint8Array;
  if (width === 16) return signed ? Int16Array : Uint16Array;
  if (width === 32) return signed ? Int32Array : Uint32Array;
  if (width === 64) return signed ? BigInt64Array : BigUint64Array;
  throw new RangeError(`integers of ${width} bits`);
}

/** The same memory as codes: one that is negative becomes one that is in no dictionary. */
function unsigned(values: Integers): Codes {
  const { buffer, byteOffset, length } = values;
  if (values instanceof Int8Array) return new Uint8Array(buffer, byteOffset, length);
  if (values instanceof Int16Array) return new Uint16Array(buffer, byteOffset, length);
  if (values instanceof Int32Array) return new Uint32Array(buffer, byteOffset, length);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return Uint32Array.from(
      values,
      (code) => (code >= 0n && code < 0xffff_ffffn ? Number(code) : 0xffff_ffff),
    );
  }
  return values;
}

/** Arrow's names of its types, by number (Schema.fbs). */
const TYPES = [
  "none",
  "null",
  "int",
  "float",
  "binary",
  "utf8",
  "bool",
  "decimal",
  "date",
  "time",
  "timestamp",
  "interval",
  "list",
  "struct",
  "union",
  "fixed-size binary",
  "fixed-size list",
  "map",
  "duration",
  "large binary",
  "large utf8",
  "large list",
  "run-end encoded",
  "binary view",
  "utf8 view",
  "list view",
  "large list view",
];
