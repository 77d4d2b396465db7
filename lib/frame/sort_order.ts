import { type Column, DictColumn, type NumericColumn } from "./column.ts";

/** Options of {@linkcode sortOrder} and of `Frame.sort`. */
export interface SortOptions {
  /** Largest first. NaN comes last either way. Default false. */
  descending?: boolean;
}

const SIGN = 0x80000000;
const DIGIT_SHIFTS = [0, 11, 22] as const;
const BUCKETS = 2048;

/**
 * Row numbers of `column` in ascending order of its values; rows of equal value stay in their order.
 *
 * Strings of a {@linkcode DictColumn} compare by code unit, -0 equals 0, NaN is last. A radix sort of eleven bits a
 * pass over 64-bit keys, in O(n): passes where all keys agree are skipped, and a column already in order costs one
 * sweep.
 */
export function sortOrder(column: Column, options: SortOptions = {}): Uint32Array {
  const { low, high } = keys(column, options.descending ?? false);
  let order = Uint32Array.from({ length: low.length }, (_, row) => row);
  if (isSorted(low, high)) return order;
  let next = new Uint32Array(order.length);
  const starts = new Uint32Array(BUCKETS);
  for (const word of [low, high]) {
    for (const shift of DIGIT_SHIFTS) {
      starts.fill(0);
      for (let row = 0; row < word.length; row++) starts[(word[row]! >>> shift) & (BUCKETS - 1)]!++;
      if (starts[(word[0]! >>> shift) & (BUCKETS - 1)] === word.length) continue;
      let start = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const size = starts[bucket]!;
        starts[bucket] = start;
        start += size;
      }
      for (let at = 0; at < order.length; at++) {
        const row = order[at]!;
        next[starts[(word[row]! >>> shift) & (BUCKETS - 1)]!++] = row;
      }
      [order, next] = [next, order];
    }
  }
  return order;
}

/** Unsigned 64-bit keys, in two words, that compare as the values do. */
function keys(column: Column, descending: boolean): { low: Uint32Array; high: Uint32Array } {
  if (column instanceof DictColumn) return keys(ranks(column), descending);
  const low = new Uint32Array(column.length);
  const high = new Uint32Array(column.length);
  const flip = descending ? 0xffffffff : 0;
  if (column instanceof BigInt64Array || column instanceof BigUint64Array) {
    const words = new Uint32Array(column.slice().buffer);
    const sign = column instanceof BigInt64Array ? SIGN : 0;
    for (let row = 0; row < low.length; row++) {
      low[row] = words[2 * row]! ^ flip;
      high[row] = words[2 * row + 1]! ^ sign ^ flip;
    }
  } else if (column instanceof Float64Array || column instanceof Float32Array) {
    const words = new Uint32Array(Float64Array.from(column).buffer);
    for (let row = 0; row < low.length; row++) {
      const value = column[row]!;
      if (value !== value) {
        low[row] = high[row] = 0xffffffff;
        continue;
      }
      // Negative numbers sort by all their bits turned, others (with -0 as 0) by the sign bit turned.
      const negative = value < 0 ? 0xffffffff : 0;
      const word = value === 0 ? 0 : words[2 * row + 1]!;
      low[row] = words[2 * row]! ^ negative ^ flip;
      high[row] = word ^ (negative | SIGN) ^ flip;
    }
  } else {
    for (let row = 0; row < low.length; row++) low[row] = (column[row]! + SIGN) ^ flip;
    if (column instanceof Uint32Array) {
      for (let row = 0; row < low.length; row++) low[row] = column[row]! ^ flip;
    }
  }
  return { low, high };
}

function ranks(column: DictColumn): NumericColumn {
  const sorted = [...new Set(column.dictionary)].sort((a, b) => a < b ? -1 : 1);
  const rank = new Map(sorted.map((text, at) => [text, at]));
  const ofCode = Int32Array.from(column.dictionary, (text) => rank.get(text)!);
  return Int32Array.from(column.codes, (code) => ofCode[code]!);
}

function isSorted(low: Uint32Array, high: Uint32Array): boolean {
  for (let row = 1; row < low.length; row++) {
    if (high[row - 1]! > high[row]!) return false;
    if (high[row - 1] === high[row] && low[row - 1]! > low[row]!) return false;
  }
  return true;
}
