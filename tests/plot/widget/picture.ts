/**
 * Takes the picture of the widget for the README: a gap of a recording, its thread chosen.
 *
 * deno run -A tests/plot/widget/picture.ts RECORDING PICTURE.png [light|dark] [gap in ms]
 */
import { gaps } from "../../../lib/sched/gaps.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import { timelineWidget } from "../../../lib/plot/timeline_widget.ts";
import { factsOf, shown, withPage } from "./open_page.ts";

const [recording, picture, colorScheme = "light", length = "10"] = Deno.args;
if (recording === undefined || picture === undefined) {
  console.error("Usage: picture.ts RECORDING PICTURE.png [light|dark] [gap in ms]");
  Deno.exit(2);
}
const trace = await openTrace(recording);
const ledger = gaps(trace, { threshold: 500_000, limit: 100_000 });
const aim = Number(length) * 1e6;
const [gap] = [...ledger.gaps.rows()].filter(({ censored }) => censored === 0)
  .sort((x, y) => Math.abs(Math.log(x.dur / aim)) - Math.abs(Math.log(y.dur / aim)));
const widget = timelineWidget(trace, {
  ledger,
  title: "Why was it late?",
  height: 400,
  from: Math.max(trace.span.from, gap!.ts - 3e8),
  to: Math.min(trace.span.to, gap!.ts + gap!.dur + 3e8),
});
await withPage(
  `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><body>${widget.html}`,
  async ({ page }) => {
    await shown(page);
    await page.evaluate((place) => {
      // deno-lint-ignore no-explicit-any
      (globalThis as any).schedscopeWidgets[0].goTo(place);
    }, { ts: gap!.ts, dur: gap!.dur, tid: gap!.tid });
    const facts = await factsOf(page);
    const name = Object.keys(facts.lanes).find((lane) => lane.endsWith(`[${gap!.tid}]`))!;
    await page.mouse.move(facts.left + 0.33 * (facts.right - facts.left), facts.lanes[name]!);
    await page.waitForTimeout(300);
    await page.locator(".schedscope-widget").screenshot({ path: picture });
  },
  { colorScheme: colorScheme === "dark" ? "dark" : "light", viewport: { width: 960, height: 900 } },
);
