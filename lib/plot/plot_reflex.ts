import type { NumericColumn } from "../frame/column.ts";
import type { DictColumn } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { SERIES_COLORS } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";

/** Columns that {@linkcode plotReflex} reads: what `runReflex` makes. */
export type ReflexFigureColumns = {
  /** Threads. */
  children: NumericColumn;
  /** Percent of the rounds that hand the token on. */
  weight: NumericColumn;
  /** Mean us per round. */
  us_per_round: NumericColumn;
  /** Ends of its interval. */
  low: NumericColumn;
  /** ... */
  high: NumericColumn;
};

/** Columns of what is drawn beside it: what `publishedReflex` makes. */
export type ReflexReferenceColumns = {
  /** Name of the line. */
  series: DictColumn;
  /** Threads. */
  children: NumericColumn;
  /** us per round. */
  us_per_round: NumericColumn;
};

/** Options of {@linkcode plotReflex}. */
export interface ReflexFigureOptions<R extends ReflexReferenceColumns = ReflexReferenceColumns> {
  /** Figures to draw beside, on the same scale. Default: none. */
  reference?: Frame<R>;
  /** What those are. Default `"published in 2002, 8-way Pentium III"`. */
  referenceTitle?: string;
  /** Width, px. Default 860. */
  width?: number;
  /** Height, px. Default 340. */
  height?: number;
}

interface Point {
  readonly children: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

interface Line {
  readonly name: string;
  readonly points: Point[];
}

/** Width of a letter of a name at the end of a line, px. */
const LETTER = 6.8;
/** Least distance of two names, px. */
const LABEL_HEIGHT = 13;
const MARGIN_LEFT = 52;
const MARGIN_TOP = 42;
const MARGIN_BOTTOM = 38;

/**
 * us per round against the number of children, a line for each weight, with the intervals of the means; beside it, on the same scale, what
 * others published. Both axes are logarithmic. Rows with several numbers of active sets or amounts of work belong into figures of their own.
 */
export function plotReflex<C extends ReflexFigureColumns, R extends ReflexReferenceColumns>(
  sweep: Frame<C>,
  options: ReflexFigureOptions<R> = {},
): Figure {
  const { width = DEFAULT_WIDTH, height = 340, reference } = options;
  const own = ownLines(sweep);
  if (own.length === 0) return emptyFigure("No round was measured.", width);
  const panels = [{ title: "this machine, by weight", lines: own }];
  if (reference !== undefined && reference.length > 0) {
    panels.push({
      title: visibleText(options.referenceTitle ?? "published in 2002, 8-way Pentium III"),
      lines: referenceLines(reference),
    });
  }
  const all = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points));
  const [least, most] = [
    Math.floor(Math.log2(Math.min(...all.map(({ children }) => children)))),
    Math.max(...all.map(({ children }) => Math.log2(children))),
  ];
  const span = Math.max(1, most - least);
  const domain: [number, number] = [
    Math.min(...all.map(({ low, value }) => low > 0 ? low : value)) / 1.3,
    Math.max(...all.map(({ high }) => high)) * 1.3,
  ];
  const perPixel = Math.log(domain[1] / domain[0]) / (height - MARGIN_TOP - MARGIN_BOTTOM);
  // Each panel has room for the names at the ends of its lines; x is in doublings of the number of children.
  const letters = Math.max(...panels.flatMap(({ lines }) => lines.map(({ name }) => [...name].length)));
  const labels = Math.min(160, letters * LETTER + 20);
  const panelWidth = span * (1 + labels / Math.max(60, (width - MARGIN_LEFT - 12) / panels.length - labels));
  const x = (panel: number, children: number) => panel * panelWidth + Math.log2(children) - least;
  const ticks = panels.flatMap((_, panel) => {
    const step = Math.ceil((span + 1) / 9);
    return Array.from(
      { length: Math.floor(span / step) + 1 },
      (_, i) => ({ panel, children: 2 ** (least + i * step) }),
    );
  });
  const marks = panels.flatMap(({ title, lines }, panel) => {
    const ends = spread(lines.map(({ points }) => points.at(-1)!.value), domain, perPixel);
    return [
      Plot.text([title], {
        x: [x(panel, 2 ** least)],
        y: [domain[1]],
        dy: -12,
        textAnchor: "start",
        fontWeight: "bold",
      }),
      ...lines.flatMap(({ name, points }, i) => {
        const stroke = SERIES_COLORS[i % SERIES_COLORS.length]!;
        const end = points.at(-1)!;
        // A little apart, so that the intervals do not hide one another.
        const sure = points.every(({ low, high }) => low === high);
        const shift = sure ? 0 : (i - (lines.length - 1) / 2) * span * 0.006;
        const xs = points.map(({ children }) => x(panel, children) + shift);
        return [
          Plot.ruleX({ length: points.length }, {
            x: xs,
            y1: points.map(({ low, value }) => low > 0 ? low : value),
            y2: points.map(({ high }) => high),
            stroke,
            strokeOpacity: 0.55,
            strokeWidth: 3,
          }),
          Plot.line({ length: points.length }, {
            x: xs,
            y: points.map(({ value }) => value),
            stroke,
            strokeWidth: 1.8,
          }),
          Plot.dot({ length: points.length }, {
            x: xs,
            y: points.map(({ value }) => value),
            fill: stroke,
            r: 3,
            title: points.map(({ children, value }) =>
              `${name}: ${children} children, ${value.toFixed(2)} us/round`
            ),
          }),
          Plot.text([name], {
            x: [x(panel, end.children)],
            y: [ends[i]!],
            dx: 8,
            textAnchor: "start",
          }),
        ];
      }),
    ];
  });
  return plotFigure({
    width,
    height,
    marginLeft: MARGIN_LEFT,
    marginRight: 12,
    marginTop: MARGIN_TOP,
    marginBottom: MARGIN_BOTTOM,
    x: { type: "linear", domain: [-0.15, panels.length * panelWidth - 0.1], axis: null },
    y: {
      type: "log",
      domain,
      grid: true,
      ticks: powers(domain),
      tickFormat: (value: number) => String(value),
      label: null,
    },
    alt: altText(panels),
    marks: [
      Plot.axisX(ticks.map(({ panel, children }) => x(panel, children)), {
        tickFormat: (_: unknown, i: number) => String(ticks[i]!.children),
        label: null,
      }),
      Plot.text(["children →"], { frameAnchor: "bottom-left", dy: 34 }),
      Plot.text(["↑ us per round"], { frameAnchor: "top-left", dx: -44, dy: -34 }),
      ...marks,
    ],
  });
}

