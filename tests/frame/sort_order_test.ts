import assert from "node:assert/strict";
import { type Column, DictColumn } from "../../lib/frame/column.ts";
import { sortOrder } from "../../lib/frame/sort_order.ts";

/** xorshift32, so that every run sorts the same numbers. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function expected(column: Column, descending: boolean): number[] {
  const values = [...column as Iterable<number | bigint | string>];
  const isNaN = (value: unknown) => Number.isNaN(value);
  return values.map((_, row) => row).sort((a, b) => {
    const [x, y] = [values[a]!, values[b]!];
    if (isNaN(x) || isNaN(y)) return Number(isNaN(x)) - Number(isNaN(y));
    return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1);
  });
}

const next = random(20261121);
const from = (make: () => number) => Array.from({ length: 3000 }, make);
const columns: Record<string, Column> = {
  doubles: Float64Array.from(from(() => (next() - 0.5) * 10 ** Math.floor(next() * 30 - 10))),
  special: Float64Array.of(
    NaN,
    0,
    -0,
    Infinity,
    -Infinity,
    1,
    -1,
    NaN,
    5e-324,
    -5e-324,
    2 ** 53,
    0,
    1.7976931348623157e308,
  ),
  ties: Float64Array.from(from(() => Math.floor(next() * 5))),
  floats: Float32Array.from(from(() => next() - 0.5)),
  int32: Int32Array.from(from(() => (next() * 2 ** 32) | 0)),
  uint32: Uint32Array.from(from(() => next() * 2 ** 32)),
  int16: Int16Array.from(from(() => next() * 65536)),
  uint8: Uint8Array.from(from(() => next() * 256)),
  int64: BigInt64Array.from(from(next), (x) => BigInt(Math.floor((x - 0.5) * 2 ** 63))),
  uint64: BigUint64Array.from(from(next), (x) => BigInt(Math.floor(x * 2 ** 64))),
  names: DictColumn.from(from(next).map((x) => `task${Math.floor(x * 50)}`)),
  repeated: new DictColumn(Uint8Array.of(0, 1, 2, 0, 1), ["b", "a", "b"]),
  empty: new Float64Array(0),
  sorted: Float64Array.from({ length: 100 }, (_, row) => row),
};

for (const [name, column] of Object.entries(columns)) {
  Deno.test(`the order of ${name} is that of a stable comparison sort`, () => {
    for (const descending of [false, true]) {
      assert.deepEqual([...sortOrder(column, { descending })], expected(column, descending));
    }
  });
}
