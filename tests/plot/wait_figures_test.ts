import assert from "node:assert/strict";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import {
  type Figure,
  plotBeforeAfter,
  plotCriticalPath,
  plotStateShare,
  plotWaitDistribution,
  plotWakeupChain,
} from "../../lib/plot/mod.ts";
import { compare, criticalPath, DelayHistogram, summary, waits, wakeupChain } from "../../lib/sched/mod.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";
import { HOSTILE, random } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

const SVG = "{http://www.w3.org/2000/svg}";
const ALLOWED = new Set(
  ["svg", "style", "g", "rect", "path", "line", "circle", "text", "tspan", "title"].map((tag) => SVG + tag),
);

const late: Task = { tid: 4001, comm: "late" };
const holder: Task = { tid: 4002, comm: HOSTILE };
const hog: Task = { tid: 4003, comm: "hog" };
const helper: Task = { tid: 4004, comm: "日本語のタスク" };

/** A thread that waits for one that waits for a CPU behind a hog, over and over. */
function lateTrace(rounds = 6) {
  const next = random(23);
  const writer = new TraceWriter().switch(0, 0, IDLE, 0, late).switch(1000, 1, IDLE, 0, holder);
  let at = 10_000;
  const step = (ms: number) => at += Math.round((0.2 + next()) * ms * 1e6);
  for (let round = 0; round < rounds; round++) {
    writer.switch(step(1), 1, holder, 1, hog);
    writer.switch(step(1), 0, late, 1, IDLE);
    writer.waking(step(1), 0, IDLE, helper, 0, 8);
    writer.switch(at + 4000, 0, IDLE, 0, helper);
    writer.waking(step(0.5) + 10_000, 0, helper, holder, 1);
    writer.switch(at + 20_000, 0, helper, 2, IDLE);
    writer.switch(step(6) + 30_000, 1, hog, 0x100, holder);
    writer.waking(step(2) + 40_000, 1, holder, late, 0);
    writer.switch(at + 60_000, 0, IDLE, 0, late);
    at += 100_000;
  }
  return writer.switch(at, 1, holder, 0x100, hog).trace();
}

function delays(shift: number, rows: number): Float64Array {
  const next = random(shift * 7 + 1);
  return Float64Array.from({ length: rows }, () => Math.round(shift * 3000 * (1 - next()) ** -0.8));
}

function comparison() {
  const next = random(5);
  const runs = (mean: number, spread: number) =>
    Float64Array.from({ length: 8 }, () => mean * (1 + spread * (next() - 0.5)));
  return compare(
    {
      p99_wait: runs(5e6, 0.2),
      max_wait: runs(4e7, 1.5),
      run_share: runs(1.6, 0.02),
      switches_per_s: runs(900, 0.1),
      [HOSTILE]: runs(20, 0.3),
      errors: runs(0, 0),
    },
    {
      p99_wait: runs(2e6, 0.2),
      max_wait: runs(5e7, 1.5),
      run_share: runs(1.61, 0.02),
      switches_per_s: runs(4000, 0.2),
      [HOSTILE]: runs(21, 0.3),
      errors: runs(3, 0.5),
    },
  );
}

const whole = (trace = lateTrace()) => criticalPath(trace, late.tid, 0, trace.span.to);

const figures: Record<string, () => Figure> = {
  "wait_distribution": () => {
    const rows = 3000;
    const delay = Float64Array.from([...delays(1, rows), ...delays(4, rows / 10)]);
    const comm = DictColumn.from(Array.from(delay, (_, row) => row < rows ? "make" : HOSTILE));
    return plotWaitDistribution(new Frame({ delay, comm }));
  },
  "wait_distribution_histograms": () =>
    plotWaitDistribution({
      before: DelayHistogram.of(delays(3, 5000)),
      after: DelayHistogram.of(delays(1, 5000)),
    }),
  "state_share": () => plotStateShare(summary(lateTrace())),
  "state_share_few": () => plotStateShare(summary(lateTrace()), { limit: 2, width: 500 }),
  "critical_path": () => plotCriticalPath(whole()),
  "critical_path_lanes": () => plotCriticalPath(whole(), { lanes: 2, width: 560 }),
  "wakeup_chain": () => plotWakeupChain(wakeupChain(lateTrace(), late.tid, 1e9)),
  "before_after": () => plotBeforeAfter(comparison(), { before: "eevdf", after: "bore" }),
};

for (const [name, draw] of Object.entries(figures)) {
  Deno.test(`${name}: the golden bytes, XML of nothing but drawing elements, with words`, async () => {
    const figure = draw();
    await assertGolden(figure, name);
    assert.equal(draw().svg, figure.svg);
    const tags = await xmlTags(figure.svg);
    assert.deepEqual(tags.filter((tag) => !ALLOWED.has(tag)), []);
    assert.ok(tags.length < 10_000);
    assert.match(figure.svg, /^<svg [^>]*aria-label="[^"]{20,}"/);
    assert.ok(!figure.html.includes("<img"));
  });
}

Deno.test("the words say what the figures show", () => {
  assert.match(
    plotWaitDistribution(waits(lateTrace())).alt,
    /^Survival curves of wait lengths\. .*late: 5 waits, longest/,
  );
  assert.match(figures["state_share"]!().alt, /late \[4001\]: running \d+(\.\d)? %, /);
  assert.match(
    figures["critical_path"]!().alt,
    /^Critical path of late \[4001\] over \d.*queued behind hog \[4003\] \d/,
  );
  assert.match(
    figures["wakeup_chain"]!().alt,
    /^Wakeup chain over .*: irq, then .* waited .*, was preempted .* and ran /,
  );
  const { alt, html } = figures["before_after"]!();
  assert.match(alt, /p99_wait: −\d\d % \(\S+ ms → \S+ ms\), lower/);
  assert.match(alt, /switches_per_s: \+\d{3} % .*, higher/);
  assert.match(html, /No percentage: errors\./);
});

Deno.test("nothing to show is said, not thrown; thousands of parts become few marks", () => {
  const trace = lateTrace();
  assert.match(plotWaitDistribution(waits(trace).head(0)).alt, /^No wait was found/);
  assert.match(plotWaitDistribution({}).alt, /^No wait was found/);
  assert.match(plotStateShare(summary(trace).head(0)).alt, /^No thread/);
  assert.match(plotCriticalPath(whole().head(0)).alt, /^The path is empty/);
  assert.match(plotWakeupChain(wakeupChain(trace, late.tid, 0)).alt, /^No wakeup is known/);
  assert.match(plotBeforeAfter(comparison().head(0)).alt, /^No metric can be compared/);
  const long = lateTrace(3000);
  const figure = plotCriticalPath(whole(long));
  assert.ok(figure.svg.split("<").length < 10_000, `${figure.svg.split("<").length} tags`);
  assert.match(figure.html, /wakeups are too many for arrows/);
});
