import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { causeColor } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";

/** Columns that {@linkcode plotCauseShare} reads: one row for each gap, or for each cause. */
export type CauseShareColumns = {
  /** What caused it. */
  cause: DictColumn;
  /** ns. */
  dur: NumericColumn;
};

/** Options of {@linkcode plotCauseShare}. */
export interface CauseShareOptions {
  /** Width, px. Default 860. */
  width?: number;
  /** Most bars; smaller causes are summed up as one. Default 12. */
  limit?: number;
}

/** Share of all gap time for each cause, the largest first: bars with time and percent written at their end. */
export function plotCauseShare<C extends CauseShareColumns>(
  frame: Frame<C>,
  options: CauseShareOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, limit = 12 } = options;
  const causes = summed(frame.column("cause"), frame.column("dur"));
  const total = causes.reduce((sum, { time }) => sum + time, 0);
  if (!(total > 0)) return emptyFigure("No gap, and so no cause.", width);
  if (causes.length > limit) {
    const rest = causes.splice(limit - 1);
    causes.push({ cause: `${rest.length} more`, time: rest.reduce((sum, { time }) => sum + time, 0) });
  }
  const label = (time: number) => `${formatNs(time)} · ${percent(time / total)}`;
  const names = causes.map(({ cause }) => visibleText(cause));
  const marginLeft = Math.min(width / 3, Math.max(60, ...names.map((name) => textPixels(name))) + 10);
  const largest = causes[0]!.time;
  const marginRight = Math.max(...causes.map(({ time }) => textPixels(label(time)))) + 14;
  return plotFigure({
    width,
    height: causes.length * 28 + 16,
    marginLeft,
    marginRight,
    marginTop: 8,
    marginBottom: 8,
    x: { axis: null, domain: [0, largest] },
    y: { domain: names, label: null, tickSize: 0, padding: 0.25 },
    alt: `Share of ${formatNs(total)} of gap time by cause: ` +
      causes.map(({ cause, time }) => `${cause} ${label(time)}`).join("; "),
    marks: [
      Plot.barX({ length: causes.length }, {
        x1: causes.map(() => 0),
        x2: causes.map(({ time }) => time),
        y: names,
        fill: causes.map(({ cause }) => causeColor(cause)),
      }),
      Plot.text({ length: causes.length }, {
        x: causes.map(({ time }) => time),
        y: names,
        text: causes.map(({ time }) => label(time)),
        textAnchor: "start",
        dx: 6,
      }),
      Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
    ],
  });
}

/** Time of each cause, the largest first. Causes of the same name are one, whatever their codes. */
function summed(cause: DictColumn, dur: NumericColumn): { cause: string; time: number }[] {
  const times = new Float64Array(cause.dictionary.length);
  for (let row = 0; row < dur.length; row++) times[cause.codes[row]!]! += dur[row]!;
  const byName = new Map<string, number>();
  cause.dictionary.forEach((name, code) => byName.set(name, (byName.get(name) ?? 0) + times[code]!));
  return [...byName].map(([name, time]) => ({ cause: name, time })).filter(({ time }) => time > 0)
    .sort((a, b) => b.time - a.time);
}

function percent(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}
