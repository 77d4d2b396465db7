import { textColorOn } from "../../palette.ts";
import type { Header } from "../protocol.ts";
import { momentText } from "./describe.ts";
import { AXIS, type Layout, type Placed, SCROLLBAR } from "./layout.ts";
import type { Theme } from "./theme.ts";
import type { View } from "./view.ts";

const FONT = "12px system-ui, sans-serif";

/** Text of a slice. */
export interface SliceLabel {
  /** CSS pixels. */
  x0: number;
  x1: number;
  y: number;
  height: number;
  text: string;
  color: string;
}

/** Writes what is read in the view: it is drawn over the pixels of the lanes, in CSS pixels. */
export class TextPainter {
  readonly #context: CanvasRenderingContext2D;
  readonly #cut = new Map<string, string>();

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  /** Sets font and direction, which a new size of the canvas forgets. */
  begin(): void {
    const context = this.#context;
    context.font = FONT;
    context.textBaseline = "middle";
    context.textAlign = "left";
    // Names may be of any script; where they stand is the view's matter.
    context.direction = "ltr";
  }

  /** The time above the lanes. */
  axis(layout: Layout, view: View, header: Pick<Header, "from" | "length">, theme: Theme): void {
    const origin = header.from;
    const context = this.#context;
    const { gutter, timeWidth, height } = layout;
    const step = tickStep(view.span * 120 / timeWidth);
    context.fillStyle = theme.ground;
    context.fillRect(0, 0, layout.width, AXIS);
    context.fillStyle = theme.line;
    context.fillRect(0, AXIS - 1, layout.width, 1);
    const first = Math.ceil((origin + view.from) / step) * step;
    for (let at = first; at <= origin + view.to; at += step) {
      const x = Math.round(gutter + (at - origin - view.from) / view.span * timeWidth);
      context.fillStyle = theme.line;
      context.fillRect(x, AXIS - 6, 1, 6);
      context.globalAlpha = 0.5;
      context.fillRect(x, AXIS, 1, height - AXIS);
      context.globalAlpha = 1;
      context.fillStyle = theme.soft;
      const text = momentText(header, at - header.from, step);
      const width = context.measureText(text).width;
      if (x + 4 + width < layout.width) context.fillText(text, x + 4, AXIS / 2 - 1);
    }
  }

  /** The name before a lane. */
  laneName(layout: Layout, placed: Placed, theme: Theme, tint: string | undefined, strong: boolean): void {
    const context = this.#context;
    const middle = placed.y + placed.lane.height / 2 + 0.5;
    let x = 8;
    if (tint !== undefined) {
      context.fillStyle = tint;
      context.fillRect(x, middle - 5, 8, 9);
      x += 13;
    }
    context.fillStyle = strong ? theme.ink : theme.soft;
    if (strong) context.font = `600 ${FONT}`;
    // Many threads have the same name: the number must be seen.
    const [, name = "", number = ""] = /^(.*?)(\[\d+\])?$/s.exec(layout.nameOf(placed.lane))!;
    const fitted = this.#fit(name, layout.gutter - x - 6 - context.measureText(number).width, strong);
    context.fillText(fitted + number, x, middle);
    if (strong) context.font = FONT;
  }

  /** Names in slices that have room. */
  labels(labels: readonly SliceLabel[]): void {
    const context = this.#context;
    for (const { x0, x1, y, height, text, color } of labels) {
      const fitted = this.#fit(text, x1 - x0 - 8, false);
      if (fitted === "") continue;
      context.fillStyle = textColorOn(color) === "#ffffff" ? "#ffffff" : "#111418";
      context.fillText(fitted, x0 + 4, y + height / 2 + 0.5);
    }
  }

  /** Where in the list of threads one is. */
  scrollbar(layout: Layout, theme: Theme): void {
    if (layout.mostScroll <= 0) return;
    const context = this.#context;
    const room = layout.height - layout.fold;
    const size = Math.max(24, room * room / layout.movingHeight);
    const top = layout.fold + (room - size) * layout.scroll / layout.mostScroll;
    context.fillStyle = theme.stripe;
    context.fillRect(layout.width - SCROLLBAR + 1, layout.fold, SCROLLBAR - 1, room);
    context.fillStyle = theme.soft;
    context.globalAlpha = 0.6;
    context.fillRect(layout.width - SCROLLBAR + 3, top + 1, SCROLLBAR - 5, size - 2);
    context.globalAlpha = 1;
  }

  /** An arrow of a wakeup from (x0, y0) to (x1, y1). */
  arrow(x0: number, y0: number, x1: number, y1: number, color: string, ground: string): void {
    const context = this.#context;
    const bend = Math.min(40, Math.max(8, Math.abs(x1 - x0) / 2));
    const draw = (width: number, style: string) => {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.moveTo(x0, y0);
      if (Math.abs(x1 - x0) < 2) context.lineTo(x1, y1);
      else context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      context.stroke();
    };
    draw(4, ground);
    draw(1.75, color);
    const down = Math.abs(x1 - x0) < 2 ? Math.sign(y1 - y0) : 0;
    context.fillStyle = color;
    context.beginPath();
    if (down === 0) {
      context.moveTo(x1 + 1, y1);
      context.lineTo(x1 - 6, y1 - 4);
      context.lineTo(x1 - 6, y1 + 4);
    } else {
      context.moveTo(x1, y1 + down);
      context.lineTo(x1 - 4, y1 - 6 * down);
      context.lineTo(x1 + 4, y1 - 6 * down);
    }
    context.fill();
    context.beginPath();
    context.arc(x0, y0, 2.5, 0, 7);
    context.fill();
  }

  /** `text` or as much of its start as there is room for. */
  #fit(text: string, room: number, strong: boolean): string {
    const context = this.#context;
    if (room < 14) return "";
    const key = `${strong ? "+" : ""}${Math.floor(room)} ${text}`;
    const known = this.#cut.get(key);
    if (known !== undefined) return known;
    let fitted = text;
    if (context.measureText(text).width > room) {
      const letters = Array.from(text);
      let low = 0;
      let high = letters.length;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (context.measureText(letters.slice(0, middle).join("") + "…").width <= room) low = middle;
        else high = middle - 1;
      }
      fitted = low < 2 ? "" : letters.slice(0, low).join("") + "…";
    }
    if (this.#cut.size > 20_000) this.#cut.clear();
    this.#cut.set(key, fitted);
    return fitted;
  }
}

/** A round step (1, 2 or 5 times a power of ten, ns) of at least `least`. */
export function tickStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least) ?? 10 * power;
}
