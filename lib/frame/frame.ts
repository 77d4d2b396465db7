import type { ColumnTable } from "arquero";
import { arqueroTable } from "./arquero.ts";
import type { Column, Columns, Value } from "./column.ts";
import { DictColumn } from "./column.ts";
import { concatColumns } from "./concat_columns.ts";
import { escapeHtml } from "./escape_html.ts";
import { readArrow } from "./from_arrow.ts";
import { type SortOptions, sortOrder } from "./sort_order.ts";
import { sliceColumn, takeColumn } from "./take_column.ts";
import { arrowBytes, type ToArrowOptions } from "./to_arrow.ts";
import { toCSV, type ToCSVOptions } from "./to_csv.ts";
import { toHTML, type ToHTMLOptions } from "./to_html.ts";
import { type TableSource, toText, type ToTextOptions } from "./to_text.ts";

/** One row of a frame as an object. */
export type Row<C extends Columns> = { [K in keyof C]: Value<C[K]> };

/** Columns as given to {@linkcode Frame}: arrays, or functions that make one on first use. */
export type ColumnSources<C extends Columns> = { [K in keyof C]: C[K] | (() => C[K]) };

/** The columns `C` with those of `D` added; where both have a name, that of `D`. */
export type Merged<C extends Columns, D extends Columns> = {
  [K in keyof C | keyof D]: K extends keyof D ? D[K] : K extends keyof C ? C[K] : never;
};

/** The columns `C` with the names of `M` changed to its values. */
export type Renamed<C extends Columns, M> = {
  [K in keyof C as K extends keyof M ? M[K] & string : K]: C[K];
};

const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");
const denoInspect: unique symbol = Symbol.for("Deno.customInspect");

/**
 * A table of typed columns. Nothing is copied on the way in or out; columns given as functions are made on first use.
 *
 * Frames do not change: every method returns a new frame that shares what it can with this one. In Observable Plot
 * columns are channels: `Plot.dot({ length: frame.length }, { x: frame.column("ts") })`.
 *
 * @example
 * ```ts
 * import { DictColumn, Frame } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * const runs = new Frame({
 *   tid: Int32Array.of(7, 8, 7),
 *   comm: DictColumn.from(["make", "cc1", "make"]),
 *   dur: Float64Array.of(2_000_000, 47_100_000, 950),
 * });
 * const longest = runs.sort("dur", { descending: true }).head(1);
 * assert.deepEqual(longest.row(0), { tid: 8, comm: "cc1", dur: 47_100_000 });
 * console.log(longest.toText());
 * ```
 */
export class Frame<C extends Columns> {
  /** Number of rows. */
  readonly length: number;
  readonly #sources: ColumnSources<C>;

