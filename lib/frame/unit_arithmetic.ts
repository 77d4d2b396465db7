import type { NumericColumn } from "./column.ts";
import { keepUnit, type Unit, type UnitName } from "./units.ts";

/**
 * `a + b`, row by row, as a new column of the same unit.
 *
 * Columns of different units, and columns of no declared unit, are an error of `deno check`. Throws a RangeError if
 * the lengths differ.
 *
 * @example
 * ```ts
 * import { ns, plus } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * const end = plus(ns(Float64Array.of(10, 20)), ns(Float64Array.of(1, 2)));
 * assert.deepEqual(end, Float64Array.of(11, 22));
 * ```
 */
export function plus<U extends UnitName>(
  a: NumericColumn & Unit<U>,
  b: NumericColumn & Unit<NoInfer<U>>,
): Float64Array & Unit<U> {
  const out = sameLength(a, b);
  for (let row = 0; row < out.length; row++) out[row] = a[row]! + b[row]!;
  return keepUnit(a, out) as Float64Array & Unit<U>;
}

/** `a - b`, row by row, as a new column of the same unit; otherwise as {@linkcode plus}. */
export function minus<U extends UnitName>(
  a: NumericColumn & Unit<U>,
  b: NumericColumn & Unit<NoInfer<U>>,
): Float64Array & Unit<U> {
  const out = sameLength(a, b);
  for (let row = 0; row < out.length; row++) out[row] = a[row]! - b[row]!;
  return keepUnit(a, out) as Float64Array & Unit<U>;
}

function sameLength(a: NumericColumn, b: NumericColumn): Float64Array {
  if (a.length !== b.length) {
    throw new RangeError(`Expected two columns of one length but found ${a.length} and ${b.length} rows`);
  }
  return new Float64Array(a.length);
}
