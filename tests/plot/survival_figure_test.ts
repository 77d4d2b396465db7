import assert from "node:assert/strict";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import { plotSurvival } from "../../lib/plot/mod.ts";

Deno.test("curves keep the order and so the colours of their groups; the smallest are left out", () => {
  const frame = new Frame({
    dur: Float64Array.of(1e3, 2e3, 3e3, 4e3, 5e3, 6e3),
    kind: DictColumn.from(["small", "wake", "wake", "run", "run", "run"]),
  });
  assert.equal(
    plotSurvival(frame, { limit: 2 }).alt,
    "Survival curves of gap lengths. wake: 2 gaps, longest 3 µs; run: 3 gaps, longest 6 µs",
  );
  assert.match(plotSurvival(frame).alt, /small: 1 gap, longest 1 µs/);
});

Deno.test("a histogram speaks of samples, and of its largest only what it knows", () => {
  const buckets = new Frame({ from: Float64Array.of(10, 4.7e7), count: Float64Array.of(1e9, 1) });
  assert.equal(
    plotSurvival({ run: buckets }).alt,
    "Survival curves of sample lengths. run: 1,000,000,001 samples, longest ≥ 47 ms",
  );
});

Deno.test("a column to group by must be a dictionary, and must be there", () => {
  const frame = new Frame({ dur: Float64Array.of(1), tid: Int32Array.of(1) });
  assert.throws(() => plotSurvival(frame, { by: "tid" }), /Expected column "tid" to be a dictionary column/);
  assert.throws(() => plotSurvival(frame, { by: "nope" }), /No column "nope"/);
});
