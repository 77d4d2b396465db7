import type { DuckDBDataChunk, DuckDBResult, DuckDBType } from "@duckdb/node-api";
import { type Column, type Columns, DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import type { DuckDBModule } from "./frame_scan.ts";

/** What is needed of the client's vectors. */
interface Vector {
  readonly items: ArrayLike<number | bigint>;
  readonly itemCount: number;
  readonly validity: { readonly data: BigUint64Array | null; itemValid(row: number): boolean };
  getItem(row: number): unknown;
}

/** Takes the chunks of one column, and makes a column of them. */
interface Collector {
  add(vector: Vector): void;
  finish(): Column;
}

/** All rows of `result` as a frame. Throws a TypeError that names a column whose type has no place in one. */
export async function resultFrame(
  duckdb: DuckDBModule,
  result: DuckDBResult,
  signal: AbortSignal | undefined,
): Promise<Frame<Columns>> {
  const names = result.deduplicatedColumnNames();
  const collectors = result.columnTypes().map((type, i) => collector(duckdb, names[i]!, type));
  let rows = 0;
  for (;;) {
    signal?.throwIfAborted();
    const chunk: DuckDBDataChunk | null = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    collectors.forEach((each, i) => each.add(chunk.getColumnVector(i) as unknown as Vector));
  }
  const columns = Object.fromEntries(names.map((name, i) => [name, collectors[i]!.finish()]));
  return new Frame<Columns>(columns, rows);
}

function collector(duckdb: DuckDBModule, name: string, type: DuckDBType): Collector {
  const { DuckDBTypeId: Id } = duckdb;
  switch (type.typeId) {
    case Id.DOUBLE:
      return new NumberCollector(name, Float64Array);
    case Id.FLOAT:
      return new NumberCollector(name, Float32Array);
    case Id.INTEGER:
      return new NumberCollector(name, Int32Array);
    case Id.UINTEGER:
      return new NumberCollector(name, Uint32Array);
    case Id.SMALLINT:
      return new NumberCollector(name, Int16Array);
    case Id.USMALLINT:
      return new NumberCollector(name, Uint16Array);
    case Id.TINYINT:
      return new NumberCollector(name, Int8Array);
    case Id.UTINYINT:
      return new NumberCollector(name, Uint8Array);
    case Id.BIGINT:
      return new NumberCollector(name, BigInt64Array);
    case Id.UBIGINT:
      return new NumberCollector(name, BigUint64Array);
    case Id.BOOLEAN:
      return new NumberCollector(name, Uint8Array, (value) => (value === true ? 1 : 0));
    case Id.HUGEINT:
    case Id.UHUGEINT:
      return new NumberCollector(name, BigInt64Array, (value) => {
        if (BigInt.asIntN(64, value as bigint) !== value) {
          throw new RangeError(
            `Column "${name}" has ${value}, which 64 bits do not hold: cast it to DOUBLE or VARCHAR`,
          );
        }
        return value as bigint;
      });
    case Id.DECIMAL:
      return new NumberCollector(
        name,
        Float64Array,
        (value) => (value as { toDouble(): number }).toDouble(),
      );
    case Id.SQLNULL:
      return new NumberCollector(name, Float64Array, () => NaN);
    case Id.ENUM:
      return new EnumCollector((type as unknown as { values: readonly string[] }).values);
    case Id.VARCHAR:
      return new TextCollector();
    default:
      throw new TypeError(
        `Column "${name}" is ${type}, which no frame column holds: cast it in the query, such as "${name}"::VARCHAR, ` +
          `or for a point in time epoch_ns("${name}")`,
      );
  }
}

type Numbers = Exclude<Column, DictColumn>;

class NumberCollector implements Collector {
  readonly #name: string;
  readonly #convert: ((value: unknown) => number | bigint) | undefined;
  #values: Numbers;
  #length = 0;
  /** Rows that are NULL. */
  readonly #nulls: number[] = [];

  constructor(
    name: string,
    Type: new (length: number) => Numbers,
    convert?: (value: unknown) => number | bigint,
  ) {
    this.#name = name;
    this.#values = new Type(2048);
    this.#convert = convert;
  }

  add(vector: Vector): void {
    const count = vector.itemCount;
    const at = this.#length;
    if (at + count > this.#values.length) {
      const Type = this.#values.constructor as new (length: number) => Numbers;
      const wider = new Type(Math.max(this.#values.length * 2, at + count)) as Float64Array;
      wider.set(this.#values as Float64Array);
      this.#values = wider;
    }
    const values = this.#values as Float64Array;
    if (this.#convert === undefined) values.set(vector.items as ArrayLike<number>, at);
    else {
      for (let row = 0; row < count; row++) {
        const value = vector.getItem(row);
        if (value !== null) values[at + row] = this.#convert(value) as number;
      }
    }
    if (vector.validity.data !== null) {
      for (let row = 0; row < count; row++) if (!vector.validity.itemValid(row)) this.#nulls.push(at + row);
    }
    this.#length = at + count;
  }

  finish(): Column {
    const values = this.#values.slice(0, this.#length) as Numbers;
    if (this.#nulls.length === 0) return values;
    const floats = values instanceof Float64Array || values instanceof Float32Array
      ? values
      : new Float64Array(values.length);
    if (floats !== values) {
      const nulls = new Set(this.#nulls);
      for (let row = 0; row < values.length; row++) {
        const value = values[row]!;
        if (typeof value === "bigint" && !nulls.has(row) && !Number.isSafeInteger(Number(value))) {
          throw new RangeError(
            `Column "${this.#name}" has NULLs and ${value}, which a double does not hold: use coalesce() or cast it to VARCHAR`,
          );
        }
        floats[row] = Number(value);
      }
    }
    for (const row of this.#nulls) floats[row] = NaN;
    return floats;
  }
}

/** Codes that grow. */
class CodeList {
  #codes = new Uint32Array(2048);
  #length = 0;

  room(count: number): { codes: Uint32Array; at: number } {
    if (this.#length + count > this.#codes.length) {
      const wider = new Uint32Array(Math.max(this.#codes.length * 2, this.#length + count));
      wider.set(this.#codes);
      this.#codes = wider;
    }
    const at = this.#length;
    this.#length += count;
    return { codes: this.#codes, at };
  }

  finish(): Uint32Array {
    return this.#codes.slice(0, this.#length);
  }
}

class EnumCollector implements Collector {
  readonly #members: readonly string[];
  readonly #codes = new CodeList();
  #hasNull = false;

  constructor(members: readonly string[]) {
    this.#members = members;
  }

  add(vector: Vector): void {
    const count = vector.itemCount;
    const { codes, at } = this.#codes.room(count);
    codes.set(vector.items as ArrayLike<number>, at);
    if (vector.validity.data === null) return;
    for (let row = 0; row < count; row++) {
      if (vector.validity.itemValid(row)) continue;
      this.#hasNull = true;
      codes[at + row] = this.#members.length;
    }
  }

  finish(): Column {
    return new DictColumn(this.#codes.finish(), this.#hasNull ? [...this.#members, ""] : this.#members);
  }
}

class TextCollector implements Collector {
  readonly #codes = new CodeList();
  readonly #dictionary: string[] = [];
  readonly #index = new Map<string, number>();

  add(vector: Vector): void {
    const count = vector.itemCount;
    const { codes, at } = this.#codes.room(count);
    for (let row = 0; row < count; row++) {
      const text = vector.getItem(row) as string | null ?? "";
      let code = this.#index.get(text);
      if (code === undefined) this.#index.set(text, code = this.#dictionary.push(text) - 1);
      codes[at + row] = code;
    }
  }

  finish(): Column {
    return new DictColumn(this.#codes.finish(), this.#dictionary);
  }
}
