import type { RenderFunction } from "@observablehq/plot";
import type { NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { DEFAULT_WIDTH, emptyFigure, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";

/** Columns of steps that {@linkcode plotRunqueueDepth} reads: what `runqueueDepth` makes. */
export type RunqueueDepthFigureColumns = {
  cpu: NumericColumn;
  /** ns. */
  ts: NumericColumn;
  dur: NumericColumn;
  /** Threads that the CPU had to run. */
  depth: NumericColumn;
  /** 1 where it is not known who ran. */
  censored: NumericColumn;
};

/** Options of {@linkcode plotRunqueueDepth}. */
export interface RunqueueDepthFigureOptions {
  /** Start of the time shown, ns. Default: the first step's. */
  from?: number;
  /** End of the time shown, ns. Default: the last step's. */
  to?: number;
  /** Most CPUs to show: those with the most threads waiting. Default 64. */
  lanes?: number;
  /** Most columns of cells. Default 200; fewer where there are many CPUs. */
  columns?: number;
  /** Width, px. Default 860. */
  width?: number;
}

/** Cells up to a mean depth, from the least to the most. Warm where somebody waits; the order is one of lightness, too. */
const CLASSES: readonly { most: number; label: string; color: string; opacity?: number }[] = [
  { most: 0.05, label: "idle", color: "#8c8c8c", opacity: 0.18 },
  { most: 1, label: "up to 1: nobody waits", color: "#9ecae1" },
  { most: 2, label: "up to 2", color: "#fecc5c" },
  { most: 4, label: "up to 4", color: "#fd8d3c" },
  { most: 8, label: "up to 8", color: "#e31a1c" },
  { most: Infinity, label: "more than 8", color: "#a8003a" },
];
const HOLE = CLASSES.length;
const HOLE_ITEM: LegendItem = { label: "not known (hatched)", color: "#b8b8b8", opacity: 0.35 };
/** Most cells. */
const MOST_CELLS = 8000;
const MARGIN_RIGHT = 16;

/**
 * How many threads each CPU had to run, over time: a heat map of CPUs by time, each cell the mean depth of its time. Cells of which
 * the trace tells less than half are shown as not known.
 *
 * @example
 * ```ts
 * import { Frame } from "@schedscope/schedscope/frame";
 * import { plotRunqueueDepth } from "@schedscope/schedscope/plot";
 * import assert from "node:assert/strict";
 *
 * const depth = new Frame({
 *   cpu: Uint16Array.of(0, 0, 1),
 *   ts: Float64Array.of(0, 2e9, 0),
 *   dur: Float64Array.of(2e9, 2e9, 4e9),
 *   depth: Int32Array.of(1, 3, 0),
 *   censored: Uint8Array.of(0, 0, 0),
 * });
 * assert.match(plotRunqueueDepth(depth).alt, /2 CPUs over 4 s: .* deepest on CPU 0/);
 * ```
 */
export function plotRunqueueDepth<C extends RunqueueDepthFigureColumns>(
  depth: Frame<C>,
  options: RunqueueDepthFigureOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, lanes = 64 } = options;
  const steps = {
    cpu: depth.column("cpu") as NumericColumn,
    ts: depth.column("ts") as NumericColumn,
    dur: depth.column("dur") as NumericColumn,
    depth: depth.column("depth") as NumericColumn,
    censored: depth.column("censored") as NumericColumn,
  };
  const span = spanOf(steps);
  const { from = span.from, to = span.to } = options;
  if (!(to > from)) return emptyFigure("No CPU's runqueue is known at any time.", width);
  const totals = byCpu(steps, from, to);
  const shown = [...totals].sort((x, y) => y[1].depth - x[1].depth || x[0] - y[0]).slice(0, lanes)
    .map(([cpu]) => cpu).sort((x, y) => x - y);
  if (shown.length === 0) return emptyFigure("No CPU's runqueue is known at any time.", width);
  const columns = Math.max(1, Math.min(options.columns ?? 200, Math.floor(MOST_CELLS / shown.length)));
  const bars = merged(cellsOf(steps, shown, from, to, columns), columns);
  const names = shown.map((cpu) => `CPU ${cpu}`);
  const marginLeft = Math.max(...names.map((name) => textPixels(name))) + 12;
  const unit = timeUnit(to - from);
  const at = (column: number) => (from + (to - from) * column / columns) / unit.ns;
  const items = [...CLASSES, HOLE_ITEM].filter((_, code) => bars.some((bar) => bar.code === code))
    .map(({ label, color, opacity }) => ({ label, color, ...(opacity === undefined ? {} : { opacity }) }));
  const rows = legendRows(items, width - marginLeft - MARGIN_RIGHT);
  const lane = Math.max(5, Math.min(26, 640 / shown.length));
  const known = [...totals.values()].reduce((sum, { known }) => sum + known, 0);
  const all = [...totals.values()].reduce((sum, { depth }) => sum + depth, 0);
  const hidden = totals.size - shown.length;
  return plotFigure({
    width,
    height: rows * 18 + 12 + shown.length * lane + 44,
    marginLeft,
    marginRight: MARGIN_RIGHT,
    marginTop: rows * 18 + 12,
    marginBottom: 44,
    x: {
      domain: [at(0), at(columns)],
      label: `time, ${unit.name} →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
      ticks: Math.max(3, Math.floor((width - marginLeft) / 90)),
    },
    y: { domain: names, label: null, padding: shown.length > 32 ? 0 : 0.08, tickSize: 0 },
    alt: `Runqueue depth of ${shown.length} CPUs over ${formatNs(to - from)}: ${
      Number((all / known).toPrecision(3))
    } threads on a CPU in the mean, ${deepest(steps, from, to)}`,
    ...(hidden > 0 ? { caption: `${hidden} more CPUs, with fewer threads, are not shown.` } : {}),
    marks: [
      Plot.barX({ length: bars.length }, {
        y: bars.map((bar) => names[bar.lane]),
        x1: bars.map((bar) => at(bar.first)),
        x2: bars.map((bar) => at(bar.end)),
        fill: bars.map((bar) => (CLASSES[bar.code] ?? HOLE_ITEM).color),
        fillOpacity: bars.map((bar) => (CLASSES[bar.code] ?? HOLE_ITEM).opacity ?? 1),
      }),
      hatching(
        bars.filter(({ code }) => code === HOLE).map((bar) => ({
          y: names[bar.lane]!,
          from: at(bar.first),
          to: at(bar.end),
        })),
      ),
      legend(items, 2),
    ],
  });
}

/** Runs of cells of one class, from column `first` up to `end`: a bar for each is less to draw. */
interface Bar {
  lane: number;
  first: number;
  end: number;
  code: number;
}

/** A mark of oblique lines over bars. */
function hatching(bars: readonly { y: string; from: number; to: number }[]): RenderFunction {
  return (_index, scales, _values, _dimensions, context) => {
    const path = context.document.createElementNS("http://www.w3.org/2000/svg", "path");
    const band = (scales.y as unknown as { bandwidth(): number }).bandwidth();
    const lines = bars.flatMap((bar) => {
      const [left, right] = [Number(scales.x!(bar.from)), Number(scales.x!(bar.to))];
      const top = Number(scales.y!(bar.y));
      const bottom = top + band;
      const steps = Math.floor((right - left + band) / 7);
      // Of each line x + y is one number; it goes from where it enters the bar below or left to where it leaves it.
      return Array.from({ length: steps }, (_, step) => left + top + (step + 1) * 7).map((sum) => {
        const [x1, x2] = [Math.max(left, sum - bottom), Math.min(right, sum - top)];
        return x2 > x1 ? `M${round(x1)},${round(sum - x1)}L${round(x2)},${round(sum - x2)}` : "";
      });
    });
    path.setAttribute("d", lines.join(""));
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-opacity", "0.45");
    path.setAttribute("fill", "none");
    return path as SVGElement;
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

type Steps = Record<keyof RunqueueDepthFigureColumns, NumericColumn>;

function spanOf({ ts, dur }: Steps): { from: number; to: number } {
  let [from, to] = [Infinity, -Infinity];
  for (let row = 0; row < ts.length; row++) {
    from = Math.min(from, ts[row]!);
    to = Math.max(to, ts[row]! + dur[row]!);
  }
  return { from, to };
}

/** By CPU the time of which it is known who ran, and the depth summed over it. */
function byCpu(
  { cpu, ts, dur, depth, censored }: Steps,
  from: number,
  to: number,
): Map<number, { known: number; depth: number }> {
  const totals = new Map<number, { known: number; depth: number }>();
  for (let row = 0; row < ts.length; row++) {
    const time = Math.min(to, ts[row]! + dur[row]!) - Math.max(from, ts[row]!);
    if (!(time > 0)) continue;
    let total = totals.get(cpu[row]!);
    if (total === undefined) totals.set(cpu[row]!, total = { known: 0, depth: 0 });
    if (censored[row] !== 0) continue;
    total.known += time;
    total.depth += time * depth[row]!;
  }
  return totals;
}

/** The class of each cell, lane by lane. */
function cellsOf(
  { cpu, ts, dur, depth, censored }: Steps,
  shown: readonly number[],
  from: number,
  to: number,
  columns: number,
): Uint8Array {
  const laneOf = new Map(shown.map((on, lane) => [on, lane]));
  const known = new Float64Array(shown.length * columns);
  const sum = new Float64Array(shown.length * columns);
  const length = (to - from) / columns;
  for (let row = 0; row < ts.length; row++) {
    const lane = laneOf.get(cpu[row]!);
    if (lane === undefined || censored[row] !== 0) continue;
    const start = Math.max(from, ts[row]!);
    const end = Math.min(to, ts[row]! + dur[row]!);
    if (!(end > start)) continue;
    const last = Math.min(columns - 1, Math.floor((end - from) / length));
    for (let column = Math.min(columns - 1, Math.floor((start - from) / length)); column <= last; column++) {
      const time = Math.min(end, from + (column + 1) * length) - Math.max(start, from + column * length);
      if (time <= 0) continue;
      known[lane * columns + column]! += time;
      sum[lane * columns + column]! += time * depth[row]!;
    }
  }
  return Uint8Array.from(known, (time, cell) => {
    if (time < length / 2) return HOLE;
    // Not above a bound by what sums of fractions are off.
    const mean = sum[cell]! / time - 1e-9;
    return CLASSES.findIndex(({ most }) => mean <= most);
  });
}

function merged(cells: Uint8Array, columns: number): Bar[] {
  const bars: Bar[] = [];
  cells.forEach((code, cell) => {
    const column = cell % columns;
    const lane = (cell - column) / columns;
    const last = bars.at(-1);
    if (last !== undefined && last.lane === lane && last.code === code) last.end = column + 1;
    else bars.push({ lane, first: column, end: column + 1, code });
  });
  return bars;
}

/** The deepest step, in words. */
function deepest({ cpu, ts, dur, depth, censored }: Steps, from: number, to: number): string {
  let row = -1;
  for (let i = 0; i < ts.length; i++) {
    if (censored[i] !== 0 || ts[i]! >= to || ts[i]! + dur[i]! <= from) continue;
    if (row < 0 || depth[i]! > depth[row]!) row = i;
  }
  if (row < 0) return "and nothing known";
  return `deepest on CPU ${cpu[row]} with ${depth[row]} threads at ${
    formatNs(Math.max(from, ts[row]!), { digits: 6 })
  }`;
}
