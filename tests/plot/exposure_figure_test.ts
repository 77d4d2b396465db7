import assert from "node:assert/strict";
import { DictColumn, Frame } from "../../lib/frame/mod.ts";
import { type Figure, plotExposure, plotGangs } from "../../lib/plot/mod.ts";
import { HOSTILE, random } from "./example_gaps.ts";
import { assertGolden, xmlTags } from "./golden_svg.ts";

/** What each of `names` had beside each other, from nanoseconds to seconds, some nothing. */
function examplePairs(names: string[]) {
  const next = random(7);
  const rows = names.flatMap((attacker) =>
    names.filter((victim) => victim !== attacker).map((victim) => {
      const exposed = next() < 0.3 ? 0 : Math.round(10 ** (3 + 6 * next()));
      return { attacker, victim, exposed };
    })
  );
  const exposed = Float64Array.from(rows, (row) => row.exposed);
  return new Frame({
    attacker: DictColumn.from(rows.map((row) => row.attacker)),
    victim: DictColumn.from(rows.map((row) => row.victim)),
    exposed,
    beyond: exposed.map((time) => Math.round(time * 0.9)),
    upper: exposed.map((time) => time + 5e6),
  });
}

const NAMES = ["qemu-system-x86 [4711]", "qemu-system-x86 [4713]", HOSTILE, "db", "(kernel)"];

/** Machines with two, four and sixteen virtual CPUs. */
function exampleHistogram() {
  const next = random(11);
  const rows = [["small", 2], [HOSTILE, 4], ["qemu-system-x86 [4711]", 16]].flatMap(([group, members]) => {
    const shares = Array.from({ length: Number(members) + 1 }, () => next() ** 3);
    const sum = shares.reduce((a, b) => a + b, 0);
    return shares.map((share, running) => ({ group: String(group), running, share: share / sum }));
  });
  return new Frame({
    group: DictColumn.from(rows.map(({ group }) => group)),
    running: Int32Array.from(rows, ({ running }) => running),
    share: Float64Array.from(rows, ({ share }) => share),
  });
}

const figures: Record<string, () => Figure> = {
  "exposure": () => plotExposure(examplePairs(NAMES)),
  "exposure_many": () =>
    plotExposure(examplePairs(Array.from({ length: 40 }, (_, i) => `process ${i}`)), {
      limit: 14,
      width: 700,
    }),
  "gangs": () => plotGangs(exampleHistogram()),
};

for (const [name, draw] of Object.entries(figures)) {
  Deno.test(`${name}: the golden bytes, twice, and sound XML`, async () => {
    await assertGolden(draw(), name);
    assert.equal(draw().svg, draw().svg);
    const tags = await xmlTags(draw().svg);
    assert.ok(tags.length < 2000);
    assert.match(
      draw().svg,
      /^<svg [^>]*aria-label="(Matrix of time side by side|How many threads of each group)/,
    );
  });
}

Deno.test("the exposure matrix writes each time, the longest first in words, and says what is left out", () => {
  const pairs = new Frame({
    attacker: DictColumn.from(["a", "b", "c"]),
    victim: DictColumn.from(["b", "a", "a"]),
    exposed: Float64Array.of(2e6, 5e6, 0),
    beyond: Float64Array.of(0, 4e6, 0),
    upper: Float64Array.of(3e6, 6e6, 1e6),
  });
  const figure = plotExposure(pairs);
  assert.match(figure.alt, /: b beside a 5 ms; a beside b 2 ms$/);
  assert.ok(figure.svg.includes(">5 ms<") && !figure.svg.includes(">c<"));
  assert.match(plotExposure(pairs, { value: "upper" }).alt, /^Matrix of upper bound.*c beside a 1 ms/);
  assert.match(plotExposure(pairs, { value: "beyond" }).alt, /: b beside a 4 ms$/);
  assert.match(plotExposure(pairs, { value: "upper", limit: 2 }).html, /1 more group not shown/);
  assert.match(plotExposure(pairs.head(0)).alt, /No group was exposed/);
});

Deno.test("the bars of gangs write how many ran for which share, and say what is left out", () => {
  const histogram = new Frame({
    group: DictColumn.from(["vm", "vm", "other"]),
    running: Int32Array.of(2, 0, 1),
    share: Float64Array.of(0.25, 0.75, 1),
  });
  const figure = plotGangs(histogram);
  assert.match(figure.alt, /: vm 0 75 %, 2 25 %; other 1 100 %$/);
  assert.ok(figure.svg.includes(">2 ran 25 %<") && figure.svg.includes(">0 ran 75 %<"));
  assert.match(plotGangs(histogram, { limit: 1 }).html, /1 more group not shown/);
  assert.match(plotGangs(histogram.head(0)).alt, /No group has several threads/);
});
