import assert from "node:assert/strict";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import {
  type Figure,
  plotCauseShare,
  plotGapHistogram,
  plotSurvival,
  plotTimeline,
} from "../../lib/plot/mod.ts";
import { EXAMPLE_GAP, exampleGaps, exampleSlices, exampleStates, HOSTILE, random } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

const SVG = "{http://www.w3.org/2000/svg}";
const ALLOWED = new Set(
  ["svg", "style", "g", "rect", "path", "line", "circle", "text", "tspan", "title"].map((tag) => SVG + tag),
);

const histograms = {
  run: new Frame({ from: Float64Array.of(0, 20, 1e3, 4e7), count: Float64Array.of(5, 1e9, 2e3, 1) }),
  [HOSTILE]: new Frame({ from: Float64Array.of(5e4, 1e5, 2e6), count: Float64Array.of(900, 95, 5) }),
};

/** Every figure that is a golden file. */
const figures: Record<string, () => Figure> = {
  "timeline": () =>
    plotTimeline(exampleSlices(), {
      highlight: EXAMPLE_GAP,
      culprit: 99,
      states: exampleStates(),
      markers: [{ ts: EXAMPLE_GAP.to + 5e6, label: `marker ${HOSTILE}` }],
    }),
  "timeline_window": () =>
    plotTimeline(exampleSlices(16), { highlight: EXAMPLE_GAP, from: 5e9, to: 5.03e9, width: 600, lanes: 8 }),
  "gap_histogram": () => plotGapHistogram(exampleGaps()),
  "gap_histogram_plain": () => plotGapHistogram(exampleGaps().select("dur"), { width: 500 }),
  "gap_histogram_one": () => plotGapHistogram(new Frame({ dur: Float64Array.of(5e6) })),
  "survival": () => plotSurvival(exampleGaps()),
  "survival_by_name": () => plotSurvival(exampleGaps(), { by: "comm" }),
  "survival_histograms": () => plotSurvival(histograms),
  "cause_share": () => plotCauseShare(exampleGaps()),
  "empty": () => plotGapHistogram(exampleGaps(1).head(0)),
};

for (const [name, draw] of Object.entries(figures)) {
  Deno.test(`${name}: the golden bytes, twice`, async () => {
    await assertGolden(draw(), name);
    assert.equal(draw().svg, draw().svg);
  });

  Deno.test(`${name}: XML of nothing but drawing elements, with a name and words`, async () => {
    const figure = draw();
    const tags = await xmlTags(figure.svg);
    assert.deepEqual(tags.filter((tag) => !ALLOWED.has(tag)), []);
    assert.match(figure.svg, /^<svg [^>]*role="img"/);
    assert.match(figure.svg, /^<svg [^>]*aria-label="[^"]+"/);
    assert.equal(String(figure), figure.alt);
    assert.ok(figure.alt.length > 10);
    assert.ok(tags.length < 10_000);
  });
}

Deno.test("a notebook gets inline SVG first, then words, then an image", () => {
  const figure = plotCauseShare(exampleGaps());
  const display =
    (figure as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!();
  assert.deepEqual(Object.keys(display), ["text/html", "text/plain", "image/svg+xml"]);
  assert.match(display["text/html"]!, /^<figure [^>]*><svg /);
  // A :root rule would restyle the whole notebook; it is for the stand-alone image only.
  assert.ok(!display["text/html"]!.includes(":root"));
  assert.match(display["image/svg+xml"]!, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
});

Deno.test("no figure makes a document global", () => {
  plotSurvival(exampleGaps());
  assert.equal("document" in globalThis, false);
});

Deno.test("a histogram's numbers are the counts of its bins", () => {
  const dur = Float64Array.of(1.5e3, 1.6e3, 1.7e3, 5e6);
  const texts = textsOf(plotGapHistogram(new Frame({ dur }), { perDecade: 1 }));
  assert.deepEqual(texts.filter((text) => /^\d+$/.test(text)).slice(-2), ["3", "1"]);
});

Deno.test("shares of causes: sorted, and written to the digit", () => {
  const frame = new Frame({
    cause: DictColumn.from(["irq", "queued", "irq", "steal"]),
    dur: Float64Array.of(1e6, 6e6, 1e6, 2e6),
  });
  const { alt } = plotCauseShare(frame);
  assert.equal(
    alt,
    "Share of 10 ms of gap time by cause: queued 6 ms · 60.0 %; irq 2 ms · 20.0 %; steal 2 ms · 20.0 %",
  );
  const many = new Frame({
    cause: DictColumn.from("abcdefgh"),
    dur: Float64Array.of(8, 7, 6, 5, 4, 3, 2, 1),
  });
  assert.match(
    plotCauseShare(many, { limit: 3 }).alt,
    /a 8 ns · 22\.2 %; b 7 ns · 19\.4 %; 6 more 21 ns · 58\.3 %$/,
  );
});

Deno.test("nothing to show is said, not thrown", () => {
  const none = exampleGaps().head(0);
  for (const figure of [plotGapHistogram(none), plotSurvival(none), plotSurvival({}), plotCauseShare(none)]) {
    assert.match(figure.alt, /^No gap/);
  }
  assert.match(
    plotTimeline(exampleSlices().head(0), { highlight: EXAMPLE_GAP }).alt,
    /No CPU has a run slice/,
  );
  assert.match(
    plotTimeline(exampleSlices(), { highlight: { tid: 1, from: 5, to: 5 } }).alt,
    /window is empty/,
  );
  const odd = new Frame({ dur: Float64Array.of(NaN, -1, 0, Infinity) });
  for (const figure of [plotGapHistogram(odd), plotSurvival(odd)]) assert.match(figure.alt, /^No gap/);
});

Deno.test("a trace of 200,000 slices on 40 CPUs is at most 10,000 marks, and says that it is not exact", async () => {
  const rows = 200_000;
  const next = random(3);
  const slices = new Frame({
    cpu: Uint16Array.from({ length: rows }, (_, row) => row % 40),
    ts: Float64Array.from({ length: rows }, (_, row) => 5e9 + Math.floor(row / 40) * 20_000),
    dur: Float64Array.from({ length: rows }, () => 2000 + next() * 17_000),
    tid: Int32Array.from({ length: rows }, (_, row) => row % 40 === 3 ? 4007 : 100 + row % 7),
    comm: DictColumn.from(Array.from({ length: rows }, () => "worker")),
  });
  const figure = plotTimeline(slices, { highlight: { tid: 4007, from: 5.03e9, to: 5.07e9 } });
  assert.ok((await xmlTags(figure.svg)).length < 10_000);
  assert.match(figure.html, /24 more CPUs are not shown\. Too many slices to draw/);
  assert.ok(textsOf(figure).includes("CPU 3"), "the CPU of the gap's thread is among those shown");
});

Deno.test("a thread that calls itself anew is called what it was called in the gap", () => {
  const slices = new Frame({
    cpu: Uint16Array.of(0, 0, 0, 0),
    ts: Float64Array.of(0, 100, 200, 900),
    dur: Float64Array.of(100, 100, 700, 100),
    tid: Int32Array.of(9, 7, 9, 9),
    comm: DictColumn.from(["cc", "victim", "cc1", "ld"]),
  });
  const { alt } = plotTimeline(slices, { highlight: { tid: 7, from: 200, to: 900 }, culprit: 9 });
  assert.match(alt, /in which victim \(7\) did not run; cc1 \(9\) took its time$/);
});

function textsOf(figure: Figure): string[] {
  return [...figure.svg.matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1]!);
}
