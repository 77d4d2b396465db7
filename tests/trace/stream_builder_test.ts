import assert from "node:assert/strict";
import { StreamBuilder } from "../../lib/trace/stream_builder.ts";

function build(stamps: readonly number[], keepFrom: number | undefined, settled: number, origin?: number) {
  const builder = new StreamBuilder(4, keepFrom === undefined ? {} : { keepFrom });
  stamps.forEach((ts, i) => {
    if (i === settled) builder.settle(Math.max(...stamps.slice(0, i)));
    builder.add(1, ts, 0, i, i, 0, 0, 0);
  });
  const { stream } = builder.finish(origin);
  return Array.from(stream.ts, (ts, row) => [ts, stream.tid[row]]);
}

Deno.test("rows older than what is kept are left out, settled or not", () => {
  assert.deepEqual(build([5, 3, 9, 7], undefined, 4), [[0, 1], [2, 0], [4, 3], [6, 2]]);
  for (const settled of [0, 2, 4]) {
    assert.deepEqual(build([5, 3, 9, 7], 5, settled, 0), [[5, 0], [7, 3], [9, 2]], `${settled} settled`);
  }
  assert.deepEqual(build([-Infinity, 3, 9, 7], 5, 0, 0), [[7, 3], [9, 2]]);
});

Deno.test("rows without a stamp come first and stamps never fall, also where there are some before the origin", () => {
  assert.deepEqual(build([5, -Infinity, 9], undefined, 0), [[0, 1], [0, 0], [4, 2]]);
  assert.deepEqual(build([5, -Infinity, 9], undefined, 0, 7), [[-2, 1], [-2, 0], [2, 2]]);
});
