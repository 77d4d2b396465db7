import { type Columns, DictColumn, type NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import { Frame } from "../frame/frame.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { plotOverLogTime } from "./log_time_figure.ts";
import { SERIES_COLORS } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot } from "./plot_figure.ts";
import { type Survival, survival } from "./survival.ts";

/** Columns of gaps that {@linkcode plotSurvival} reads. */
export type SurvivalGapColumns = Columns & {
  /** Length of the gap, ns. */
  dur: NumericColumn;
};

/** Columns of a histogram that {@linkcode plotSurvival} reads. */
export type SurvivalBucketColumns = Columns & {
  /** Smallest value of the bucket, ns. */
  from: NumericColumn;
  /** How many values it holds. */
  count: NumericColumn;
};

/** Histograms by the name of their curve. */
export type SurvivalHistograms = Record<string, Frame<SurvivalBucketColumns>>;

/** Options of {@linkcode plotSurvival}. */
export interface SurvivalFigureOptions {
  /** Dictionary column of gaps that gives each its curve. Default `kind`, if there is one. */
  by?: string;
  /** What the values are, in the singular. Default `gap`, and of histograms `sample`. */
  what?: string;
  /** Most curves: the groups with the most values. Default 8. */
  limit?: number;
  /** Width, px. Default 860. */
  width?: number;
  /** Height, px. Default 320. */
  height?: number;
}

const MARGIN_LEFT = 62;
const MARGIN_RIGHT = 24;

/**
 * The share of gaps that are at least so long, on two logarithmic axes: the curve to compare tails by.
 *
 * Takes gaps (exact steps), or histograms by name (`{ run: histogram.toFrame() }`; exact at the edges of the buckets).
 */
export function plotSurvival<C extends SurvivalGapColumns>(
  gaps: Frame<C> | SurvivalHistograms,
  options: SurvivalFigureOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, height = 320, limit = 8 } = options;
  const curves = (gaps instanceof Frame ? ofGaps(gaps, options.by) : ofHistograms(gaps))
    .filter(({ steps }) => steps.x.length > 0);
  keepLargest(curves, limit);
  const what = options.what ?? (gaps instanceof Frame ? "gap" : "sample");
  if (curves.length === 0) return emptyFigure(`No ${options.what ?? "gap"} was found.`, width);
  const most = Math.max(...curves.map(({ steps }) => steps.x.at(-1)!));
  const least = Math.min(...curves.map(({ steps }) => steps.x[0]!));
  const rarest = Math.min(...curves.map(({ steps }) => steps.p.at(-1)!));
  const x: [number, number] = most > least ? [least, most * (most / least) ** 0.03] : [least / 2, most * 2];
  const y: [number, number] = [10 ** Math.min(-1, Math.floor(Math.log10(rarest))), 1];
  const points = curves.flatMap(({ steps }, curve) =>
    outline(steps, x[0]).map((point) => ({ ...point, curve }))
  );
  const ends = curves.map(({ steps }, curve) => ({ x: steps.x.at(-1)!, y: steps.p.at(-1)!, curve }));
  // A histogram knows of its largest value only the lower edge of its bucket, and it may hold more than gaps.
  const bound = gaps instanceof Frame ? "" : "≥ ";
  const items = curves.map(({ name, steps }, curve) => ({
    label: `${name}: ${counted(steps.values, what)}, longest ${bound}${formatNs(steps.x.at(-1)!)}`,
    color: SERIES_COLORS[curve % SERIES_COLORS.length]!,
  }));
  const color = (curve: number) => items[curve]!.color;
  return plotOverLogTime({
    width,
    height,
    marginLeft: MARGIN_LEFT,
    marginRight: MARGIN_RIGHT,
    x: { domain: x, label: `x: length of the ${what} →`, grid: true },
    y: {
      type: "log",
      domain: y,
      ticks: decades(y),
      tickFormat: shareTick,
      grid: true,
      title: `share of ${what}s at least x long`,
    },
    items,
    alt: `Survival curves of ${what} lengths. ${items.map(({ label }) => label).join("; ")}`,
    marks: [
      Plot.line({ length: points.length }, {
        x: points.map((point) => point.x),
        y: points.map((point) => point.y),
        z: points.map((point) => point.curve),
        stroke: points.map((point) => color(point.curve)),
        strokeWidth: 1.8,
        curve: "step-before",
      }),
      Plot.dot({ length: ends.length }, {
        x: ends.map((end) => end.x),
        y: ends.map((end) => end.y),
        fill: ends.map((end) => color(end.curve)),
        r: 3,
      }),
    ],
  });
}

interface Curve {
  name: string;
  steps: Survival;
}

/** Leaves the `limit` curves of the most values, in the order (and so with the colours) they have. */
function keepLargest(curves: Curve[], limit: number): void {
  const kept = new Set(curves.toSorted((a, b) => b.steps.values - a.steps.values).slice(0, limit));
  curves.splice(0, curves.length, ...curves.filter((curve) => kept.has(curve)));
}

function counted(values: number, what: string): string {
  return `${values.toLocaleString("en-US")} ${what}${values === 1 ? "" : "s"}`;
}

function ofGaps<C extends SurvivalGapColumns>(gaps: Frame<C>, by?: string): Curve[] {
  const dur: NumericColumn = gaps.column("dur");
  const name = by ?? (gaps.names.includes("kind") ? "kind" : undefined);
  if (name === undefined) return [{ name: "all", steps: survival(dur) }];
  const group: unknown = gaps.column(name);
  if (!(group instanceof DictColumn)) {
    throw new TypeError(`Expected column "${name}" to be a dictionary column`);
  }
  const sizes = new Uint32Array(group.dictionary.length);
  for (let row = 0; row < dur.length; row++) sizes[group.codes[row]!]!++;
  const values = Array.from(sizes, (size) => new Float64Array(size));
  sizes.fill(0);
  for (let row = 0; row < dur.length; row++) {
    const code = group.codes[row]!;
    values[code]![sizes[code]!++] = dur[row]!;
  }
  return group.dictionary.map((text, code) => ({ name: visibleText(text), steps: survival(values[code]!) }));
}

function ofHistograms(histograms: SurvivalHistograms): Curve[] {
  return Object.entries(histograms).map(([name, frame]) => ({
    name: visibleText(name),
    steps: survival(frame.column("from"), { counts: frame.column("count") }),
  }));
}

/** Corners of the curve from the left edge of the figure on; a step of `step-before` falls at the point before it. */
function outline({ x, p }: Survival, left: number): { x: number; y: number }[] {
  const points = Array.from(x, (value, at) => ({ x: value, y: p[at]! }));
  return x[0]! > left ? [{ x: left, y: p[0]! }, ...points] : points;
}

function decades([from, to]: [number, number]): number[] {
  const powers = Math.round(Math.log10(to / from));
  const every = Math.ceil(powers / 8);
  return Array.from({ length: Math.floor(powers / every) + 1 }, (_, at) => Number(`1e${-at * every}`));
}

function shareTick(share: number): string {
  if (share >= 1e-4) return `${Number((share * 100).toPrecision(3))} %`;
  const power = Math.round(Math.log10(share));
  return `10${[...String(power)].map((digit) => digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")}`;
}
