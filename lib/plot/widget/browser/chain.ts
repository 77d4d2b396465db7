import { FIRST_THREAD, IDLE, NOBODY, State, WAKE_SOURCES } from "../protocol.ts";
import { type Model, type ThreadLane, waits } from "./model.ts";

/** Somebody woke somebody. */
export interface Wake {
  /** ns. */
  readonly ts: number;
  /** In whose context; as slices name it. */
  readonly waker: number;
  /** As slices name it. */
  readonly wakee: number;
  /** `task`, `irq`, `softirq`, `timer`, `new`, or empty where it is not known. */
  readonly source: string;
  /** Row of the woken slice in the wakee's lane. */
  readonly row: number;
}

const MOST_WAKERS = 24;
const MOST_WAKEES = 40;

/** The wakeup that let slice `row` of the thread come about: of a sleep the one that ended it. */
export function wakeOf(lane: ThreadLane, row: number): Wake | undefined {
  const { track } = lane;
  const state = (at: number) => track.category[at];
  if (state(row) === State.Sleeping || state(row) === State.Blocked) {
    return state(row + 1) === State.Woken ? wakeAt(lane, row + 1) : undefined;
  }
  for (let at = row; at >= 0; at--) {
    // A woken thread that is moved to another CPU has several such slices; the first has the time.
    if (state(at) === State.Woken && state(at - 1) !== State.Woken) return wakeAt(lane, at);
    if (state(at) !== State.Running && !waits(state(at)!)) return undefined;
  }
  return undefined;
}

function wakeAt(lane: ThreadLane, row: number): Wake {
  return {
    ts: lane.track.time[row]!,
    waker: lane.waker[row]!,
    wakee: lane.index + FIRST_THREAD,
    source: WAKE_SOURCES[(lane.what[row]! >> 3) & 7] ?? "",
    row,
  };
}

/**
 * Who woke the thread of slice `row`, who had woken that one, and so on back in time: the last wakeup first. It ends where the waker is
 * not known, was idle, or was only interrupted (an interrupt or a timer woke, not the thread it came upon).
 */
export function wakersOf(model: Model, index: number, row: number): Wake[] {
  const chain: Wake[] = [];
  let lane = model.threads[index];
  while (lane !== undefined && chain.length < MOST_WAKERS) {
    const wake = wakeOf(lane, row);
    if (wake === undefined) break;
    chain.push(wake);
    if (wake.waker === NOBODY || wake.waker === IDLE || !byTask(wake.source)) break;
    lane = model.threads[wake.waker - FIRST_THREAD];
    if (lane === undefined) break;
    // At the very stamp of the wakeup, the waker runs; its own slice may have begun with it.
    row = lane.track.rowAt(wake.ts);
    if (row < 0 || row >= lane.track.length || lane.track.category[row] !== State.Running) break;
  }
  return chain;
}

/** Whether a thread, and not an interrupt, was the cause. */
export function byTask(source: string): boolean {
  return source === "task" || source === "new" || source === "";
}

/** Whom the thread `who` woke in [from, to), in the order of time, at most 40. */
export function wakeesOf(model: Model, who: number, from: number, to: number): Wake[] {
  const wakes: Wake[] = [];
  for (const lane of model.threads) {
    const { track, waker } = lane;
    if (track.length === 0) continue;
    let row = Math.max(0, track.rowAt(from));
    for (; row < track.length && track.time[row]! < to; row++) {
      if (waker[row] !== who || track.category[row] !== State.Woken) continue;
      if (track.time[row]! < from || track.category[row - 1] === State.Woken) continue;
      wakes.push(wakeAt(lane, row));
    }
  }
  return wakes.sort((x, y) => x.ts - y.ts).slice(0, MOST_WAKEES);
}
