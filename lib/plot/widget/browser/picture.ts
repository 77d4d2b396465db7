import { causeColor } from "../../palette.ts";
import { FIRST_THREAD, State } from "../protocol.ts";
import { byTask, type Wake } from "./chain.ts";
import { AXIS, type Layout, type Placed } from "./layout.ts";
import { type Model, nameOf } from "./model.ts";
import {
  type Ink,
  inkOf,
  paintCpu,
  paintGaps,
  paintHoles,
  paintPresence,
  paintThread,
  type Scale,
} from "./paint_lanes.ts";
import { type SliceLabel, TextPainter } from "./paint_text.ts";
import { pixel, Raster } from "./raster.ts";
import type { Theme } from "./theme.ts";
import type { View } from "./view.ts";

/** What is chosen in the view. */
export interface Selection {
  /** Index of the thread. */
  readonly thread: number;
  /** Its slice. */
  readonly row: number;
  /** Who woke it, who woke that one, and so on. */
  readonly wakers: readonly Wake[];
  /** Whom it woke during the slice. */
  readonly wakees: readonly Wake[];
  /** The gap that the slice is in; -1 none. */
  readonly gap: number;
}

/** Draws the lanes, the axis and the chain on a canvas. */
export class Picture {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #model: Model;
  readonly #text: TextPainter;
  readonly #gapsBySize: readonly number[];
  readonly #causeColors: readonly number[];
  #raster = new Raster(1, 1);
  #ink: Ink | undefined;
  #theme: Theme | undefined;

  constructor(canvas: HTMLCanvasElement, model: Model) {
    this.#canvas = canvas;
    this.#model = model;
    this.#context = canvas.getContext("2d", { alpha: false })!;
    this.#text = new TextPainter(this.#context);
    const { dur, length } = model.gaps;
    this.#gapsBySize = Array.from({ length }, (_, i) => i).sort((x, y) => dur[x]! - dur[y]!);
    this.#causeColors = model.header.causes.map((cause) => pixel(causeColor(cause)));
  }

