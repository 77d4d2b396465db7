import { DictColumn, type NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Columns } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import type { Figure } from "./figure.ts";
import { type LogBins, logBins } from "./log_bins.ts";
import { plotOverLogTime } from "./log_time_figure.ts";
import { CAUSE_ORDER, causeColor, SERIES_COLORS } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot } from "./plot_figure.ts";

/** Columns that {@linkcode plotGapHistogram} reads. If there is a dictionary column `cause`, bars are stacked by it. */
export type GapHistogramColumns = Columns & {
  /** Length of the gap, ns. */
  dur: NumericColumn;
};

/** Options of {@linkcode plotGapHistogram}. */
export interface GapHistogramOptions {
  /** Width, px. Default 860. */
  width?: number;
  /** Height, px. Default 300. */
  height?: number;
  /** Bins for each factor of ten. Default: as many as leave room for the number over each bar, at most 10. */
  perDecade?: number;
}

const MARGIN_LEFT = 48;
const MARGIN_RIGHT = 20;

/**
 * How many gaps there are of which length: bars on a logarithmic axis, stacked by cause, each with its number above, so that the one
 * long gap among thousands of short ones is seen.
 */
export function plotGapHistogram<C extends GapHistogramColumns>(
  gaps: Frame<C>,
  options: GapHistogramOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, height = 300 } = options;
  const dur: NumericColumn = gaps.column("dur");
  const cause: unknown = gaps.names.includes("cause") ? gaps.column("cause") : undefined;
  const stacks = cause instanceof DictColumn ? seriesOf(cause) : undefined;
  const names = stacks?.names ?? ["gaps"];
  const plotWidth = width - MARGIN_LEFT - MARGIN_RIGHT;
  const binned = logBins(dur, {
    perDecade: options.perDecade ?? roomyBins(dur, plotWidth),
    ...(stacks === undefined ? {} : { codes: stacks.codes, series: names.length }),
  });
  if (binned.bins === 0) return emptyFigure("No gap was found.", width);
  const { edges, bins } = binned;
  const totals = Array.from({ length: bins }, (_, bin) => binTotal(binned, bin, names.length));
  const most = Math.max(...totals);
  // One gap beside a million would be less than a pixel high.
  const least = 1.5 * most / (height - 80);
  const bars = stacked(binned, names.length, least);
  const items = names.map((label, series) => ({
    label,
    color: stacks === undefined ? SERIES_COLORS[0]! : causeColor(names[series]!),
  }));
  const labels = totals.flatMap((total, bin) => total > 0 ? [{ bin, total, top: bars.tops[bin]! }] : []);
  const showLabels = plotWidth / bins >= 18;
  const span = atLeastDecade(edges[0]!, edges[bins]!);
  const count = totals.reduce((a, b) => a + b, 0);
  return plotOverLogTime({
    width,
    height,
    marginLeft: MARGIN_LEFT,
    marginRight: MARGIN_RIGHT,
    x: { domain: span, label: "length of the gap →" },
    y: {
      domain: [0, most * 1.05],
      grid: true,
      ticks: most < 6 ? Array.from({ length: most + 1 }, (_, gaps) => gaps) : 5,
      tickFormat: compact,
      title: "gaps",
    },
    items: stacks === undefined ? [] : items,
    alt:
      `Histogram of ${count.toLocaleString("en-US")} gap${count === 1 ? "" : "s"} from ${
        formatNs(minOf(dur))
      } to ${formatNs(maxOf(dur))}` +
      (stacks === undefined ? "" : ` by cause (${names.join(", ")})`),
    marks: [
      Plot.rect({ length: bars.x1.length }, {
        x1: bars.x1,
        x2: bars.x2,
        y1: bars.y1,
        y2: bars.y2,
        fill: bars.series.map((series) => items[series]!.color),
        insetLeft: 0.5,
        insetRight: 0.5,
      }),
      Plot.ruleY([0], { stroke: "currentColor" }),
      showLabels
        ? Plot.text({ length: labels.length }, {
          x: labels.map(({ bin }) => Math.sqrt(edges[bin]! * edges[bin + 1]!)),
          y: labels.map(({ top }) => top),
          text: labels.map(({ total }) => compact(total)),
          dy: -7,
          fontSize: 10,
        })
        : null,
    ],
  });
}

/** Codes and names of the causes that occur, in the order of the palette. */
function seriesOf(cause: DictColumn): { codes: Uint16Array; names: string[] } {
  const occurs = new Uint8Array(cause.dictionary.length);
  for (let row = 0; row < cause.length; row++) occurs[cause.codes[row]!] = 1;
  const names = [...new Set(cause.dictionary.filter((_, code) => occurs[code]))];
  names.sort((a, b) => rank(a) - rank(b));
  const series = cause.dictionary.map((name) => Math.max(0, names.indexOf(name)));
  return { names, codes: Uint16Array.from(cause.codes, (code) => series[code]!) };
}

/** Place of `cause` in the palette; causes that it does not name come last. */
function rank(cause: string): number {
  const at = CAUSE_ORDER.indexOf(cause);
  return at === -1 ? CAUSE_ORDER.length : at;
}

function roomyBins(dur: NumericColumn, plotWidth: number): number {
  const decades = Math.max(1, Math.log10(maxOf(dur) / minOf(dur)));
  return [10, 8, 5, 4, 3, 2, 1].find((perDecade) => plotWidth / (decades * perDecade + 1) >= 26) ?? 1;
}

/** The axis from `from` to `to`, or wider, so that a single bar does not fill the figure. */
function atLeastDecade(from: number, to: number): [number, number] {
  const missing = Math.sqrt(Math.max(1, 10 / (to / from)));
  return [from / missing, to * missing];
}

/** Rectangles of the bars; a bar that has anything is at least `least` high. */
function stacked({ counts, bins, edges }: LogBins, series: number, least: number) {
  const out = {
    x1: [] as number[],
    x2: [] as number[],
    y1: [] as number[],
    y2: [] as number[],
    series: [] as number[],
  };
  const tops: number[] = [];
  for (let bin = 0; bin < bins; bin++) {
    let top = 0;
    for (let which = 0; which < series; which++) {
      const count = counts[which * bins + bin]!;
      if (count === 0) continue;
      out.x1.push(edges[bin]!);
      out.x2.push(edges[bin + 1]!);
      out.y1.push(top);
      out.y2.push(top += Math.max(count, least));
      out.series.push(which);
    }
    tops.push(top);
  }
  return { ...out, tops };
}

function binTotal({ counts, bins }: LogBins, bin: number, series: number): number {
  let total = 0;
  for (let which = 0; which < series; which++) total += counts[which * bins + bin]!;
  return total;
}

function minOf(values: NumericColumn): number {
  let least = Infinity;
  for (let row = 0; row < values.length; row++) {
    if (values[row]! > 0 && values[row]! < least) least = values[row]!;
  }
  return least;
}

function maxOf(values: NumericColumn): number {
  let most = 0;
  for (let row = 0; row < values.length; row++) {
    if (values[row]! > most && values[row]! < Infinity) most = values[row]!;
  }
  return most;
}

/** A count in at most four characters: 999, 1.2k, 34k, 5.6M. */
function compact(count: number): string {
  if (count < 1000) return String(count);
  return new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 }).format(count);
}
