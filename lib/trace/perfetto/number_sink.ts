import type { Column } from "../../frame/column.ts";

/** Integers of up to 64 bits, row by row, as two words each until it is known what holds all of them. */
export class NumberSink {
  readonly #words: Int32Array;
  readonly #signed: boolean;

  /** Rows that are never set hold 0. */
  constructor(rows: number, signed: boolean) {
    this.#words = new Int32Array(rows * 2);
    this.#signed = signed;
  }

  /** Sets row `row`. */
  set(row: number, low: number, high: number): void {
    this.#words[row * 2] = low;
    this.#words[row * 2 + 1] = high;
  }

  /** An Int32Array where they all fit, else a Float64Array, else bigints. */
  finish(): Column {
    const words = this.#words;
    const rows = words.length / 2;
    const signed = this.#signed;
    let small = true;
    let exact = true;
    for (let i = 0; i < words.length; i += 2) {
      const low = words[i]!;
      const high = words[i + 1]!;
      if (signed ? high !== low >> 31 : high !== 0 || low < 0) small = false;
      if (high >= 0x20_0000 || high < (signed ? -0x20_0000 : 0)) exact = false;
    }
    if (small) return Int32Array.from({ length: rows }, (_, row) => words[row * 2]!);
    if (exact) {
      return Float64Array.from(
        { length: rows },
        (_, row) => words[row * 2 + 1]! * 2 ** 32 + (words[row * 2]! >>> 0),
      );
    }
    const out = signed ? new BigInt64Array(rows) : new BigUint64Array(rows);
    for (let row = 0; row < rows; row++) {
      out[row] = (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]! >>> 0);
    }
    return out;
  }
}
