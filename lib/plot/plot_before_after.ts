import type { Columns, DictColumn, NumericColumn } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import { metricText } from "../sched/compare/metric_text.ts";
import { cutText } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";

/** Columns that {@linkcode plotBeforeAfter} reads: those of `compare()` and `compareRuns()`. */
export type BeforeAfterColumns = Columns & {
  metric: DictColumn;
  verdict: DictColumn;
  a: NumericColumn;
  b: NumericColumn;
  difference: NumericColumn;
  low: NumericColumn;
  high: NumericColumn;
  noise: NumericColumn;
};

/** Options of {@linkcode plotBeforeAfter}. */
export interface BeforeAfterOptions {
  /** Name of the first group. Default `before`. */
  before?: string;
  /** Name of the second group. Default `after`. */
  after?: string;
  /** Text of a value of a metric. Default: see `metricText`. */
  format?: (value: number, metric: string) => string;
  /** Most rows: the first ones. Default 24. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
}

const VERDICT_COLORS: Readonly<Record<string, string>> = {
  higher: "#d55e00",
  lower: "#0072b2",
};
const UNDECIDED = "#8c8c8c";
const NOISE = "#9aa0a6";

interface Line {
  readonly name: string;
  readonly values: string;
  readonly verdict: string;
  readonly change: number;
  readonly low: number;
  readonly high: number;
  readonly noise: number;
}

/**
 * By how many percent each metric differs from before: a dot with its interval over the band by which the first group differs from itself,
 * and both values beside it. An interval that leaves the zero line and the band is a difference.
 *
 * The axis is linear around 0 and logarithmic far from it, so that 3 % and 300 % are both seen. Metrics that were 0 before have no
 * percentage and are named below.
 */
export function plotBeforeAfter<C extends BeforeAfterColumns>(
  comparison: Frame<C>,
  options: BeforeAfterOptions = {},
): Figure {
  const { before = "before", after = "after", limit = 24, width = DEFAULT_WIDTH } = options;
  const { format = (value, metric) => metricText(metric, value) } = options;
  const all = linesOf(comparison, format);
  const lines = all.filter(({ change }) => Number.isFinite(change)).slice(0, limit);
  const without = all.filter(({ change }) => !Number.isFinite(change)).map(({ name }) => name);
  if (lines.length === 0) return emptyFigure("No metric can be compared.", width);
  const reach = Math.max(
    0.1,
    ...lines.flatMap(({ change, low, high, noise }) =>
      [change, low, high, noise].filter(Number.isFinite).map(Math.abs)
    ),
  );
  const least = Math.min(
    0,
    ...lines.flatMap(({ change, low, noise }) => [change, low, -noise].filter(Number.isFinite)),
  );
  const most = Math.max(
    0,
    ...lines.flatMap(({ change, high, noise }) => [change, high, noise].filter(Number.isFinite)),
  );
  const domain = [least - 0.05 * reach, most + 0.05 * reach];
  const shown = new Set(lines.map(({ verdict }) => verdict));
  const items: LegendItem[] = [
    ...(shown.has("lower") ? [{ label: `lower ${after}`, color: VERDICT_COLORS["lower"]! }] : []),
    ...(shown.has("higher") ? [{ label: `higher ${after}`, color: VERDICT_COLORS["higher"]! }] : []),
    ...([...shown].some((verdict) => !(verdict in VERDICT_COLORS))
      ? [{ label: "no difference to be told", color: UNDECIDED }]
      : []),
    { label: `${before} against itself`, color: NOISE, opacity: 0.35 },
  ];
  const rows = [...lines.keys()];
  const color = ({ verdict }: Line) => VERDICT_COLORS[verdict] ?? UNDECIDED;
  const marginLeft = Math.min(width / 3, Math.max(60, ...lines.map(({ name }) => textPixels(name)))) + 12;
  const marginRight = Math.min(width / 3, Math.max(...lines.map(({ values }) => textPixels(values)))) + 16;
  const above = legendRows(items, width - marginLeft - marginRight) * 18;
  const known = rows.filter((row) => !Number.isNaN(lines[row]!.low));
  const noisy = rows.filter((row) => !Number.isNaN(lines[row]!.noise));
  return plotFigure({
    width,
    height: above + lines.length * 26 + 54,
    marginLeft,
    marginRight,
    marginTop: above + 8,
    marginBottom: 44,
    x: {
      type: "symlog",
      constant: 0.1,
      domain,
      ticks: percentTicks(domain[0]!, domain[1]!, width - marginLeft - marginRight),
      tickFormat: (share: number) => signed(share),
      grid: true,
      label: `${visibleText(after)} less ${visibleText(before)} →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
    },
    y: {
      domain: rows,
      label: null,
      tickSize: 0,
      padding: 0.3,
      tickFormat: (row: number) => lines[row]!.name,
    },
    alt: `Change of ${lines.length} metrics from ${before} to ${after}. ` +
      lines.map(({ name, change, verdict, values }) => `${name}: ${signed(change)} (${values}), ${verdict}`)
        .join("; "),
    ...(without.length === 0 ? {} : { caption: `No percentage: ${without.join(", ")}.` }),
    marks: [
      Plot.barX({ length: noisy.length }, {
        x1: noisy.map((row) => -lines[row]!.noise),
        x2: noisy.map((row) => lines[row]!.noise),
        y: noisy,
        fill: NOISE,
        fillOpacity: 0.35,
      }),
      Plot.ruleX([0], { stroke: "currentColor", strokeOpacity: 0.7 }),
      Plot.link({ length: known.length }, {
        x1: known.map((row) => lines[row]!.low),
        x2: known.map((row) => lines[row]!.high),
        y1: known,
        y2: known,
        stroke: known.map((row) => color(lines[row]!)),
        strokeWidth: 2.5,
      }),
      Plot.dot({ length: rows.length }, {
        x: lines.map(({ change }) => change),
        y: rows,
        fill: lines.map(color),
        r: 4.5,
      }),
      Plot.text({ length: rows.length }, {
        y: rows,
        text: lines.map(({ values }) => values),
        frameAnchor: "right",
        textAnchor: "start",
        dx: 8,
      }),
      legend(items, 2),
    ],
  });
}

function linesOf<C extends BeforeAfterColumns>(
  comparison: Frame<C>,
  format: (value: number, metric: string) => string,
): Line[] {
  const numbers = (name: "a" | "b" | "difference" | "low" | "high" | "noise") =>
    comparison.column(name) as NumericColumn;
  const [a, b, difference] = [numbers("a"), numbers("b"), numbers("difference")];
  const [low, high, noise] = [numbers("low"), numbers("high"), numbers("noise")];
  const metric: DictColumn = comparison.column("metric");
  const verdict: DictColumn = comparison.column("verdict");
  const names: readonly string[] = comparison.names;
  const group = names.includes("group") ? comparison.column("group") as unknown as DictColumn : undefined;
  return Array.from({ length: comparison.length }, (_, row) => {
    const base = Math.abs(a[row]!);
    const name = group === undefined ? metric.at(row) : `${group.at(row)} ${metric.at(row)}`;
    const share = (value: number) => base === 0 ? NaN : value / base;
    return {
      name: cutText(visibleText(name), 40),
      values: `${format(a[row]!, metric.at(row))} → ${format(b[row]!, metric.at(row))}`,
      verdict: verdict.at(row),
      change: share(difference[row]!),
      low: share(low[row]!),
      high: share(high[row]!),
      noise: share(noise[row]!),
    };
  });
}

const TICKS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000];

/** Ticks from `from` to `to`, as many as fit into `width` px of a symlog axis. */
function percentTicks(from: number, to: number, width: number): number[] {
  const place = (share: number) => Math.sign(share) * Math.log1p(Math.abs(share) / 0.1);
  const pixel = width / (place(to) - place(from));
  const ticks = [...TICKS.slice(1).toReversed().map((tick) => -tick), ...TICKS].filter((tick) =>
    tick >= from && tick <= to
  );
  // Those nearest to 0 first, and none where its text would touch another's.
  const kept: number[] = [];
  for (const tick of ticks.toSorted((x, y) => Math.abs(x) - Math.abs(y))) {
    if (kept.every((other) => Math.abs(place(tick) - place(other)) * pixel > 52)) kept.push(tick);
  }
  return kept.sort((x, y) => x - y);
}

function signed(share: number): string {
  const percent = Math.abs(share) >= 0.1 ? Math.round(share * 100) : Number((share * 100).toFixed(1));
  return `${percent > 0 ? "+" : percent < 0 ? "−" : ""}${Math.abs(percent).toLocaleString("en-US")} %`;
}
