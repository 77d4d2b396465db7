import { FIRST_THREAD, State } from "../protocol.ts";
import { type CpuLane, type Gaps, type Holes, type ThreadLane, Use } from "./model.ts";
import { pixel, type Raster } from "./raster.ts";
import type { Theme } from "./theme.ts";
import { FEW, type Track } from "./track.ts";

/** Where a lane is drawn, device pixels. */
export interface Box {
  /** First column of time and the one after the last. */
  x0: number;
  x1: number;
  y0: number;
  y1: number;
}

/** What time the columns stand for. */
export interface Scale {
  /** ns at the first column. */
  from: number;
  /** ns a column. */
  step: number;
  /** Device pixels of a CSS pixel. */
  ratio: number;
}

/** Colours as pixels. */
export interface Ink {
  readonly states: readonly number[];
  readonly tints: readonly number[];
  readonly stripe: number;
  readonly hatch: number;
  readonly unknown: number;
  readonly faded: number;
  readonly selected: number;
  readonly culprit: number;
  readonly line: number;
  readonly ground: number;
}

/** The colours of `theme` as pixels. */
export function inkOf(theme: Theme): Ink {
  return {
    states: theme.states.map(pixel),
    tints: theme.tints.map(pixel),
    stripe: pixel(theme.stripe),
    hatch: pixel(theme.hatch),
    unknown: pixel(theme.states[State.Unknown]!),
    faded: pixel(theme.faded),
    selected: pixel(theme.selected),
    culprit: pixel(theme.culprit),
    line: pixel(theme.line),
    ground: pixel(theme.ground),
  };
}

/**
 * Walks the columns of a box: stretches that lie in one slice go to `solid`, columns in which slices meet to `mixed`, with the share
 * of each category and the slices that they touch. Work grows with the columns, not with the slices.
 */
function columns(
  track: Track,
  box: Box,
  scale: Scale,
  solid: (x0: number, x1: number, row: number) => void,
  mixed: (x: number, share: Float64Array, first: number, last: number) => void,
): number {
  const { time, length } = track;
  if (length === 0) return 0;
  const { from, step } = scale;
  const width = box.x1 - box.x0;
  const share = new Float64Array(track.categories);
  let before = new Float64Array(track.categories);
  let after = new Float64Array(track.categories);
  let summed = -1;
  let row = -1;
  let drawn = 0;
  for (let column = 0; column < width;) {
    const t0 = from + column * step;
    const t1 = t0 + step;
    row = track.rowAt(t0, Math.max(0, row));
    if (row === length) break;
    const end = row < 0 ? time[0]! : time[row + 1]!;
    drawn++;
    if (end >= t1) {
      const next = Math.min(width, Math.max(column + 1, Math.floor((end - from) / step)));
      if (row >= 0) solid(box.x0 + column, box.x0 + next, row);
      column = next;
      continue;
    }
    const last = track.rowAt(t1, Math.max(0, row));
    share.fill(0);
    if (last - row <= FEW) {
      track.addBetween(t0, row, t1, last, share);
      summed = -1;
    } else {
      // The sums up to this column's end are those up to the next one's start.
      if (summed !== column) track.addBefore(t0, row, before.fill(0), 1);
      after.fill(0);
      track.addBefore(t1, last, after, 1);
      for (let k = 0; k < share.length; k++) share[k] = after[k]! - before[k]!;
      [before, after] = [after, before];
      summed = column + 1;
    }
    for (let k = 0; k < share.length; k++) share[k]! /= step;
    mixed(box.x0 + column, share, Math.max(0, row), Math.min(length - 1, last));
    row = last;
    column++;
  }
  return drawn;
}

/** What a CPU's lane shows besides who ran. */
export interface CpuMarks {
  /** Thread that stands out, as slices name it; -1 none. */
  selected: number;
  /** Thread that took the other's time; -1 none. */
  culprit: number;
  /** Gets every slice that is wide enough for text. */
  label: (x0: number, x1: number, who: number) => void;
}

/** Draws who ran on a CPU: the height of a column is the share of its time that was not idle. Returns the steps it took. */
export function paintCpu(
  raster: Raster,
  lane: CpuLane,
  box: Box,
  scale: Scale,
  ink: Ink,
  marks: CpuMarks,
): number {
  const { track, who, longest } = lane;
  const { y0, y1 } = box;
  const color = (id: number) =>
    marks.selected < 0
      ? ink.tints[(id - FIRST_THREAD) % ink.tints.length]!
      : id === marks.selected
      ? ink.selected
      : id === marks.culprit
      ? ink.culprit
      : ink.faded;
  const height = y1 - y0;
  let end = -1;
  return columns(track, box, scale, (x0, x1, row) => {
    const use = track.category[row];
    if (use === Use.Idle) return;
    if (use === Use.Unknown) return raster.hatch(x0, x1, y0, y1, ink.hatch, ink.unknown, scale.ratio);
    // Slices of the same tint beside each other stay apart.
    const apart = x0 === end && x1 - x0 > 4 ? 1 : 0;
    raster.rect(x0 + apart, x1, y0, y1, color(who[row]!));
    end = x1;
    if (x1 - x0 > 24 * scale.ratio) marks.label(x0, x1, who[row]!);
  }, (x, share, first, last) => {
    const busy = Math.round(share[Use.Busy]! * height);
    const unknown = Math.round(share[Use.Unknown]! * height);
    if (unknown > 0) raster.hatch(x, x + 1, y0, y0 + unknown, ink.hatch, ink.unknown, scale.ratio);
    if (share[Use.Busy]! <= 0) return;
    const main = longest.of(first, last + 1);
    raster.rect(x, x + 1, y1 - Math.max(1, busy), y1, main < 0 ? ink.faded : color(who[main]!));
    end = x + 1;
  });
}

