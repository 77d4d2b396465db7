import type { Markish } from "@observablehq/plot";
import { Plot } from "./plot_figure.ts";

/** The name of the vertical axis over its top end, below the legend, where Plot's own label would run into that. */
export function axisTitle(text: string, marginLeft: number): Markish {
  return Plot.text([text], { frameAnchor: "top-left", textAnchor: "start", dx: 4 - marginLeft, dy: -18 });
}
