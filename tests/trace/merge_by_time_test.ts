import assert from "node:assert/strict";
import { mergeByTime } from "../../lib/trace/merge_by_time.ts";

function list(...ts: number[]): { ts: Float64Array; length: number } {
  // The arrays may be longer than what counts.
  return { ts: Float64Array.from([...ts, -1, -1]), length: ts.length };
}

Deno.test("equal stamps keep the order of the lists", () => {
  const { list: from, row } = mergeByTime([list(1, 5, 5, 9), list(), list(0, 5, 10), list(5)]);
  assert.deepEqual([...from], [2, 0, 0, 0, 2, 3, 0, 2]);
  assert.deepEqual([...row], [0, 0, 1, 2, 1, 0, 3, 2]);
  assert.equal(mergeByTime([]).list.length, 0);
  assert.equal(mergeByTime([list()]).row.length, 0);
});

Deno.test("the same as a stable sort of everything", () => {
  const lists = Array.from({ length: 37 }, (_, k) => {
    let t = k % 5;
    return list(...Array.from({ length: (k * 31) % 90 }, (_, i) => t += (i * k) % 4));
  });
  const expected = lists.flatMap(({ ts, length }, k) =>
    Array.from({ length }, (_, i) => ({ t: ts[i]!, k, i }))
  )
    .sort((x, y) => x.t - y.t);
  const { list: from, row } = mergeByTime(lists);
  assert.deepEqual([...from], expected.map(({ k }) => k));
  assert.deepEqual([...row], expected.map(({ i }) => i));
});
