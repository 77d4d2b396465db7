import type { DuckDBTableFunction, DuckDBType } from "@duckdb/node-api";
import { type Codes, type Column, type Columns, DictColumn } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";

/** The client of DuckDB, once it is loaded. */
export type DuckDBModule = typeof import("@duckdb/node-api");

/** More texts than these, and their column is VARCHAR: an ENUM is written out in the catalog. */
const MOST_MEMBERS = 65_536;

/** Numbers as they enter a chunk; the same for the codes of an ENUM. */
type Numbers = Exclude<Column, DictColumn>;

/** A column as DuckDB scans it. */
interface Scanned {
  readonly type: DuckDBType;
  /** Puts the rows from `from` up to `to` into a vector of a chunk. */
  readonly fill: (vector: unknown, from: number, to: number) => void;
}

/** A table function over a frame. */
export interface FrameScan {
  /** To be registered. A connection keeps it as long as it lives. */
  readonly scan: DuckDBTableFunction;
  /** Lets go of the frame's columns: the function is not to be called again. */
  release(): void;
}

/** What is needed of the client's vectors. */
interface NumberVector {
  items: Numbers;
  flush(): void;
}
interface TextVector {
  setItem(row: number, value: string): void;
  flush(): void;
}

/**
 * A table function called `name` that gives the rows of `frame` out of its own arrays: nothing is copied before a query, and only
 * the columns that a query names.
 *
 * A `DictColumn` is an ENUM, whose members are in the order of their bytes: it sorts and compares as VARCHAR does, at the cost of
 * an integer.
 */
export function frameScan(duckdb: DuckDBModule, name: string, frame: Frame<Columns>): FrameScan {
  let columns = frame.names.map((column) => ({ name: column, ...scanned(duckdb, frame.column(column)) }));
  let rows = frame.length;
  const scan = duckdb.DuckDBTableFunction.create({
    name,
    supportsProjectionPushdown: true,
    bindFunction(info) {
      for (const column of columns) info.addResultColumn(column.name, column.type);
      info.setCardinality(rows, true);
    },
    initFunction(info) {
      info.setInitData({ at: 0, columns: info.getColumnIndexes() });
      info.setMaxThreads(1);
    },
    mainFunction(info, chunk) {
      const state = info.getInitData() as { at: number; columns: number[] };
      const from = state.at;
      const to = Math.min(rows, from + CHUNK);
      state.at = to;
      chunk.rowCount = to - from;
      if (to === from) return;
      state.columns.forEach((index, i) => {
        // A row number that is no column of ours, as count(*) may ask for.
        if (index < columns.length) columns[index]!.fill(chunk.getColumnVector(i), from, to);
      });
    },
  });
  const release = () => {
    columns = [];
    rows = 0;
  };
  return { scan, release };
}

/** Rows of a chunk: DuckDB's vector size. */
const CHUNK = 2048;

function scanned(duckdb: DuckDBModule, column: Column): Scanned {
  if (!(column instanceof DictColumn)) return { type: numberType(duckdb, column), fill: filler(column) };
  const texts = column.dictionary.map((text) => text.toWellFormed());
  const members = [...new Set(texts)].sort(byBytes);
  if (members.length === 0 || members.length > MOST_MEMBERS || members.some((text) => text.includes("\0"))) {
    const { codes } = column;
    return {
      type: duckdb.VARCHAR,
      fill(vector, from, to) {
        const out = vector as TextVector;
        for (let row = from; row < to; row++) out.setItem(row - from, texts[codes[row]!] ?? "");
        out.flush();
      },
    };
  }
  const place = new Map(members.map((text, at) => [text, at]));
  const recode = Uint32Array.from(texts, (text) => place.get(text)!);
  return { type: duckdb.ENUM(members), fill: filler(recoded(column.codes, recode, members.length)) };
}

/** The codes of an ENUM, of the width that DuckDB has them in. */
function recoded(codes: Codes, recode: Uint32Array, size: number): Numbers {
  const Type = size <= 256 ? Uint8Array : size <= 65_536 ? Uint16Array : Uint32Array;
  const out = new Type(codes.length);
  for (let row = 0; row < codes.length; row++) out[row] = recode[codes[row]!]!;
  return out;
}

function filler(values: Numbers): Scanned["fill"] {
  return (vector, from, to) => {
    const out = vector as NumberVector;
    (out.items as Float64Array).set(values.subarray(from, to) as Float64Array);
    out.flush();
  };
}

function numberType(duckdb: DuckDBModule, column: Numbers): DuckDBType {
  if (column instanceof Float64Array) return duckdb.DOUBLE;
  if (column instanceof Float32Array) return duckdb.FLOAT;
  if (column instanceof Int32Array) return duckdb.INTEGER;
  if (column instanceof Uint32Array) return duckdb.UINTEGER;
  if (column instanceof Int16Array) return duckdb.SMALLINT;
  if (column instanceof Uint16Array) return duckdb.USMALLINT;
  if (column instanceof Int8Array) return duckdb.TINYINT;
  if (column instanceof Uint8Array) return duckdb.UTINYINT;
  return column instanceof BigInt64Array ? duckdb.BIGINT : duckdb.UBIGINT;
}

/** The order of UTF-8 bytes, which is that of code points and not that of JavaScript's units. */
function byBytes(x: string, y: string): number {
  const [a, b] = [[...x], [...y]];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]!.codePointAt(0)! - b[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
