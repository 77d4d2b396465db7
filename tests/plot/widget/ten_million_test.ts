import assert from "node:assert/strict";
import { timelineWidgetOf } from "../../../lib/plot/timeline_widget.ts";
import { driveFrames, frameLine } from "./drive_frames.ts";
import { madeUp } from "./made_up.ts";
import { factsOf, shown, withPage } from "./open_page.ts";

Deno.test("ten million slices move at the pace of the screen, and a frame's work does not grow with them", async () => {
  const slices = timelineWidgetOf(madeUp({ slices: 10_300_000 }));
  assert.ok(slices.slices > 10_000_000);
  assert.ok(slices.html.length < 5 * slices.slices, `${slices.html.length} bytes`);
  await withPage(`<!doctype html><meta charset="utf-8">${slices.html}`, async ({ page }) => {
    await shown(page);
    const { stats } = await factsOf(page);
    assert.equal(stats.slices, slices.slices);
    const movements = await driveFrames(page, 60);
    console.log(
      `${stats.slices.toLocaleString("en-US")} slices, shown ${
        stats.loadMs.toFixed(0)
      } ms after the page had them`,
    );
    for (const movement of movements) console.log(frameLine(movement));
    for (const { movement, median, drawn } of movements) {
      // 16.7 ms is the aim; this machine may have no graphics processor and do other work.
      assert.ok(median < 50, `${movement}: ${median} ms a frame`);
      // A pixel column of a lane is a step at most: 800 x (8 CPUs + some 10 threads).
      assert.ok(drawn < 20_000, `${movement}: ${drawn} steps`);
    }
  });
});
