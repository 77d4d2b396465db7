import type { Markish, ScaleOptions } from "@observablehq/plot";
import type { Figure } from "./figure.ts";
import { legend, type LegendItem, legendRows } from "./legend.ts";
import { Plot, plotFigure } from "./plot_figure.ts";
import { logTimeTicks, timeTick } from "./time_ticks.ts";

/** What {@linkcode plotOverLogTime} draws. */
export interface LogTimeFigure {
  /** px, without the legend. */
  readonly width: number;
  readonly height: number;
  readonly marginLeft: number;
  readonly marginRight: number;
  /** The horizontal axis: ns from and to, its name, whether lines stand at its ticks. */
  readonly x: { readonly domain: readonly [number, number]; readonly label: string; readonly grid?: boolean };
  /** The vertical scale, and its name over its top end. */
  readonly y: ScaleOptions & { readonly title: string };
  /** Entries of the legend above; none where it is empty. */
  readonly items: readonly LegendItem[];
  readonly alt: string;
  readonly marks: Markish[];
}

/** A figure over a logarithmic axis of times, with its legend above it. */
export function plotOverLogTime(figure: LogTimeFigure): Figure {
  const { width, height, marginLeft, marginRight, items, alt } = figure;
  const { title, ...y } = figure.y;
  const { domain, label, grid = false } = figure.x;
  const above = legendRows(items, width - marginLeft - marginRight) * 18;
  return plotFigure({
    width,
    height: height + above,
    marginLeft,
    marginRight,
    marginTop: 30 + above,
    marginBottom: 44,
    x: {
      type: "log",
      domain,
      ticks: logTimeTicks(...domain),
      tickFormat: timeTick,
      grid,
      label,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
    },
    y: { ...y, label: null },
    alt,
    marks: [
      // Below the legend, where Plot's own label would run into that.
      Plot.text([title], { frameAnchor: "top-left", textAnchor: "start", dx: 4 - marginLeft, dy: -18 }),
      ...figure.marks,
      items.length === 0 ? null : legend(items, 2),
    ],
  });
}
