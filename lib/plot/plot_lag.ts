import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { SERIES_COLORS } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";

/** Columns that {@linkcode plotLag} reads: what `lag` makes, rows sorted by name, then time. */
export type LagFigureColumns = {
  /** Thread or group. */
  name: DictColumn;
  /** ns. */
  ts: NumericColumn;
  lag: NumericColumn;
  /** 1 where a hole hides a part of the bin that ends at `ts`. */
  censored: NumericColumn;
};

/** Options of {@linkcode plotLag}. */
export interface LagFigureOptions {
  /** Most lines: the first ones. Default 8. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
  /** Height, px. Default 320. */
  height?: number;
}

interface Line {
  name: string;
  color: string;
  from: number;
  to: number;
}

const MARGIN_TOP = 30;
const MARGIN_BOTTOM = 44;
const MARGIN_LEFT = 64;
const LINE = 14;
/** Most points of a line. */
const MOST_POINTS = 1000;

/** Lag over time, a line for each thread or group with its name at the end: above 0 it is owed time, below it is ahead. */
export function plotLag<C extends LagFigureColumns>(lag: Frame<C>, options: LagFigureOptions = {}): Figure {
  const { width = DEFAULT_WIDTH, height = 320, limit = 8 } = options;
  const ts: NumericColumn = lag.column("ts");
  const values: NumericColumn = lag.column("lag");
  const lines = linesOf(lag.column("name"), limit);
  if (lines.length === 0) return emptyFigure("Nobody competed for a CPU.", width);
  const rows = lines.flatMap(({ from, to }) => thinned(values, from, to));
  const [least, most] = [
    Math.min(0, ...rows.map((row) => values[row]!)),
    Math.max(0, ...rows.map((row) => values[row]!)),
  ];
  const y: [number, number] = most > least ? [least, most] : [-1, 1];
  const first = lines[0]!;
  const x: [number, number] = [Math.min(ts[first.from]!, beginning(ts, first)), ts[first.to - 1]!];
  const [xUnit, yUnit] = [timeUnit(x[1] - x[0]), timeUnit(y[1] - y[0])];
  const labels = lines.map((line) => ({
    text: visibleText(line.name),
    color: line.color,
    value: values[line.to - 1]!,
  }));
  const marginRight = Math.min(width / 3, Math.max(...labels.map(({ text }) => textPixels(text, 11))) + 14);
  const inner = height - MARGIN_TOP - MARGIN_BOTTOM;
  const places = apart(
    labels.map(({ value }) => MARGIN_TOP + inner * (y[1] - value) / (y[1] - y[0])),
    MARGIN_TOP,
    MARGIN_TOP + inner,
  );
  const pixel = (at: number) => y[1] - (at - MARGIN_TOP) / inner * (y[1] - y[0]);
  const holes = holesOf(ts, lag.column("censored"), first);
  return plotFigure({
    width,
    height,
    marginTop: MARGIN_TOP,
    marginBottom: MARGIN_BOTTOM,
    marginLeft: MARGIN_LEFT,
    marginRight,
    x: {
      domain: [x[0] / xUnit.ns, x[1] / xUnit.ns],
      label: `time, ${xUnit.name} →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
    },
    y: { domain: [y[0] / yUnit.ns, y[1] / yUnit.ns], grid: true, label: null },
    alt: `Lag over ${formatNs(x[1] - x[0])}, at the end: ${
      labels.map(({ text, value }) =>
        `${text} ${value >= 0 ? "is owed" : "is ahead by"} ${formatNs(Math.abs(value))}`
      )
        .join("; ")
    }`,
    ...(holes.length > 0
      ? { caption: "Grey: a hole hides who ran on some CPU; nothing is counted there." }
      : {}),
    marks: [
      Plot.text([`lag, ${yUnit.name} of CPU time: above 0 it is owed, below it is ahead`], {
        frameAnchor: "top-left",
        textAnchor: "start",
        dx: 4 - MARGIN_LEFT,
        dy: -18,
      }),
      Plot.rectX({ length: holes.length }, {
        x1: holes.map(([from]) => from / xUnit.ns),
        x2: holes.map(([, to]) => to / xUnit.ns),
        fill: "#8c8c8c",
        fillOpacity: 0.16,
      }),
      Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.6 }),
      ...lines.map(({ from, to, color }) => {
        const some = thinned(values, from, to);
        return Plot.line({ length: some.length }, {
          x: some.map((row) => ts[row]! / xUnit.ns),
          y: some.map((row) => values[row]! / yUnit.ns),
          stroke: color,
          strokeWidth: 1.6,
        });
      }),
      Plot.text({ length: labels.length }, {
        x: labels.map(() => x[1] / xUnit.ns),
        y: places.map((at) => pixel(at) / yUnit.ns),
        text: labels.map(({ text }) => text),
        fill: labels.map(({ color }) => color),
        textAnchor: "start",
        fontSize: 11,
        fontWeight: 600,
        dx: 6,
      }),
    ],
  });
}

/** The rows of each name, which follow one another. */
function linesOf(name: DictColumn, limit: number): Line[] {
  const lines: Line[] = [];
  for (let row = 0; row < name.length; row++) {
    const last = lines.at(-1);
    if (last !== undefined && name.codes[row] === name.codes[row - 1]) last.to = row + 1;
    else if (lines.length < limit) {
      const color = SERIES_COLORS[lines.length % SERIES_COLORS.length]!;
      lines.push({ name: name.at(row), color, from: row, to: row + 1 });
    } else break;
  }
  return lines;
}

/** Where the first bin begins: as long before its end as the second is long. */
function beginning(ts: NumericColumn, { from, to }: Line): number {
  return to - from > 1 ? ts[from]! - (ts[from + 1]! - ts[from]!) : ts[from]! - 1;
}

/** Rows of a line: all, or of each stretch the least and the most. */
function thinned(values: NumericColumn, from: number, to: number): number[] {
  if (to - from <= MOST_POINTS) return Array.from({ length: to - from }, (_, at) => from + at);
  const stretches = MOST_POINTS / 2;
  const rows: number[] = [from];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const start = from + Math.floor((to - from) * stretch / stretches);
    const end = from + Math.floor((to - from) * (stretch + 1) / stretches);
    let [least, most] = [start, start];
    for (let row = start; row < end; row++) {
      if (values[row]! < values[least]!) least = row;
      if (values[row]! > values[most]!) most = row;
    }
    rows.push(...(least === most ? [least] : [Math.min(least, most), Math.max(least, most)]));
  }
  rows.push(to - 1);
  return [...new Set(rows)];
}

/** Positions near `wanted`, but a line of text apart and between `top` and `bottom`. */
function apart(wanted: readonly number[], top: number, bottom: number): number[] {
  const order = [...wanted.keys()].sort((x, y) => wanted[x]! - wanted[y]!);
  const places = [...wanted];
  let least = top;
  for (const at of order) least = (places[at] = Math.max(least, wanted[at]!)) + LINE;
  let most = Math.max(bottom, top + LINE * (wanted.length - 1));
  for (const at of order.toReversed()) most = (places[at] = Math.min(most, places[at]!)) - LINE;
  return places;
}

/** Stretches of bins that holes touch. */
function holesOf(ts: NumericColumn, censored: NumericColumn, line: Line): [from: number, to: number][] {
  const holes: [number, number][] = [];
  for (let row = line.from; row < line.to; row++) {
    if (censored[row] === 0) continue;
    const from = row === line.from ? beginning(ts, line) : ts[row - 1]!;
    const last = holes.at(-1);
    if (last !== undefined && last[1] === from) last[1] = ts[row]!;
    else holes.push([from, ts[row]!]);
  }
  return holes;
}
