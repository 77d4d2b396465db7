import type { Column, Columns, Value } from "./column.ts";
import { DictColumn } from "./column.ts";

/** One row of a frame as an object. */
export type Row<C extends Columns> = { [K in keyof C]: Value<C[K]> };

/** Columns as given to {@linkcode Frame}: arrays, or functions that make one on first use. */
export type ColumnSources<C extends Columns> = { [K in keyof C]: C[K] | (() => C[K]) };

/** A table of typed columns. Nothing is copied on the way in or out; columns given as functions are made on first use. */
export class Frame<C extends Columns> {
  /** Number of rows. */
  readonly length: number;
  readonly #sources: ColumnSources<C>;

  /** Wraps `columns`, all of `length` rows (default: the length of the first column that is an array). */
  constructor(columns: ColumnSources<C>, length?: number) {
    this.#sources = { ...columns };
    this.length = length ?? Object.values(columns).find((c) => typeof c !== "function")?.length ?? 0;
  }

  /** Column names in order. */
  get names(): (keyof C & string)[] {
    return Object.keys(this.#sources);
  }

  /** The column `name` itself, not a copy. */
  column<K extends keyof C>(name: K): C[K] {
    const source = this.#sources[name];
    if (typeof source !== "function") return source;
    return this.#sources[name] = (source as () => C[K])();
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
}
