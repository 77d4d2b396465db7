import type { NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import type { Figure } from "./figure.ts";
import { plotOverLogTime } from "./log_time_figure.ts";
import { SERIES_COLORS } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot } from "./plot_figure.ts";

/** Columns that {@linkcode plotJain} reads: what `jain` makes. */
export type JainFigureColumns = {
  /** ns. */
  window: NumericColumn;
  /** Windows that count. */
  windows: NumericColumn;
  /** Mean, tenth percentile and least of Jain's index. */
  jain: NumericColumn;
  jain_p10: NumericColumn;
  jain_min: NumericColumn;
  /** Mean of those that count in a window. */
  counted: NumericColumn;
};

/** Options of {@linkcode plotJain}. */
export interface JainFigureOptions {
  /** Width, px. Default 860. */
  width?: number;
  /** Height, px. Default 300. */
  height?: number;
}

const MARGIN_LEFT = 56;
const MARGIN_RIGHT = 30;

/** Jain's fairness index against the length of the window: the mean, the tenth part that is least fair, and the least fair of all. */
export function plotJain<C extends JainFigureColumns>(
  curve: Frame<C>,
  options: JainFigureOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, height = 300 } = options;
  const window: NumericColumn = curve.column("window");
  const windows: NumericColumn = curve.column("windows");
  const counted: NumericColumn = curve.column("counted");
  const rows = Array.from(window.keys()).filter((row) => windows[row]! > 0)
    .sort((x, y) => window[x]! - window[y]!);
  if (rows.length === 0) return emptyFigure("In no window did two or more compete.", width);
  const series = [
    { name: "mean", values: curve.column("jain") as NumericColumn, color: SERIES_COLORS[0]!, width: 2.4 },
    {
      name: "worst tenth of the windows",
      values: curve.column("jain_p10") as NumericColumn,
      color: SERIES_COLORS[4]!,
      width: 1.6,
    },
    {
      name: "worst window",
      values: curve.column("jain_min") as NumericColumn,
      color: SERIES_COLORS[1]!,
      width: 1.6,
    },
  ];
  const [first, last] = [window[rows[0]!]!, window[rows.at(-1)!]!];
  const domain: [number, number] = last > first ? [first, last] : [first / 2, first * 2];
  const competitors = Math.max(...rows.map((row) => counted[row]!));
  const label = (row: number) => `${formatNs(window[row]!)} ${text(series[0]!.values[row]!)}`;
  return plotOverLogTime({
    width,
    height,
    marginLeft: MARGIN_LEFT,
    marginRight: MARGIN_RIGHT,
    x: { domain, label: "length of the window →", grid: true },
    y: {
      domain: [0, 1],
      ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
      tickFormat: (value: number) => value.toFixed(1),
      grid: true,
      title: "Jain's index of what each got by what it was entitled to (1 is fair)",
    },
    items: series.map(({ name, color }) => ({ label: name, color })),
    alt: `Jain's fairness index of up to ${
      Number(competitors.toPrecision(3))
    } by length of the window, mean: ${rows.map(label).join("; ")}`,
    marks: [
      ...(competitors > 1
        ? [
          Plot.ruleY([1 / competitors], {
            stroke: "currentColor",
            strokeOpacity: 0.6,
            strokeDasharray: "3,3",
          }),
          Plot.text([`1/${Number(competitors.toPrecision(3))}: one has all`], {
            x: [domain[1]],
            y: [1 / competitors],
            text: [`1/${Number(competitors.toPrecision(3))}: one has all`],
            textAnchor: "end",
            dy: competitors > 6 ? -8 : 10,
            fontSize: 11,
          }),
        ]
        : []),
      // The mean last, over the others.
      ...series.toReversed().flatMap(({ values, color, width: strokeWidth }) => [
        Plot.line({ length: rows.length }, {
          x: rows.map((row) => window[row]!),
          y: rows.map((row) => values[row]!),
          stroke: color,
          strokeWidth,
        }),
        Plot.dot({ length: rows.length }, {
          x: rows.map((row) => window[row]!),
          y: rows.map((row) => values[row]!),
          fill: color,
          r: 3,
          title: rows.map((row) =>
            `${formatNs(window[row]!)}: ${text(values[row]!)} of ${windows[row]} windows`
          ),
        }),
      ]),
    ],
  });
}

function text(index: number): string {
  return Number.isNaN(index) ? "–" : String(Number(index.toFixed(3)));
}
