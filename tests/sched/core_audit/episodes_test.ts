import assert from "node:assert/strict";
import { Episodes } from "../../../lib/sched/core_audit/episodes.ts";
import { randomFrom } from "../../seeded.ts";

Deno.test("the longest episodes are those that a sort of all of them has first", () => {
  const random = randomFrom(5);
  for (const count of [0, 1, 10, 300, 5000]) {
    const episodes = new Episodes();
    const all = Array.from({ length: count }, (_, i) => ({
      key: random(4),
      from: i * 10,
      dur: random(200),
      place: random(3),
      cut: random(5) === 0,
    }));
    for (const { key, from, dur, cut, place } of all) episodes.add(key, from, dur, cut, place);
    const sorted = all.toSorted((a, b) => b.dur - a.dur || a.from - b.from);
    for (const most of [0, 1, 7, 100, 10000]) {
      assert.deepEqual(episodes.longest(most), sorted.slice(0, most));
      assert.deepEqual(
        episodes.longest(most, (key) => key !== 2),
        sorted.filter(({ key }) => key !== 2).slice(0, most),
      );
    }
  }
});
