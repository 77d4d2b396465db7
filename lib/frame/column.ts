/** Columns that hold numbers. */
export type NumericColumn =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Columns that hold 64-bit integers. */
export type BigIntColumn = BigInt64Array | BigUint64Array;

/** Integer codes of a {@linkcode DictColumn}. */
export type Codes = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** Any column of a frame. */
export type Column = NumericColumn | BigIntColumn | DictColumn<string>;

/** The columns of a frame by name. */
export type Columns = Record<string, Column>;

/** The value that one cell of a column has. */
export type Value<X> = X extends DictColumn<infer S> ? S
  : X extends BigIntColumn ? bigint
  : number;

/**
 * A column of strings stored as integer codes into a dictionary.
 *
 * Satisfies Arquero's column interface (`length`, `at`, `get`, iterator), so that it enters a table uncopied, and
 * that of an Observable Plot channel (`transform`).
 */
export class DictColumn<S extends string = string> {
  /** One code for each row: an index into {@linkcode DictColumn.dictionary}. */
  readonly codes: Codes;
  /** The strings; a code is an index into it. */
  readonly dictionary: readonly S[];

  /** Wraps `codes` and `dictionary` without a copy. */
  constructor(codes: Codes, dictionary: readonly S[]) {
    this.codes = codes;
    this.dictionary = dictionary;
  }

  /** Encodes `values`, with the dictionary in order of first appearance. */
  static from<S extends string>(values: Iterable<S>): DictColumn<S> {
    const dictionary: S[] = [];
    const index = new Map<S, number>();
    const codes: number[] = [];
    for (const value of values) {
      let code = index.get(value);
      if (code === undefined) {
        code = dictionary.push(value) - 1;
        index.set(value, code);
      }
      codes.push(code);
    }
    return new DictColumn(Uint32Array.from(codes), dictionary);
  }

  /** Number of rows. */
  get length(): number {
    return this.codes.length;
  }

  /** The string of row `row`. */
  at(row: number): S {
    return this.dictionary[this.codes[row]!] as S;
  }

  /** The same as {@linkcode DictColumn.at}; older Arquero calls it so. */
  get(row: number): S {
    return this.at(row);
  }

  /** The strings as an array that shares them with the dictionary: what Observable Plot asks a channel for. */
  transform(): S[] {
    const { codes, dictionary } = this;
    return Array.from({ length: codes.length }, (_, row) => dictionary[codes[row]!] as S);
  }

  /** The strings in row order. */
  *[Symbol.iterator](): Iterator<S> {
    for (let row = 0; row < this.codes.length; row++) yield this.at(row);
  }
}
