import { FIRST_THREAD, State } from "../protocol.ts";
import type { Gaps, Model } from "./model.ts";
import type { Track } from "./track.ts";

/** The slice that takes the most of [from, to]: a gap may be several, where the thread was moved. */
export function longestIn(track: Track, from: number, to: number): number {
  let best = Math.max(0, Math.min(track.length - 1, track.rowAt(from)));
  let most = 0;
  for (let row = best; row < track.length && track.time[row]! < to; row++) {
    const overlap = Math.min(to, track.time[row + 1]!) - Math.max(from, track.time[row]!);
    if (overlap <= most) continue;
    most = overlap;
    best = row;
  }
  return best;
}

/** The first moment within `step` ns from `t` at which the thread ran or waited; `t` where it did not. */
export function busyMoment(track: Track, t: number, step: number): number {
  for (let row = Math.max(0, track.rowAt(t)); row < track.length && track.time[row]! < t + step; row++) {
    const state = track.category[row]!;
    if (state >= State.Running && state <= State.Woken) return Math.max(t, track.time[row]!);
  }
  return t;
}

/** The gap of the ledger that slice `row` of the thread is in; -1 none. */
export function gapOf({ gaps, threads }: Model, thread: number, row: number): number {
  const { track } = threads[thread]!;
  if (track.category[row]! >= State.Sleeping) return -1;
  const from = track.time[row]!;
  const to = track.time[row + 1]!;
  const own = gaps.byThread.get(thread + FIRST_THREAD) ?? [];
  return own.find((gap) => gaps.from[gap]! < to && gaps.to[gap]! > from) ?? -1;
}

/** The longest gap at `t`, where each is at least three pixels (of `step` ns) wide; -1 none. */
export function gapAt(gaps: Gaps, t: number, step: number): number {
  let best = -1;
  for (let i = 0; i < gaps.length && gaps.from[i]! <= t + 3 * step; i++) {
    const end = Math.max(gaps.to[i]!, gaps.from[i]! + 3 * step);
    if (end >= t && (best < 0 || gaps.dur[i]! > gaps.dur[best]!)) best = i;
  }
  return best;
}