  /** Draws all of it. Returns the steps over lanes that it took. */
  draw(layout: Layout, view: View, theme: Theme, selection: Selection | undefined): number {
    if (theme !== this.#theme) {
      this.#theme = theme;
      this.#ink = inkOf(theme);
    }
    const ratio = Math.min(2, Math.max(1, devicePixelRatio || 1));
    this.#resize(Math.round(layout.width * ratio), Math.round(layout.height * ratio));
    const labels: SliceLabel[] = [];
    let drawn = 0;
    this.#raster.clear(this.#ink!.ground);
    let folded = false;
    for (const placed of layout.placed()) {
      if (placed.fixed && !folded) {
        folded = true;
        // What is scrolled goes under what stays.
        this.#raster.rect(0, this.#raster.width, 0, Math.round(layout.fold * ratio), this.#ink!.ground);
      }
      drawn += this.#lane(placed, layout, view, theme, selection, ratio, labels);
    }
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.putImageData(this.#raster.image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#text.begin();
    this.#words(layout, view, theme, selection, labels);
    return drawn;
  }

  #resize(width: number, height: number): void {
    if (this.#raster.width === width && this.#raster.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#raster = new Raster(width, height);
  }

  #lane(
    { lane, y, fixed }: Placed,
    layout: Layout,
    view: View,
    theme: Theme,
    selection: Selection | undefined,
    ratio: number,
    labels: SliceLabel[],
  ): number {
    const raster = this.#raster;
    const ink = this.#ink!;
    const x0 = Math.round(layout.gutter * ratio);
    const x1 = x0 + Math.round(layout.timeWidth * ratio);
    const box = { x0, x1, y0: Math.round(y * ratio), y1: Math.round((y + lane.height) * ratio) };
    const scale: Scale = { from: view.from, step: view.span / (x1 - x0), ratio };
    raster.rect(box.x0, box.x1, box.y0, box.y1, ink.stripe);
    const model = this.#model;
    if (lane.kind === "gaps") {
      const { dur } = model.gaps;
      const order = this.#gapsBySize;
      const least = Math.log(Math.max(1, dur[order[0]!]!));
      const range = Math.log(Math.max(1, dur[order.at(-1)!]!)) - least;
      const high = box.y1 - box.y0;
      const height = (row: number) =>
        Math.round(
          high * (range < 0.01 ? 1 : 0.25 + 0.75 * (Math.log(Math.max(1, dur[row]!)) - least) / range),
        );
      paintGaps(raster, model.gaps, order, box, scale, this.#causeColors, height);
      return model.gaps.length;
    }
    if (lane.kind === "thread") {
      const own = model.threads[lane.at]!;
      const drawn = paintThread(raster, own.track, box, scale, ink);
      const gaps = model.gaps.byThread.get(lane.at + FIRST_THREAD);
      if (gaps !== undefined) {
        const foot = { ...box, y0: box.y1, y1: box.y1 + Math.round(3 * ratio) };
        paintGaps(raster, model.gaps, gaps, foot, scale, this.#causeColors);
      }
      return drawn;
    }
    const own = model.cpus[lane.at]!;
    const chosen = selection === undefined ? -1 : selection.thread + FIRST_THREAD;
    const culprit = culpritOf(model, selection);
    const drawn = paintCpu(raster, own, box, scale, ink, {
      selected: chosen,
      culprit,
      label: (from, to, who) => {
        if (!fixed && y < layout.fold) return;
        labels.push({
          x0: from / ratio,
          x1: to / ratio,
          y,
          height: lane.height,
          text: nameOf(model.header, who),
          color: chosen < 0
            ? tintOf(theme, who)
            : who === chosen
            ? theme.selected
            : who === culprit
            ? theme.culprit
            : theme.faded,
        });
      },
    });
    if (selection !== undefined) {
      paintPresence(raster, model.threads[selection.thread]!, own.cpu, box, scale, ink);
    }
    for (const cpu of [own.cpu, -1]) {
      const holes = model.holes.get(cpu);
      if (holes !== undefined) paintHoles(raster, holes, box, scale, ink);
    }
    return drawn;
  }

  #words(
    layout: Layout,
    view: View,
    theme: Theme,
    selection: Selection | undefined,
    labels: readonly SliceLabel[],
  ): void {
    const context = this.#context;
    const text = this.#text;
    text.axis(layout, view, this.#model.header, theme);
    text.labels(labels);
    context.save();
    context.beginPath();
    context.rect(0, layout.fold - 2, layout.width, layout.height);
    context.clip();
    this.#names(layout, theme, selection, false);
    context.restore();
    this.#names(layout, theme, selection, true);
    context.fillStyle = theme.line;
    context.fillRect(layout.gutter - 1, AXIS, 1, layout.height);
    if (layout.fold > AXIS) context.fillRect(0, layout.fold - 2, layout.width, 1);
    text.scrollbar(layout, theme);
    if (selection !== undefined) this.#chosen(layout, view, theme, selection);
  }

  #names(layout: Layout, theme: Theme, selection: Selection | undefined, fixed: boolean): void {
    for (const placed of layout.placed()) {
      if (placed.fixed !== fixed) continue;
      const { lane } = placed;
      const tint = lane.kind === "thread" ? tintOf(theme, lane.at + FIRST_THREAD) : undefined;
      const strong = lane.kind === "thread" && lane.at === selection?.thread;
      this.#text.laneName(layout, placed, theme, strong ? theme.selected : tint, strong);
    }
  }

  /** A frame around the chosen slice, and arrows of the wakeups that led to it and came of it. */
  #chosen(layout: Layout, view: View, theme: Theme, selection: Selection): void {
    const context = this.#context;
    const { gutter, timeWidth } = layout;
    const x = (ns: number) => gutter + (ns - view.from) / view.span * timeWidth;
    const threads = new Map<number, Placed>();
    const cpus = new Map<number, Placed>();
    for (const placed of layout.placed()) {
      if (placed.lane.kind === "thread") threads.set(placed.lane.at, placed);
      else if (placed.lane.kind === "cpu") cpus.set(this.#model.cpus[placed.lane.at]!.cpu, placed);
    }
    context.save();
    context.beginPath();
    context.rect(gutter, AXIS, timeWidth, layout.height);
    context.clip();
    const middle = ({ y, lane }: Placed) => y + lane.height / 2;
    for (const [wakes, color] of [[selection.wakees, theme.soft], [selection.wakers, theme.ink]] as const) {
      for (const wake of wakes) {
        const at = x(wake.ts);
        const waker = threads.get(wake.waker - FIRST_THREAD);
        const wakee = threads.get(wake.wakee - FIRST_THREAD);
        if (waker !== undefined && wakee !== undefined && byTask(wake.source)) {
          this.#text.arrow(at, middle(waker), at, middle(wakee), color, theme.ground);
        }
        const place = this.#cpusOf(wake);
        const from = cpus.get(place.from);
        const to = cpus.get(place.to);
        if (from !== undefined && to !== undefined) {
          // From a CPU to itself below the names in the lane.
          const down = from === to ? from.lane.height / 2 + 1 : 0;
          this.#text.arrow(at, middle(from) + down, x(place.ran), middle(to) + down, color, theme.ground);
        }
      }
    }
    context.restore();
    const placed = threads.get(selection.thread);
    if (placed === undefined || (!placed.fixed && placed.y + placed.lane.height < layout.fold)) return;
    const { time } = this.#model.threads[selection.thread]!.track;
    const x0 = Math.max(gutter - 2, x(time[selection.row]!));
    const x1 = Math.min(gutter + timeWidth + 2, x(time[selection.row + 1]!));
    if (x1 < gutter || x0 > gutter + timeWidth) return;
    context.strokeStyle = theme.ink;
    context.lineWidth = 2;
    const top = Math.max(placed.y - 1, layout.fold);
    context.strokeRect(x0, top, Math.max(3, x1 - x0), placed.y + placed.lane.height + 1 - top);
  }

  /** On which CPUs a wakeup was made and took effect, and when the woken thread ran. */
  #cpusOf(wake: Wake): { from: number; to: number; ran: number } {
    const wakee = this.#model.threads[wake.wakee - FIRST_THREAD]!;
    let row = wake.row;
    while (row < wakee.track.length && wakee.track.category[row] === State.Woken) row++;
    const runs = wakee.track.category[row] === State.Running;
    const waker = this.#model.threads[wake.waker - FIRST_THREAD];
    const made = waker?.track.rowAt(wake.ts) ?? -1;
    const known = waker !== undefined && waker.track.category[made] === State.Running;
    return {
      from: known ? waker.cpu[made]! - 1 : -1,
      to: runs ? wakee.cpu[row]! - 1 : -1,
      ran: wakee.track.time[row]!,
    };
  }
}

/** The thread that is to blame for the gap in which the chosen slice is, as slices name it; -1 none. */
export function culpritOf({ gaps }: Model, selection: Selection | undefined): number {
  if (selection === undefined || selection.gap < 0) return -1;
  const who = gaps.culpritWho[selection.gap]!;
  return who < FIRST_THREAD ? -1 : who;
}

/** The tint by which `who` is known on CPUs. */
export function tintOf(theme: Theme, who: number): string {
  return theme.tints[(who - FIRST_THREAD) % theme.tints.length]!;
}
