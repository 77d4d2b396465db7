import assert from "node:assert/strict";
import { CAUSE_COLORS, causeColor, CULPRIT_COLOR, textColorOn, VICTIM_COLOR } from "../../lib/plot/mod.ts";
import { GAP_CAUSES } from "../../lib/sched/gap_cause.ts";

Deno.test("every cause of the ledger has its own colour", () => {
  for (const cause of GAP_CAUSES) assert.ok(Object.hasOwn(CAUSE_COLORS, cause), cause);
  assert.equal(new Set(Object.values(CAUSE_COLORS)).size, Object.keys(CAUSE_COLORS).length);
  assert.equal(causeColor("constructor"), CAUSE_COLORS["unknown"]);
});

/** Linear RGB seen by a protanope, a deuteranope, a tritanope: Machado, Oliveira and Fernandes 2009, severity 1. */
const DEFICIENCIES = {
  none: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
};

/** CIE L*a*b* of an `#rrggbb` colour (D65) as seen with `matrix`. */
function lab(color: string, matrix: number[][]): number[] {
  const linear = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const rgb = matrix.map((row) =>
    Math.min(1, Math.max(0, row.reduce((sum, m, at) => sum + m * linear[at]!, 0)))
  );
  const xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    .map((row) => row.reduce((sum, m, at) => sum + m * rgb[at]!, 0));
  const f = [0.95047, 1, 1.08883].map((white, at) => {
    const t = xyz[at]! / white;
    return t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 * t + 16) / 116;
  });
  return [116 * f[1]! - 16, 500 * (f[0]! - f[1]!), 200 * (f[1]! - f[2]!)];
}

for (const [name, matrix] of Object.entries(DEFICIENCIES)) {
  Deno.test(`colours stay apart, seen as: ${name}`, () => {
    const distance = (a: string, b: string) =>
      Math.hypot(...lab(a, matrix).map((value, at) => value - lab(b, matrix)[at]!));
    assert.ok(distance(VICTIM_COLOR, CULPRIT_COLOR) > 40);
    const colors = Object.entries(CAUSE_COLORS);
    const close = colors.flatMap(([one, a], at) =>
      colors.slice(at + 1).filter(([, b]) => distance(a, b) < 11).map(([other, b]) =>
        `${one}/${other} ${distance(a, b).toFixed(1)}`
      )
    );
    assert.deepEqual(close, []);
  });
}

Deno.test("colours are seen on white and on near-black, and text on them is read", () => {
  const luminance = (color: string) => ((lab(color, DEFICIENCIES.none)[0]! + 16) / 116) ** 3;
  const contrast = (a: string, b: string) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high! + 0.05) / (low! + 0.05);
  };
  for (const color of Object.values(CAUSE_COLORS)) {
    assert.ok(contrast(color, "#ffffff") > 1.9, `${color} on white ${contrast(color, "#ffffff")}`);
    assert.ok(contrast(color, "#14171b") > 1.9, `${color} on dark ${contrast(color, "#14171b")}`);
    assert.ok(contrast(color, textColorOn(color)) > 4.5, `text on ${color}`);
  }
});