function ownLines<C extends ReflexFigureColumns>(sweep: Frame<C>): Line[] {
  const [children, weight]: NumericColumn[] = [sweep.column("children"), sweep.column("weight")];
  const value: NumericColumn = sweep.column("us_per_round");
  const [low, high]: NumericColumn[] = [sweep.column("low"), sweep.column("high")];
  const rows = Array.from(value.keys()).filter((row) => value[row]! > 0);
  const weights = [...new Set(rows.map((row) => weight![row]!))].sort((a, b) => a - b);
  return weights.map((w) => ({
    name: `w = ${w}`,
    points: byChildren(
      rows.filter((row) => weight![row] === w).map((row) => ({
        children: children![row]!,
        value: value[row]!,
        // One run has no interval.
        low: Number.isNaN(low![row]!) ? value[row]! : low![row]!,
        high: Number.isNaN(high![row]!) ? value[row]! : high![row]!,
      })),
    ),
  }));
}

function referenceLines<R extends ReflexReferenceColumns>(reference: Frame<R>): Line[] {
  const series: DictColumn = reference.column("series");
  const children: NumericColumn = reference.column("children");
  const value: NumericColumn = reference.column("us_per_round");
  const rows = Array.from(value.keys()).filter((row) => value[row]! > 0);
  const names = [...new Set(rows.map((row) => series.at(row)!))];
  return names.map((name) => ({
    name: visibleText(name),
    points: byChildren(
      rows.filter((row) => series.at(row) === name).map((row) => ({
        children: children[row]!,
        value: value[row]!,
        low: value[row]!,
        high: value[row]!,
      })),
    ),
  }));
}

const byChildren = (points: Point[]) => points.sort((a, b) => a.children - b.children);

/** 1, 2 and 5 of each power of ten in the domain. */
function powers([from, to]: readonly [number, number]): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
    for (const digit of [1, 2, 5]) ticks.push(Number(`${digit}e${power}`));
  }
  return ticks.filter((tick) => tick >= from && tick <= to);
}

/** Moves names apart that would lie on one another. */
function spread(values: readonly number[], domain: readonly [number, number], perPixel: number): number[] {
  const order = Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const places = [...values];
  const factor = Math.exp(perPixel * LABEL_HEIGHT);
  for (let i = 1; i < order.length; i++) {
    places[order[i]!] = Math.max(places[order[i]!]!, places[order[i - 1]!]! * factor);
  }
  // Those that were pushed out at the top push the ones below down again.
  let limit = domain[1];
  for (const i of order.toReversed()) {
    places[i] = Math.min(places[i]!, limit);
    limit = places[i]! / factor;
  }
  return places;
}

function altText(panels: readonly { title: string; lines: readonly Line[] }[]): string {
  return "us per round against the number of children. " +
    panels.map(({ title, lines }) =>
      `${title}: ${
        lines.map(({ name, points }) =>
          `${name}: ${points.map(({ children, value }) => `${children} ${value.toFixed(2)}`).join(", ")}`
        ).join("; ")
      }`
    ).join(". ");
}
