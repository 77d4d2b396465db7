import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";

/** Columns that {@linkcode plotStateShare} reads: those of `summary()`. Times are ns. */
export type StateShareColumns = {
  comm: DictColumn;
  tid: NumericColumn;
  threads: NumericColumn;
  run: NumericColumn;
  preempted: NumericColumn;
  woken: NumericColumn;
  sleeping: NumericColumn;
  blocked: NumericColumn;
  stopped: NumericColumn;
  unknown: NumericColumn;
};

/** Options of {@linkcode plotStateShare}. */
export interface StateShareOptions {
  /** Most bars: those that ran and waited most. Default 16. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
}

/** Of each state its name in the figure and its colour, in the order in which they are stacked. */
const STATES: readonly State[] = [
  { column: "run", name: "running", color: "#0072b2" },
  { column: "preempted", name: "waits, preempted", color: "#d55e00" },
  { column: "woken", name: "waits, woken", color: "#e69f00" },
  { column: "blocked", name: "blocked", color: "#7b61c9" },
  { column: "sleeping", name: "sleeping", color: "#9aa0a6" },
  { column: "stopped", name: "stopped", color: "#cc79a7" },
  { column: "unknown", name: "unknown", color: "#9aa0a6", opacity: 0.25 },
];

interface State extends Pick<LegendItem, "color" | "opacity"> {
  readonly column: Exclude<keyof StateShareColumns, "comm" | "tid" | "threads">;
  readonly name: string;
}

/**
 * What each thread (or group of threads) of a `summary()` did with its life: a bar for each, its states stacked, with how long it ran and
 * waited written at the end. Those that ran and waited most come first.
 */
export function plotStateShare<C extends StateShareColumns>(
  summary: Frame<C>,
  options: StateShareOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, limit = 16 } = options;
  const column = (name: Exclude<keyof StateShareColumns, "comm">) => summary.column(name) as NumericColumn;
  const columns = STATES.map(({ column: name }) => column(name));
  const [run, preempted, woken] = [column("run"), column("preempted"), column("woken")];
  const comm: DictColumn = summary.column("comm");
  const alive = (row: number) => columns.reduce((sum, values) => sum + values[row]!, 0);
  const rows = Array.from({ length: summary.length }, (_, row) => row).filter((row) => alive(row) > 0);
  const demand = (row: number) => run[row]! + preempted[row]! + woken[row]!;
  rows.sort((x, y) => demand(y) - demand(x));
  const hidden = Math.max(0, rows.length - limit);
  rows.length = Math.min(rows.length, limit);
  if (rows.length === 0) return emptyFigure("No thread was seen.", width);
  const [tid, threads] = [column("tid"), column("threads")];
  const names = rows.map((row) => {
    const name = cutText(visibleText(comm.at(row)), width < 700 ? 12 : 24);
    return threads[row]! > 1 ? `${name} ×${threads[row]}` : `${name} [${tid[row]}]`;
  });
  const ends = rows.map((row) =>
    `ran ${formatNs(run[row]!)}, waited ${formatNs(preempted[row]! + woken[row]!)}`
  );
  const parts = rows.flatMap((row, bar) => {
    const whole = alive(row);
    let from = 0;
    return STATES.map(({ color, opacity = 1 }, state) => {
      const share = columns[state]![row]! / whole;
      return { bar, from, to: from += share, color, opacity };
    }).filter(({ from, to }) => to > from);
  });
  const used = STATES.filter((_, state) => rows.some((row) => columns[state]![row]! > 0));
  const items = used.map(({ name, column: _, ...look }) => ({ label: name, ...look }));
  const marginLeft = Math.min(width / 3, Math.max(60, ...names.map((name) => textPixels(name)))) + 10;
  const marginRight = Math.min(width / 3, Math.max(...ends.map((text) => textPixels(text)))) + 12;
  const above = legendRows(items, width - marginLeft - marginRight) * 18;
  const lanes = [...rows.keys()];
  return plotFigure({
    width,
    height: above + rows.length * 22 + 50,
    marginLeft,
    marginRight,
    marginTop: above + 8,
    marginBottom: 40,
    x: {
      domain: [0, 1],
      ticks: width - marginLeft - marginRight < 260 ? 2 : 5,
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      label: "share of its life →",
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 34,
    },
    y: { domain: lanes, label: null, tickSize: 0, padding: 0.2, tickFormat: (bar: number) => names[bar]! },
    alt: `Share of each thread's life by state. ` +
      rows.slice(0, 8).map((row, bar) =>
        `${names[bar]}: ` +
        used.map(({ column: name, name: word }) => `${word} ${percent(column(name)[row]! / alive(row))}`)
          .join(", ")
      ).join("; "),
    ...(hidden === 0
      ? {}
      : { caption: `${hidden.toLocaleString("en-US")} more that ran and waited less are not shown.` }),
    marks: [
      Plot.barX({ length: parts.length }, {
        x1: parts.map(({ from }) => from),
        x2: parts.map(({ to }) => to),
        y: parts.map(({ bar }) => bar),
        fill: parts.map(({ color }) => color),
        fillOpacity: { value: parts.map(({ opacity }) => opacity), scale: null },
      }),
      Plot.text({ length: rows.length }, {
        x: rows.map(() => 1),
        y: lanes,
        text: ends,
        textAnchor: "start",
        dx: 6,
      }),
      legend(items, 2),
    ],
  });
}

function percent(share: number): string {
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${Number((share * 100).toFixed(1))} %`;
}
