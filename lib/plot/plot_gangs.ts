import type { Columns, DictColumn, NumericColumn } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { textColorOn } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";

/** Columns that {@linkcode plotGangs} reads; `gang` gives them as `histogram`. */
export type PlotGangsColumns = Columns & {
  group: DictColumn;
  /** How many members ran. */
  running: NumericColumn;
  /** For how long, as a share of the time, 0 to 1. */
  share: NumericColumn;
};

/** Options of {@linkcode plotGangs}. */
export interface PlotGangsOptions {
  /** Width, px. Default 860. */
  width?: number;
  /** Most groups; the first in the frame are shown. Default 12. */
  limit?: number;
}

/** None, few, many running; they differ in lightness, so that every eye tells them apart. */
const NONE = "#b8b8b8";
const STEPS = ["#9ecae1", "#4292c6", "#1f6fb2", "#084f99", "#062f6b"] as const;
const BAR_HEIGHT = 30;
const LABEL_SIZE = 11;

/** How many members of each group ran at the same time: a bar for each group, its parts the shares of the time, each with its number. */
export function plotGangs<C extends PlotGangsColumns>(
  histogram: Frame<C>,
  options: PlotGangsOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, limit = 12 } = options;
  const { names, left, parts } = bars(histogram, limit);
  if (parts.length === 0) return emptyFigure("No group has several threads.", width);
  const shown = names.map(visibleText);
  const marginLeft = Math.min(width / 3, Math.max(...shown.map((name) => textPixels(name))) + 12);
  const most = Math.max(...parts.map(({ running }) => running));
  const colors = parts.map(({ running }) => runningColor(running, most));
  const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
  const labels = parts.map(({ running, from, to }) => {
    const room = (to - from) * (width - marginLeft - 16);
    const texts = [`${running} ran ${percent(to - from)}`, `${running}: ${percent(to - from)}`, `${running}`];
    return texts.find((text) => textPixels(text, LABEL_SIZE) < room - 4) ?? "";
  });
  return plotFigure({
    width,
    height: shown.length * BAR_HEIGHT + 44,
    marginLeft,
    marginTop: 6,
    marginRight: 16,
    marginBottom: 38,
    x: {
      domain: [0, 1],
      percent: false,
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      label: "share of the time",
    },
    y: { type: "band", domain: names.keys(), axis: null, padding: 0.18 },
    color: { type: "identity" },
    alt: "How many threads of each group ran at the same time, as shares of the time: " +
      names.map((name, at) =>
        `${name} ${
          parts.filter(({ bar }) => bar === at).map(({ running, from, to }) =>
            `${running} ${percent(to - from)}`
          )
            .join(", ")
        }`
      ).join("; "),
    ...(left > 0 ? { caption: `${left} more group${left === 1 ? "" : "s"} not shown` } : {}),
    marks: [
      Plot.barX({ length: parts.length }, {
        x1: parts.map(({ from }) => from),
        x2: parts.map(({ to }) => to),
        y: parts.map(({ bar }) => bar),
        fill: colors,
        insetLeft: 0.5,
        insetRight: 0.5,
        title: parts.map(({ bar, running, from, to }) =>
          `${shown[bar]}: ${running} ran ${percent(to - from)}`
        ),
      }),
      Plot.text({ length: parts.length }, {
        x: parts.map(({ from, to }) => (from + to) / 2),
        y: parts.map(({ bar }) => bar),
        text: labels,
        fill: colors.map(textColorOn),
        fontSize: LABEL_SIZE,
      }),
      Plot.text({ length: shown.length }, {
        y: [...shown.keys()],
        text: shown,
        frameAnchor: "left",
        textAnchor: "end",
        dx: -6,
      }),
    ],
  });
}

/** A part of a group's bar. */
interface Part {
  readonly bar: number;
  readonly running: number;
  readonly from: number;
  readonly to: number;
}

/** The parts of the first `limit` groups, each group's by how many ran. */
function bars(
  histogram: Frame<PlotGangsColumns>,
  limit: number,
): { names: string[]; left: number; parts: Part[] } {
  const group = histogram.column("group");
  const running = histogram.column("running");
  const share = histogram.column("share");
  const rows = new Map<string, number[]>();
  for (let row = 0; row < histogram.length; row++) {
    const name = group.at(row);
    const known = rows.get(name);
    if (known === undefined) rows.set(name, [row]);
    else known.push(row);
  }
  const names = [...rows.keys()].slice(0, limit);
  const parts = names.flatMap((name, bar) => {
    let from = 0;
    return rows.get(name)!.sort((a, b) => running[a]! - running[b]!).filter((row) => share[row]! > 0).map((
      row,
    ) => ({
      bar,
      running: running[row]!,
      from,
      to: from += share[row]!,
    }));
  });
  return { names, left: rows.size - names.length, parts };
}

function runningColor(running: number, most: number): string {
  if (running === 0) return NONE;
  const share = most === 1 ? 0.5 : (running - 1) / (most - 1);
  return STEPS[Math.min(STEPS.length - 1, Math.floor(share * STEPS.length))]!;
}
