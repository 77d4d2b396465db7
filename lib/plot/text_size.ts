import { textWidth } from "../frame/text_width.ts";
import { FONT_SIZE } from "./plot_figure.ts";

/**
 * Width of `text` in a figure, px, on the wide side: nothing on a server knows the reader's font, and a label that is
 * taken for too narrow runs into its neighbour.
 */
export function textPixels(text: string, fontSize: number = FONT_SIZE): number {
  return textWidth(text) * fontSize * 0.6;
}
