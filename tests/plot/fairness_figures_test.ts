import assert from "node:assert/strict";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import { type Figure, plotJain, plotLag, plotRunqueueDepth } from "../../lib/plot/mod.ts";
import { HOSTILE } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

/** Four CPUs for two seconds: one idle, one busy, one that fills up, one with a hole. */
function exampleDepth() {
  const rows: [cpu: number, ts: number, dur: number, depth: number, censored: number][] = [
    [0, 0, 2e9, 0, 0],
    [1, 0, 2e9, 1, 0],
    ...Array.from(
      { length: 20 },
      (_, i) => [2, i * 1e8, 1e8, i, 0] as [number, number, number, number, number],
    ),
    [3, 0, 5e8, 2, 0],
    [3, 5e8, 5e8, 0, 1],
    [3, 1e9, 1e9, 3, 0],
  ];
  return new Frame({
    cpu: Uint16Array.from(rows, ([cpu]) => cpu),
    ts: Float64Array.from(rows, ([, ts]) => ts),
    dur: Float64Array.from(rows, ([, , dur]) => dur),
    depth: Int32Array.from(rows, ([, , , depth]) => depth),
    censored: Uint8Array.from(rows, ([, , , , censored]) => censored),
  });
}

function exampleJain() {
  const window = Float64Array.of(10e6, 20e6, 50e6, 100e6, 200e6, 500e6, 1e9);
  const jain = window.map((length) => 1 - 0.7 / (1 + length / 30e6));
  return new Frame({
    window,
    windows: Int32Array.from(window, (length) => Math.floor(1e10 / length)),
    jain,
    jain_p10: jain.map((index) => index ** 1.6),
    jain_min: jain.map((index) => index ** 3),
    counted: new Float64Array(7).fill(4),
  });
}

function exampleLag() {
  const names = ["hog 1 (nice 0)", "hog 2 (nice 5)", HOSTILE, "sleeper"];
  const bins = 200;
  const at = (i: number) => i % bins;
  const value = (i: number) => {
    const name = Math.floor(i / bins);
    const t = (at(i) + 1) / bins;
    return [2e7 * Math.sin(9 * t), -1.6e7 * t, 4e7 * t * t, 4.02e7 * t * t][name]!;
  };
  const rows = Array.from({ length: names.length * bins }, (_, i) => i);
  return new Frame({
    name: new DictColumn(Uint8Array.from(rows, (i) => Math.floor(i / bins)), names),
    ts: Float64Array.from(rows, (i) => (at(i) + 1) * 1e7),
    lag: Float64Array.from(rows, value),
    censored: Uint8Array.from(rows, (i) => at(i) >= 60 && at(i) < 75 ? 1 : 0),
  });
}

const figures: Record<string, () => Figure> = {
  "runqueue_depth": () => plotRunqueueDepth(exampleDepth()),
  "jain": () => plotJain(exampleJain()),
  "lag": () => plotLag(exampleLag()),
};

const SVG = "{http://www.w3.org/2000/svg}";
const ALLOWED = new Set(
  ["svg", "style", "g", "rect", "path", "line", "circle", "text", "title"].map((tag) => SVG + tag),
);

for (const [name, draw] of Object.entries(figures)) {
  Deno.test(`${name}: the golden bytes, of drawing elements only`, async () => {
    await assertGolden(draw(), name);
    assert.equal(draw().svg, draw().svg);
    const tags = await xmlTags(draw().svg);
    assert.deepEqual(tags.filter((tag) => !ALLOWED.has(tag)), []);
    assert.ok(tags.length < 10_000);
  });
}

Deno.test("the figures of fairness say in words what they show", () => {
  assert.equal(
    plotRunqueueDepth(exampleDepth()).alt,
    "Runqueue depth of 4 CPUs over 2 s: 3.33 threads on a CPU in the mean, deepest on CPU 2 with 19 threads at 1.9 s",
  );
  assert.match(
    plotJain(exampleJain()).alt,
    /^Jain's fairness index of up to 4 .*mean: 10 ms 0\.475; .*1 s 0\.98$/,
  );
  assert.match(
    plotLag(exampleLag()).alt,
    /^Lag over 2 s, at the end: hog 1 \(nice 0\) is owed 8\.24 ms; hog 2 /,
  );
  assert.ok(!plotLag(exampleLag()).svg.includes(HOSTILE));
});

Deno.test("few CPUs of many, and few lines of many, are shown, and it is said", () => {
  const cpu = Uint16Array.from({ length: 300 }, (_, i) => i);
  const many = new Frame({
    cpu,
    ts: new Float64Array(300),
    dur: new Float64Array(300).fill(1e9),
    depth: Int32Array.from(cpu, (on) => on % 7),
    censored: new Uint8Array(300),
  });
  const figure = plotRunqueueDepth(many);
  assert.match(figure.html, /236 more CPUs, with fewer threads, are not shown/);
  assert.ok((figure.svg.match(/<rect/g) ?? []).length < 10_000);
  assert.ok(!plotLag(exampleLag(), { limit: 2 }).alt.includes("sleeper"));
});

Deno.test("the figures of fairness with nothing to show say so", () => {
  assert.match(plotRunqueueDepth(exampleDepth().head(0)).alt, /No CPU's runqueue/);
  assert.match(plotRunqueueDepth(exampleDepth(), { from: 5, to: 5 }).alt, /No CPU's runqueue/);
  assert.match(plotJain(exampleJain().head(0)).alt, /In no window/);
  assert.match(plotLag(exampleLag().head(0)).alt, /Nobody competed/);
});
