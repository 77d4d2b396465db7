// Deferred, as in frame/arquero.ts: Plot and the DOM are loaded with the graph, and run (80 ms) with the first figure only.
import defer * as Plot from "@observablehq/plot";
import defer * as linkedom from "linkedom";
import type { Markish, PlotOptions } from "@observablehq/plot";
import { escapeHtml } from "../frame/escape_html.ts";
import { visibleText } from "../frame/visible_text.ts";
import { Figure } from "./figure.ts";

/** Observable Plot, evaluated on first use. */
export { Plot };

/** What {@linkcode plotFigure} adds to the options of Observable Plot. */
export interface PlotFigureOptions extends Omit<PlotOptions, "document" | "className" | "style" | "marks"> {
  /** Marks from back to front. */
  marks: Markish[];
  /** What the figure says, in words. */
  alt: string;
  /** Text under the figure. Default none. */
  caption?: string;
}

/** Text size of all figures, px. */
export const FONT_SIZE = 12;
/** Width of all figures unless told otherwise, px. */
export const DEFAULT_WIDTH = 860;

let privateDocument: Document | undefined;

/** The document in which all figures are drawn. It is never a global: other libraries take that for a browser. */
export function figureDocument(): Document {
  return privateDocument ??= linkedom.parseHTML("<!doctype html><html><body></body></html>").document;
}

/** Draws a plot as a {@linkcode Figure}. The same options give the same bytes. */
export function plotFigure(options: PlotFigureOptions): Figure {
  const { alt, caption, ...rest } = options;
  const words = visibleText(alt);
  const svg = Plot.plot({
    width: DEFAULT_WIDTH,
    ...rest,
    document: figureDocument(),
    className: "schedscope-plot",
    style: { fontSize: `${FONT_SIZE}px`, background: "transparent", overflow: "visible" },
  });
  // Not by setAttribute: linkedom writes `<` in an attribute as it is, which HTML allows and XML does not.
  const named = `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeHtml(words)}"`;
  return new Figure({
    svg: named + svg.outerHTML.slice("<svg".length),
    alt: words,
    ...(caption === undefined ? {} : { caption }),
  });
}

/** A figure that says why there is nothing to see. */
export function emptyFigure(words: string, width: number = DEFAULT_WIDTH): Figure {
  return plotFigure({
    width,
    height: 80,
    axis: null,
    alt: words,
    marks: [Plot.text([words], { frameAnchor: "middle", fontStyle: "italic" })],
  });
}
