import assert from "node:assert/strict";
import type { Columns } from "../../../lib/frame/column.ts";
import type { Frame } from "../../../lib/frame/frame.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { perfOutput, recordWithPerf } from "./record_with_perf.ts";

const rowsOf = <C extends Columns>(frame: Frame<C>) =>
  Array.from({ length: frame.length }, (_, i) => frame.row(i));

/** What a lazy open says must be what the stream says, of a sound file, one with losses, and one that is damaged. */
async function assertSame(path: string): Promise<void> {
  const whole = await openTrace(path);
  const lazy = await openTrace(path, { lazy: true });
  assert.equal(lazy.epoch, whole.epoch);
  assert.deepEqual(lazy.span, whole.span);
  assert.deepEqual([...lazy.counts], [...whole.counts]);
  assert.deepEqual(rowsOf(lazy.quality.holes), rowsOf(whole.quality.holes));
  assert.deepEqual(rowsOf(lazy.quality.coverage), rowsOf(whole.quality.coverage));
  assert.equal(lazy.quality.lost, whole.quality.lost);
  assert.equal(lazy.quality.share, whole.quality.share);
  assert.deepEqual(lazy.stream, whole.stream);
}

Deno.test("a lazy open of a perf.data says what a full one does, also where it is damaged, and counts as perf does", async () => {
  const path = await Deno.makeTempFile({ suffix: ".perf.data" });
  try {
    await recordWithPerf(path, ["perf", "bench", "sched", "messaging", "-g", "4", "-l", "200"], "16K");
    await assertSame(path);
    const script = await perfOutput("script", "-F", "event", "-i", path);
    const switches = script.split("\n").filter((line) => line.includes("sched:sched_switch")).length;
    assert.equal((await openTrace(path, { lazy: true })).counts.get("sched:sched_switch"), switches);
    const bytes = await Deno.readFile(path);
    const damaged = bytes.slice();
    // Nonsense in the middle, and what was written after it comes before it in time.
    damaged.fill(0xa5, bytes.length >> 1, (bytes.length >> 1) + 5000);
    const quarter = bytes.length >> 2 & ~7;
    damaged.copyWithin(quarter, quarter + 40_000, quarter + 60_000);
    await Deno.writeFile(path, damaged);
    await assertSame(path);
  } finally {
    await Deno.remove(path);
  }
});
