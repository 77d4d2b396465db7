import assert from "node:assert/strict";
import { count, DictColumn, Frame, minus, ns, plus, unitOf } from "../../lib/frame/mod.ts";

const frame = new Frame({
  ts: ns(Float64Array.of(1, 2)),
  dur: ns(Float64Array.of(10, 20)),
  switches: count(Int32Array.of(3, 4)),
  state: DictColumn.from<"R" | "S">(["R", "S"]),
});

// Every @ts-expect-error below is an assertion: deno check fails if the line under it compiles.

Deno.test("a misspelt column is an error of deno check", () => {
  // @ts-expect-error no such column
  assert.throws(() => frame.column("durr"), RangeError);
  // @ts-expect-error no such column
  assert.throws(() => frame.sort("durr"), RangeError);
  // @ts-expect-error no such column
  assert.throws(() => frame.select("ts", "durr"), RangeError);
  // @ts-expect-error no such column
  assert.throws(() => frame.rename({ durr: "x" }), RangeError);
  // @ts-expect-error no such column in a row
  assert.equal(frame.row(0).durr, undefined);
  // @ts-expect-error dropped by select
  assert.throws(() => frame.select("ts").column("dur"), RangeError);
  // @ts-expect-error the old name is gone
  assert.throws(() => frame.rename({ ts: "time" }).column("ts"), RangeError);
  frame.rename({ ts: "time" }).column("time").fill;
  frame.with({ lazy: () => Int8Array.of(1, 2) }).column("lazy").at(0)?.toFixed();
});

Deno.test("values have the type of their column", () => {
  const state: "R" | "S" = frame.row(0).state;
  assert.equal(state, "R");
  // @ts-expect-error a state is never Z here
  assert.equal(frame.filter((row) => row.state === "Z").length, 0);
  // @ts-expect-error a number is no string
  const text: string = frame.row(0).ts;
  assert.equal(text, 1);
});

Deno.test("adding nanoseconds to a count is an error of deno check", () => {
  assert.deepEqual(plus(frame.column("ts"), frame.column("dur")), Float64Array.of(11, 22));
  assert.deepEqual(minus(frame.column("dur"), frame.column("ts")), Float64Array.of(9, 18));
  assert.equal(unitOf(plus(frame.column("ts"), frame.column("dur"))), "ns");
  // @ts-expect-error ns + count
  plus(frame.column("ts"), frame.column("switches"));
  // @ts-expect-error count - ns
  minus(frame.column("switches"), frame.column("ts"));
  // @ts-expect-error an array of no declared unit
  plus(frame.column("ts"), Float64Array.of(1, 2));
  assert.throws(() => plus(frame.column("ts"), ns(Float64Array.of(1))), /found 2 and 1 rows/);
});

Deno.test("a unit is the same array, and stays through take and head", () => {
  const array = Float64Array.of(1, 2, 3);
  assert.equal(ns(array), array);
  const waits = new Frame({ x: array });
  assert.equal(unitOf(waits.head(1).column("x")), "ns");
  assert.equal(unitOf(waits.sort("x", { descending: true }).column("x")), "ns");
  assert.equal(unitOf(waits.concat(waits).column("x")), "ns");
});

Deno.test("a frame with more columns goes where fewer are asked for", () => {
  const length = <C extends { ts: Float64Array }>(some: Frame<C>) => some.column("ts").length;
  assert.equal(length(frame), 2);
  // @ts-expect-error it has no ts
  assert.throws(() => length(frame.select("dur")), RangeError);
});
