import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import type { Trace } from "../trace/trace.ts";
import { nameColumn } from "./name_column.ts";
import { type ThreadLives, threadLives } from "./thread_lives.ts";
import { Doing } from "./thread_segments.ts";
import { isFollowed } from "./is_followed.ts";
import { WAKE_SOURCES, type WakeSource, wakeSources } from "./wake_source.ts";

/** Columns of {@linkcode wakeupChain}: the first row is the thread asked for, each next one who woke the one before. */
export type WakeupChainColumns = {
  /** 0 for the thread itself, 1 for its waker, 2 for its waker's waker, ... */
  step: Int32Array;
  tid: Int32Array;
  comm: DictColumn;
  /** When it was woken, ns since the epoch; NaN where the trace does not tell (before its first wakeup). */
  ts: Ns;
  /** How long it had slept until then, ns; NaN where the trace does not tell. */
  slept: Ns;
  /** How long it was runnable until it ran, ns; NaN where the trace does not tell. */
  delay: Ns;
  /**
   * How long it ran from then until it woke the thread of the row before (in the first row: until the time asked for, or the trace's
   * end), ns; NaN where the trace does not tell.
   */
  ran: Ns;
  /** How long of that time it was kept from running: it had lost its CPU. ns; NaN likewise. */
  preempted: Ns;
  /** What woke it. The chain ends at all but `task` and `new`. */
  wake_source: DictColumn<WakeSource>;
  /** Who woke it: the thread of the next row; of an interrupt whom that hit. -1 unknown. */
  waker_tid: Int32Array;
  waker_comm: DictColumn;
  /** 1 where the trace does not tell all of the row. */
  censored: Uint8Array;
};

/** Options of {@linkcode wakeupChain}. */
export interface WakeupChainOptions {
  /** Most rows. Default 64. */
  limit?: number;
  /** Whether a wakeup in a softirq is followed to the task in whose context that ran; see `CriticalPathOptions`. Default false. */
  softirqs?: boolean;
}

interface Link {
  readonly tid: number;
  readonly ts: number;
  readonly slept: number;
  readonly delay: number;
  readonly ran: number;
  readonly preempted: number;
  readonly source: number;
  readonly waker: number;
}

/**
 * Who woke `tid` last before `time` (ns since the epoch; a wakeup at that very time counts), who had woken that one last before it did,
 * and so on, until an interrupt did it, or the trace does not tell.
 *
 * Wakeups are those of {@linkcode wakeupDelays}. Needs `sched:sched_switch`, and `sched:sched_waking` or `sched:sched_wakeup`; throws
 * `MissingEventError`, and RangeError for a thread that is not in the trace.
 */
export function wakeupChain(
  trace: Trace,
  tid: number,
  time: number,
  options: WakeupChainOptions = {},
): Frame<WakeupChainColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("wakeupChain", "sched:sched_switch");
  context.requireEvent("wakeupChain", "sched:sched_waking", "sched:sched_wakeup");
  const { limit = 64, softirqs = false } = options;
  const lives = threadLives(context);
  if (lives.find(tid) < 0) throw new RangeError(`No thread ${tid} is in the trace`);
  const source = wakeSources(context);
  const links: Link[] = [];
  let [thread, until] = [tid, Math.min(time, context.span.to)];
  while (links.length < limit) {
    const link = lastWakeup(lives, source, context.stream.ts, thread, until);
    links.push(link);
    const followed = isFollowed(WAKE_SOURCES[link.source]!, softirqs);
    // Wakeups of one stamp could go round in a circle.
    if (!followed || link.waker <= 0 || (links.length > 1 && link.ts >= until)) break;
    [thread, until] = [link.waker, link.ts];
  }
  const column = (value: (link: Link) => number) => ns(Float64Array.from(links, value));
  const tids = Int32Array.from(links, (link) => link.tid);
  const wakers = Int32Array.from(links, (link) => link.waker);
  return new Frame<WakeupChainColumns>({
    step: Int32Array.from(links, (_, step) => step),
    tid: tids,
    comm: nameColumn(context, tids),
    ts: column((link) => link.ts),
    slept: column((link) => link.slept),
    delay: column((link) => link.delay),
    ran: column((link) => link.ran),
    preempted: column((link) => link.preempted),
    wake_source: new DictColumn(Uint8Array.from(links, (link) => link.source), WAKE_SOURCES),
    waker_tid: wakers,
    waker_comm: nameColumn(context, wakers),
    censored: Uint8Array.from(
      links,
      (link) => Number.isNaN(link.ts + link.slept + link.delay + link.ran) ? 1 : 0,
    ),
  });
}

function lastWakeup(
  lives: ThreadLives,
  source: (event: number) => number,
  stamps: Float64Array,
  tid: number,
  until: number,
): Link {
  const { table } = lives;
  const { from, doing, event, hidden, start } = table;
  const k = lives.find(tid);
  const unknown = { tid, ts: NaN, slept: NaN, delay: NaN, ran: NaN, preempted: NaN, source: 0, waker: -1 };
  if (k < 0) return unknown;
  let row = lives.at(k, until);
  const first = start[k]!;
  const begins = (at: number) =>
    doing[at] === Doing.Woken && event[at]! >= 0 && (at === first || event[at - 1] !== event[at] ||
      doing[at - 1] !== Doing.Woken);
  while (row >= first && !begins(row)) row--;
  if (row < first) return unknown;
  let end = row;
  let whole = true;
  while (end < start[k + 1]! && doing[end] === Doing.Woken && event[end] === event[row]) {
    if (hidden[end++] === 1) whole = false;
  }
  const ran = whole && end < start[k + 1]! && doing[end] === Doing.Running ? from[end]! : NaN;
  let worked = ran - ran;
  let kept = worked;
  for (let at = end; at < start[k + 1]! && from[at]! < until; at++) {
    const time = Math.min(until, at + 1 < start[k + 1]! ? from[at + 1]! : until) - from[at]!;
    if (hidden[at] === 1) worked = NaN;
    else if (doing[at] === Doing.Running) worked += time;
    else if (doing[at] === Doing.Preempted) kept += time;
  }
  const at = stamps[event[row]!]!;
  const asleep = row > first && doing[row - 1] === Doing.Asleep && hidden[row - 1] === 0;
  return {
    tid,
    ts: at,
    slept: at < from[row]! ? 0 : asleep ? from[row]! - from[row - 1]! : NaN,
    delay: ran - from[row]!,
    ran: worked,
    preempted: kept + (worked - worked),
    source: source(event[row]!),
    waker: table.waker[row]!,
  };
}