  /**
   * Wraps `columns`, all of `length` rows. By default the length is that of the first column that is an array, or, if all are
   * functions, of what the first one makes. Throws a RangeError if an array is of another length.
   */
  constructor(columns: ColumnSources<C>, length?: number) {
    this.#sources = { ...columns };
    const names = this.names;
    const array = names.find((name) => typeof columns[name] !== "function") ?? names[0];
    this.length = length ?? (array === undefined ? 0 : this.#made(array).length);
    for (const name of names) {
      const source = this.#sources[name];
      if (typeof source !== "function") this.#checkLength(name, source);
    }
  }

  /**
   * The frame in Arrow IPC, a stream or a file: `bytes`, or the file at a path. See {@linkcode readArrow} for what becomes what;
   * it also gives the metadata. Throws a RangeError that names the byte where the input makes no sense.
   *
   * @example
   * ```ts
   * import { Frame } from "@schedscope/schedscope/frame";
   * import assert from "node:assert/strict";
   *
   * const bytes = new Frame({ ts: Float64Array.of(1, 2.5) }).toArrowIPC();
   * assert.deepEqual(Frame.fromArrow(bytes).column("ts"), Float64Array.of(1, 2.5));
   * ```
   */
  static fromArrow(source: Uint8Array | string): Frame<Columns> {
    const { columns, length } = readArrow(source);
    return new Frame<Columns>(columns, length);
  }

  /** Column names in order. */
  get names(): (keyof C & string)[] {
    return Object.keys(this.#sources);
  }

  /** The column `name` itself, not a copy. Throws a RangeError if there is none. */
  column<K extends keyof C>(name: K): C[K] {
    const column = this.#made(name);
    this.#checkLength(name, column);
    return column;
  }

  /** Row `row` as an object. For hot loops take the columns instead. */
  row(row: number): Row<C> {
    const out: Record<string, unknown> = {};
    for (const name of this.names) {
      const column: Column = this.column(name);
      out[name] = column instanceof DictColumn ? column.at(row) : column[row];
    }
    return out as Row<C>;
  }

  /** All rows as objects, one at a time. For the last mile: an object per row is slow for millions. */
  *rows(): Generator<Row<C>, void, undefined> {
    for (let row = 0; row < this.length; row++) yield this.row(row);
  }

  /**
   * The rows for which `test` holds.
   *
   * `test` is a function of a row, or a mask of one byte for each row (0 leaves it out), which is faster. The row given to the
   * function is one object that moves along: read it, do not keep it. It reads only the columns asked for, so that lazy columns stay so.
   */
  filter(test: ((row: Row<C>, index: number) => boolean) | Uint8Array): Frame<C> {
    const rows = new Uint32Array(this.length);
    let kept = 0;
    if (typeof test === "function") {
      let at = 0;
      const cursor = this.#cursor(() => at);
      for (; at < this.length; at++) if (test(cursor, at)) rows[kept++] = at;
    } else {
      if (test.length !== this.length) {
        throw new RangeError(`Expected a mask of ${this.length} rows but found ${test.length}`);
      }
      for (let at = 0; at < this.length; at++) if (test[at] !== 0) rows[kept++] = at;
    }
    return this.take(rows.slice(0, kept));
  }

  /** The rows numbered `rows`, in that order, copied. Throws a RangeError for a row that is not there. */
  take(rows: Uint32Array): Frame<C> {
    for (let at = 0; at < rows.length; at++) {
      if (rows[at]! >= this.length) {
        throw new RangeError(`Row ${rows[at]} is not in a frame of ${this.length} rows`);
      }
    }
    return this.#derived(rows.length, (column) => takeColumn(column, rows));
  }

  /** The rows from `from` up to but not `to`, as views of the same memory. Negative numbers count from the end. */
  slice(from = 0, to: number = this.length): Frame<C> {
    const [first, last] = [this.#clamped(from), this.#clamped(to)];
    const end = Math.max(first, last);
    return this.#derived(end - first, (column) => sliceColumn(column, first, end));
  }

  /** The first `count` rows, as views of the same memory. */
  head(count = 10): Frame<C> {
    return this.slice(0, Math.max(0, count));
  }

  /** The columns `names` only, in that order. Lazy ones stay lazy. */
  select<K extends keyof C & string>(...names: K[]): Frame<Pick<C, K>> {
    const columns: Record<string, Column | (() => Column)> = {};
    for (const name of names) columns[name] = this.#source(name);
    return new Frame(columns as ColumnSources<Pick<C, K>>, this.length);
  }

  /** The rows in ascending order of column `name`; rows of equal value stay in their order. NaN comes last. */
  sort(name: keyof C & string, options: SortOptions = {}): Frame<C> {
    return this.take(sortOrder(this.column(name), options));
  }

  /** This frame with `columns` added at its end, or put in the place of those of the same name. */
  with<D extends Columns>(columns: ColumnSources<D>): Frame<Merged<C, D>> {
    const sources: Record<string, unknown> = {};
    for (const name of this.names) sources[name] = this.#source(name);
    return new Frame({ ...sources, ...columns } as ColumnSources<Merged<C, D>>, this.length);
  }

  /** This frame with columns renamed: `frame.rename({ pid: "tid" })`. */
  rename<const M extends { [K in keyof C]?: string }>(
    names: M & { [K in Exclude<keyof M, keyof C>]: never },
  ): Frame<Renamed<C, M>> {
    for (const name of Object.keys(names)) this.#source(name);
    const columns: Record<string, unknown> = {};
    for (const name of this.names) {
      const to = (names as Record<string, string | undefined>)[name] ?? name;
      if (to in columns) throw new RangeError(`Two columns would be called "${to}"`);
      columns[to] = this.#source(name);
    }
    return new Frame(columns as ColumnSources<Renamed<C, M>>, this.length);
  }

  /** The rows of this frame, then those of `others`, copied. Dictionaries are merged. Throws if the columns differ in kind. */
  concat(...others: Frame<C>[]): Frame<C> {
    const frames = [this, ...others];
    const columns: Record<string, () => Column> = {};
    for (const name of this.names) {
      for (const frame of others) frame.#source(name);
      columns[name] = () => concatColumns(name, frames.map((frame): Column => frame.column(name)));
    }
    return new Frame(columns as ColumnSources<C>, frames.reduce((rows, frame) => rows + frame.length, 0));
  }

  /**
   * An Arquero `ColumnTable` over the same arrays: `frame.table.column("ts") === frame.column("ts")`.
   *
   * Arquero is evaluated on the first use of this, and every lazy column is made. In its expressions, group by few
   * keys and a million rows at most; beyond that a loop over columns is ten times faster.
   */
  get table(): ColumnTable {
    return arqueroTable(this.#all());
  }

  /**
   * The frame as Arrow IPC, which pandas, polars, DuckDB and Arquero read. Dictionary columns stay so; units are in the fields'
   * metadata. Throws a RangeError where a code is not in its dictionary.
   */
  toArrowIPC(options: ToArrowOptions = {}): Uint8Array {
    return arrowBytes(this.#all(), this.length, options);
  }

  /** The first rows as lines of text for a terminal; times are scaled for people. */
  toText(options: ToTextOptions = {}): string {
    return toText(this as TableSource, options);
  }

  /** The same as {@linkcode Frame.toText}. */
  toString(): string {
    return this.toText();
  }

  /** The first rows as an HTML table; every cell is escaped. */
  toHTML(options: ToHTMLOptions = {}): string {
    return toHTML(this as TableSource, options);
  }

  /** The frame as CSV; times are plain nanoseconds. */
  toCSV(options: ToCSVOptions = {}): string {
    return toCSV(this as TableSource, options);
  }

  /** The rows as objects for `JSON.stringify`: 64-bit integers as decimal strings, NaN as null. */
  toJSON(): Record<string, number | string | null>[] {
    const columns = Object.entries(this.toJSONColumns());
    return Array.from(
      { length: this.length },
      (_, row) => Object.fromEntries(columns.map(([name, values]) => [name, values[row]!])),
    );
  }

  /** The columns as plain arrays for `JSON.stringify`, values as {@linkcode Frame.toJSON} has them. */
  toJSONColumns(): Record<keyof C & string, (number | string | null)[]> {
    const plain = (value: number | bigint | string) =>
      typeof value === "bigint"
        ? String(value)
        : typeof value === "number" && !Number.isFinite(value)
        ? null
        : value;
    const entries = this.names.map((name) => {
      const column: Column = this.column(name);
      return [name, Array.from(column as Iterable<number | bigint | string>, plain)] as const;
    });
    return Object.fromEntries(entries) as Record<keyof C & string, (number | string | null)[]>;
  }

  /** What a notebook shows: an HTML table of the first rows, and the same as text. Never throws. */
  [jupyterDisplay](): Record<string, string> {
    try {
      return { "text/html": this.toHTML(), "text/plain": this.toText({ width: 110 }) };
    } catch (cause) {
      // The kernel reports a throwing display as success with no output: say it in the output instead.
      const text = `This frame cannot be shown: ${cause instanceof Error ? cause.message : String(cause)}`;
      return { "text/html": `<pre>${escapeHtml(text)}</pre>`, "text/plain": text };
    }
  }

  /** What `console.log` shows. */
  [denoInspect](): string {
    return `Frame of ${this.length.toLocaleString("en-US")} rows\n${this.toText()}`;
  }

  #all(): C {
    return Object.fromEntries(this.names.map((name) => [name, this.column(name)])) as unknown as C;
  }

  /** The array of column `name`, or a function that makes it. */
  #source<K extends keyof C>(name: K): C[K] | (() => C[K]) {
    if (!Object.hasOwn(this.#sources, name)) {
      throw new RangeError(`No column "${String(name)}"; the frame has: ${this.names.join(", ")}`);
    }
    // Through this frame, so that a lazy column is made once for all frames that share it.
    return typeof this.#sources[name] === "function" ? () => this.column(name) : this.#sources[name];
  }

  #made<K extends keyof C>(name: K): C[K] {
    const source = Object.hasOwn(this.#sources, name) ? this.#sources[name] : this.#source(name);
    return typeof source === "function" ? this.#sources[name] = (source as () => C[K])() : source as C[K];
  }

  #checkLength(name: keyof C, column: Column): void {
    if (column.length === this.length) return;
    throw new RangeError(
      `Column "${String(name)}" has ${column.length} rows where the frame has ${this.length}`,
    );
  }

  #derived(length: number, make: (column: Column) => Column): Frame<C> {
    const columns: Record<string, Column | (() => Column)> = {};
    for (const name of this.names) {
      const source: Column | (() => Column) = this.#source(name);
      columns[name] = typeof source === "function" ? () => make(source()) : make(source);
    }
    return new Frame(columns as ColumnSources<C>, length);
  }

  #cursor(at: () => number): Row<C> {
    const cursor = {};
    for (const name of this.names) {
      let column: Column | undefined;
      const get = () => {
        column ??= this.column(name) as Column;
        return column instanceof DictColumn ? column.at(at()) : column[at()];
      };
      Object.defineProperty(cursor, name, { enumerable: true, get });
    }
    return cursor as Row<C>;
  }

  #clamped(row: number): number {
    return Math.min(this.length, Math.max(0, row < 0 ? this.length + row : row));
  }
}
