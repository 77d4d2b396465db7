import type { RenderFunction } from "@observablehq/plot";
import { visibleText } from "../frame/visible_text.ts";
import { textPixels } from "./text_size.ts";

/** One entry of a legend. */
export interface LegendItem {
  /** What the colour stands for. */
  label: string;
  /** The colour, `#rrggbb`. */
  color: string;
  /** 0 to 1. Default 1. */
  opacity?: number;
}

const SVG = "http://www.w3.org/2000/svg";
const SWATCH = 11;
const ROW = 18;

/** How many rows a legend of `items` takes in `width` px. */
export function legendRows(items: readonly LegendItem[], width: number): number {
  return Math.max(0, ...placed(items, width).map(({ row }) => row + 1));
}

/** A mark for the top of a figure: swatches with their names, in as many rows as they need. `top` px from the edge. */
export function legend(items: readonly LegendItem[], top = 0): RenderFunction {
  return (_index, _scales, _values, dimensions, context) => {
    const { document } = context;
    const group = document.createElementNS(SVG, "g");
    group.setAttribute("aria-label", "legend");
    group.setAttribute("text-anchor", "start");
    const { marginLeft, width, marginRight } = dimensions;
    for (const { item, row, x } of placed(items, width - marginLeft - marginRight)) {
      const swatch = document.createElementNS(SVG, "rect");
      const y = top + row * ROW;
      for (const [name, value] of Object.entries({ x: marginLeft + x, y, width: SWATCH, height: SWATCH })) {
        swatch.setAttribute(name, String(round(value)));
      }
      swatch.setAttribute("fill", item.color);
      if (item.opacity !== undefined) swatch.setAttribute("fill-opacity", String(item.opacity));
      const text = document.createElementNS(SVG, "text");
      text.setAttribute("x", String(round(marginLeft + x + SWATCH + 5)));
      text.setAttribute("y", String(y + SWATCH - 1));
      text.setAttribute("fill", "currentColor");
      text.textContent = visibleText(item.label);
      group.append(swatch, text);
    }
    return group as SVGElement;
  };
}

function placed(items: readonly LegendItem[], width: number): { item: LegendItem; row: number; x: number }[] {
  let [row, x] = [0, 0];
  return items.map((item) => {
    const wide = SWATCH + 5 + textPixels(item.label) + 16;
    if (x > 0 && x + wide > width) [row, x] = [row + 1, 0];
    const place = { item, row, x };
    x += wide;
    return place;
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
