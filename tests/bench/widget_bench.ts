/**
 * How long the timeline widget takes to be made out of a recording, how large it is, and how fast it moves in headless Chromium: with the
 * recording, and with ten million made-up slices. Prints; never fails by time.
 *
 * deno run -A tests/bench/widget_bench.ts [recording]
 */
import { gaps } from "../../lib/sched/gaps.ts";
import { runs } from "../../lib/sched/runs.ts";
import { states } from "../../lib/sched/states.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { timelineWidget, timelineWidgetOf } from "../../lib/plot/timeline_widget.ts";
import type { TimelineWidget } from "../../lib/plot/timeline_widget.ts";
import { driveFrames, frameLine } from "../plot/widget/drive_frames.ts";
import { madeUp } from "../plot/widget/made_up.ts";
import { factsOf, shown, withPage } from "../plot/widget/open_page.ts";
import { makePerfData } from "./make_perf_data.ts";
import { median } from "./side_by_side.ts";

const number = (value: number) => value.toLocaleString("en-US");

function timed<T>(name: string, work: () => T, rounds = 5): T {
  const times: number[] = [];
  let result!: T;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    result = work();
    times.push(performance.now() - start);
  }
  console.log(
    `${name.padEnd(34)} median ${median(times).toFixed(0)} ms, best ${Math.min(...times).toFixed(0)} ms`,
  );
  return result;
}

function size(widget: TimelineWidget): void {
  const bytes = widget.html.length;
  console.log(
    `${number(widget.slices)} slices in ${(bytes / 1e6).toFixed(1)} MB of HTML, ${
      (bytes / widget.slices).toFixed(2)
    } bytes a slice`,
  );
}

async function move(widget: TimelineWidget): Promise<void> {
  await withPage(`<!doctype html><meta charset="utf-8">${widget.html}`, async ({ page }) => {
    await shown(page);
    const { stats } = await factsOf(page);
    console.log(`shown ${stats.loadMs.toFixed(0)} ms after the page had the data`);
    for (const movement of await driveFrames(page)) console.log(frameLine(movement));
  });
}

const made = Deno.args[0] === undefined ? await Deno.makeTempFile({ suffix: ".perf.data" }) : undefined;
try {
  if (made !== undefined) await makePerfData(made, 200e6);
  const trace = await openTrace(Deno.args[0] ?? made!);
  console.log(`${number(trace.stream.length)} rows`);
  const ledger = gaps(trace);
  timed("runs() and states()", () => [runs(trace), states(trace).column("wake_source")]);
  const widget = timed(
    "timelineWidget(), all slices",
    () => timelineWidget(trace, { ledger, maxSlices: Infinity }),
    3,
  );
  size(widget);
  await move(widget);
} finally {
  if (made !== undefined) await Deno.remove(made);
}
const input = madeUp({ slices: 10_300_000 });
const large = timed("timelineWidgetOf(), made up", () => timelineWidgetOf(input), 1);
size(large);
await move(large);