/** From the bottom of a column to its top. */
const STACK = [State.Running, State.Woken, State.Preempted, State.Blocked, State.Stopped] as const;

/** Draws what a thread did: in a column where it did several things each takes its share of the height. Returns the steps it took. */
export function paintThread(raster: Raster, track: Track, box: Box, scale: Scale, ink: Ink): number {
  const { y0, y1 } = box;
  const height = y1 - y0;
  const middle = y0 + (height >> 1);
  const thin = Math.max(1, Math.round(scale.ratio));
  return columns(track, box, scale, (x0, x1, row) => {
    const state = track.category[row]!;
    if (state === State.Dead) return;
    if (state === State.Unknown) {
      return raster.hatch(x0, x1, y0 + 2, y1 - 2, ink.hatch, ink.unknown, scale.ratio);
    }
    if (state === State.Sleeping) return raster.rect(x0, x1, middle, middle + thin, ink.states[state]!);
    if (state === State.Blocked || state === State.Stopped) {
      return raster.rect(x0, x1, middle - 2 * thin, middle + 3 * thin, ink.states[state]!);
    }
    raster.rect(x0, x1, y0, y1, ink.states[state]!);
  }, (x, share) => {
    if (share[State.Sleeping]! > 0) raster.rect(x, x + 1, middle, middle + thin, ink.states[State.Sleeping]!);
    const unknown = Math.round(share[State.Unknown]! * height);
    if (unknown > 0) raster.hatch(x, x + 1, y0, y0 + unknown, ink.hatch, ink.unknown, scale.ratio);
    let y = y1;
    for (const state of STACK) {
      if (share[state]! <= 0) continue;
      const top = Math.max(y0, y - Math.max(1, Math.round(share[state]! * height)));
      raster.rect(x, x + 1, top, y, ink.states[state]!);
      y = top;
    }
  });
}

/** Marks where `who` ran on the CPU, however short, as a line at the lane's foot. */
export function paintPresence(
  raster: Raster,
  lane: ThreadLane,
  cpu: number,
  box: Box,
  scale: Scale,
  ink: Ink,
): void {
  const { track } = lane;
  const y0 = box.y1 - Math.max(3, Math.round(3 * scale.ratio));
  const ranHere = (row: number) => track.category[row] === State.Running && lane.cpu[row] === cpu + 1;
  columns(track, box, scale, (x0, x1, row) => {
    if (ranHere(row)) raster.rect(x0, x1, y0, box.y1, ink.selected);
  }, (x, share, first, last) => {
    if (share[State.Running]! <= 0) return;
    // Of very many slices some are looked at, each time the next that ran: it is a line of a pixel's width either way.
    const stride = Math.max(1, Math.floor((last - first) / 8));
    for (let row = first; row <= last; row += stride) {
      let at = row;
      while (at < last && at < row + 8 && track.category[at] !== State.Running) at++;
      if (ranHere(at)) return raster.rect(x, x + 1, y0, box.y1, ink.selected);
    }
  });
}

/** Hatches where records of a CPU are missing. */
export function paintHoles(raster: Raster, holes: Holes, box: Box, scale: Scale, ink: Ink): void {
  const width = box.x1 - box.x0;
  const { from, to } = holes;
  for (let i = firstAbove(holes.reach, scale.from); i < from.length;) {
    const x0 = Math.floor((from[i]! - scale.from) / scale.step);
    if (x0 >= width) break;
    const x1 = Math.max(x0 + 1, Math.ceil((to[i]! - scale.from) / scale.step));
    raster.hatch(
      box.x0 + Math.max(0, x0),
      box.x0 + Math.min(width, x1),
      box.y0,
      box.y1,
      ink.hatch,
      undefined,
      scale.ratio,
    );
    // More holes in the same column would not be seen.
    i = x1 > x0 + 1 ? i + 1 : Math.max(i + 1, firstAbove(from, scale.from + x1 * scale.step));
  }
}

/** Index of the first of the ascending `values` that is not below `t`. */
function firstAbove(values: readonly number[], t: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Draws gaps in the colours of their causes, the longest over the others; all are at least three pixels wide. */
export function paintGaps(
  raster: Raster,
  gaps: Gaps,
  rows: readonly number[],
  box: Box,
  scale: Scale,
  colors: readonly number[],
  height: (row: number) => number = () => box.y1 - box.y0,
): void {
  const least = Math.round(3 * scale.ratio);
  for (const row of rows) {
    const x0 = Math.round((gaps.from[row]! - scale.from) / scale.step);
    const x1 = Math.max(x0 + least, Math.round((gaps.to[row]! - scale.from) / scale.step));
    if (x1 <= 0 || x0 >= box.x1 - box.x0) continue;
    raster.rect(
      Math.max(box.x0, box.x0 + x0),
      Math.min(box.x1, box.x0 + x1),
      box.y1 - height(row),
      box.y1,
      colors[gaps.cause[row]!]!,
    );
  }
}
