import type { NumericColumn } from "./column.ts";

/** A unit of measure that a column or a number is known to have. */
export type UnitName = "ns" | "count" | "ticks" | "ratio";

/** Marks a type with the unit `U`. It exists for the compiler only: nothing is stored. */
export interface Unit<U extends UnitName> {
  /** Never there at run time. */
  readonly "~unit": U;
}

/** A column of nanoseconds: a time since the trace's epoch, or a duration. */
export type Ns = Float64Array & Unit<"ns">;

/** A column of counts (switches, gaps, samples). */
export type Count<A extends NumericColumn = Float64Array> = A & Unit<"count">;

/** A column of time stamp counter ticks. */
export type Ticks = Float64Array & Unit<"ticks">;

/** A column of shares and quotients, 1 is the whole. */
export type Ratio = Float64Array & Unit<"ratio">;

const UNITS = new WeakMap<object, UnitName>();

/**
 * Declares that `column` holds nanoseconds. Returns the very same array; tables then scale it for people.
 *
 * @example
 * ```ts
 * import { Frame, ns } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * const frame = new Frame({ wait: ns(Float64Array.of(47_100_000, 950)) });
 * assert.match(frame.toText(), /47\.1 ms/);
 * ```
 */
export function ns(column: Float64Array): Ns {
  return branded(column, "ns");
}

/** Declares that `column` holds counts. Returns the very same array. */
export function count<A extends NumericColumn>(column: A): Count<A> {
  return branded(column, "count");
}

/** Declares that `column` holds time stamp counter ticks. Returns the very same array. */
export function ticks(column: Float64Array): Ticks {
  return branded(column, "ticks");
}

/** Declares that `column` holds shares or quotients. Returns the very same array. */
export function ratio(column: Float64Array): Ratio {
  return branded(column, "ratio");
}

/** The unit that `column` was declared to have, or undefined. */
export function unitOf(column: object): UnitName | undefined {
  return UNITS.get(column);
}

/** Gives `to` the unit of `from`, if it has one; returns `to`. For code that makes a column out of another. */
export function keepUnit<A extends object>(from: object, to: A): A {
  const name = UNITS.get(from);
  if (name !== undefined) UNITS.set(to, name);
  return to;
}

function branded<A extends NumericColumn, U extends UnitName>(column: A, name: U): A & Unit<U> {
  UNITS.set(column, name);
  return column as A & Unit<U>;
}
