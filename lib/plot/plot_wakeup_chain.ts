import type { DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { DEFAULT_WIDTH, emptyFigure } from "./plot_figure.ts";
import { plotWaterfall, type WaterfallBar, type WaterfallLink } from "./waterfall.ts";

/** Columns that {@linkcode plotWakeupChain} reads: those of `wakeupChain()`. Times are ns. */
export type WakeupChainFigureColumns = {
  tid: NumericColumn;
  comm: DictColumn;
  ts: NumericColumn;
  slept: NumericColumn;
  delay: NumericColumn;
  ran: NumericColumn;
  preempted: NumericColumn;
  wake_source: DictColumn;
};

/** Columns that {@linkcode plotCriticalPath} reads: those of `criticalPath()`. Times are ns. */
export type CriticalPathFigureColumns = {
  ts: NumericColumn;
  dur: NumericColumn;
  tid: NumericColumn;
  comm: DictColumn;
  what: DictColumn;
  thread: NumericColumn;
  thread_comm: DictColumn;
  depth: NumericColumn;
  via: NumericColumn;
};

/** Options of {@linkcode plotWakeupChain} and {@linkcode plotCriticalPath}. */
export interface WaterfallOptions {
  /** Most threads, a lane for each: of a path those that it spent the most time on, of a chain the last ones. Default 16. */
  lanes?: number;
  /** Width, px. Default 860. */
  width?: number;
}

/** What the parts of a path are called in the figure, and their colours. */
const PARTS: Readonly<Record<string, { name: string; color: string }>> = {
  "running": { name: "running", color: "#0072b2" },
  "queued": { name: "queued behind", color: "#e69f00" },
  "preempted": { name: "preempted by", color: "#d55e00" },
  "cpu idle": { name: "woken on an idle CPU", color: "#009e73" },
  "timer": { name: "until a timer", color: "#8c8c8c" },
  "irq": { name: "until an interrupt", color: "#cc79a7" },
  "softirq": { name: "until a softirq", color: "#56b4e9" },
  "asleep": { name: "asleep", color: "#9aa0a6" },
  "unknown": { name: "unknown", color: "#b8b8b8" },
};
const ELSE = PARTS["unknown"]!;

/**
 * A critical path as a waterfall: a lane for each thread on it, the one asked for on top, the others in the order in which the path comes
 * to them; each stretch is where the path was then, with who had the CPU written into it; an arrow is a wakeup.
 */
export function plotCriticalPath<C extends CriticalPathFigureColumns>(
  path: Frame<C>,
  options: WaterfallOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, lanes: most = 16 } = options;
  const numbers = (name: "ts" | "dur" | "tid" | "thread" | "depth" | "via") =>
    path.column(name) as NumericColumn;
  const [ts, dur, tid, thread] = [numbers("ts"), numbers("dur"), numbers("tid"), numbers("thread")];
  const [depth, via] = [numbers("depth"), numbers("via")];
  const [comm, name]: [DictColumn, DictColumn] = [path.column("comm"), path.column("thread_comm")];
  const what: DictColumn = path.column("what");
  if (path.length === 0) return emptyFigure("The path is empty.", width);
  const end = ts[path.length - 1]! + dur[path.length - 1]!;
  const spent = new Map<number, number>();
  for (let row = 0; row < path.length; row++) {
    spent.set(thread[row]!, (spent.get(thread[row]!) ?? 0) + dur[row]!);
  }
  // Depth 0 is the thread asked for; a path may not come to it at all.
  const top = rootOf(depth, thread, via);
  const kept = new Set(
    [...spent].filter(([id]) => id !== top).sort((x, y) => y[1] - x[1]).slice(0, most - 1).map(([id]) => id),
  );
  const order = [top, ...[...spent.keys()].filter((id) => kept.has(id))];
  const lane = new Map(order.map((id, at) => [id, at]));
  const names = new Map<number, string>();
  for (let row = 0; row < path.length; row++) names.set(thread[row]!, laneName(name.at(row), thread[row]!));
  const bars: WaterfallBar[] = [];
  const links: WaterfallLink[] = [];
  for (let row = 0; row < path.length; row++) {
    const at = lane.get(thread[row]!);
    const part = PARTS[what.at(row)] ?? ELSE;
    const behind = what.at(row) === "queued" || what.at(row) === "preempted";
    const until = ts[row]! + dur[row]!;
    if (at !== undefined) {
      bars.push({
        lane: at,
        from: ts[row]!,
        to: until,
        kind: part.name,
        color: part.color,
        text: behind ? (tid[row]! < 0 ? "?" : comm.at(row)) : "",
      });
    }
    // It woke who comes next on the path: that of the depth before.
    const next = row + 1 < path.length ? thread[row + 1]! : undefined;
    const woke = next !== undefined && next === via[row] && depth[row + 1] === depth[row]! - 1;
    if (woke && at !== undefined && lane.has(next)) {
      links.push({ time: until, from: at, to: lane.get(next)! });
    }
  }
  const shares = new Map<string, number>();
  for (let row = 0; row < path.length; row++) {
    const part = PARTS[what.at(row)] ?? ELSE;
    const who = tid[row]! < 0 ? "somebody unknown" : `${comm.at(row)} [${tid[row]}]`;
    const words = part.name.endsWith("behind") || part.name.endsWith("by")
      ? `${part.name} ${who}`
      : `${who} ${part.name}`;
    shares.set(words, (shares.get(words) ?? 0) + dur[row]!);
  }
  const largest = [...shares].sort((x, y) => y[1] - x[1]).slice(0, 6).map(([words, ns]) =>
    `${words} ${formatNs(ns)}`
  );
  const hidden = spent.size - [...spent.keys()].filter((id) => lane.has(id)).length;
  return plotWaterfall({
    width,
    from: ts[0]!,
    to: end,
    lanes: order.map((id) => names.get(id) ?? `[${id}]`),
    bars,
    links,
    label: "from the start",
    zero: ts[0]!,
    alt: `Critical path of ${names.get(top) ?? `[${top}]`} over ${formatNs(end - ts[0]!)}: ${
      largest.join("; ")
    }`,
    ...(hidden === 0 ? {} : { caption: `${hidden} more threads on the path are not shown.` }),
  });
}

function laneName(comm: string, tid: number): string {
  return `${cutText(visibleText(comm), 18)} [${tid}]`;
}

/** The thread of depth 0; where the path has none, what its first row leads back to. */
function rootOf(depth: NumericColumn, thread: NumericColumn, via: NumericColumn): number {
  let nearest = 0;
  for (let row = 0; row < depth.length; row++) {
    if (depth[row] === 0) return thread[row]!;
    if (depth[row]! < depth[nearest]!) nearest = row;
  }
  return depth[nearest] === 1 ? via[nearest]! : thread[nearest]!;
}

/**
 * A wakeup chain as a waterfall: a lane for each step, the oldest on top: how long it slept, waited for a CPU once it was woken, was
 * preempted and ran until it woke the next, which is the arrow. How it alternated between the last two is not drawn, only how long each was in all. Time counts back from where the chain was asked for.
 */
export function plotWakeupChain<C extends WakeupChainFigureColumns>(
  chain: Frame<C>,
  options: WaterfallOptions = {},
): Figure {
  const { width = DEFAULT_WIDTH, lanes: most = 16 } = options;
  const numbers = (name: "tid" | "ts" | "slept" | "delay" | "ran" | "preempted") =>
    chain.column(name) as NumericColumn;
  const [tid, ts, slept] = [numbers("tid"), numbers("ts"), numbers("slept")];
  const [delay, ran, preempted] = [numbers("delay"), numbers("ran"), numbers("preempted")];
  const comm: DictColumn = chain.column("comm");
  const source: DictColumn = chain.column("wake_source");
  const steps: number[] = [];
  for (let row = 0; row < Math.min(chain.length, most) && !Number.isNaN(ts[row]!); row++) steps.unshift(row);
  if (steps.length === 0) return emptyFigure("No wakeup is known.", width);
  const known = (value: number) => Number.isNaN(value) ? 0 : value;
  const first = ts[steps[0]!]!;
  const end = Math.max(
    ...steps.map((row) => ts[row]! + known(delay[row]!) + known(ran[row]!) + known(preempted[row]!)),
  );
  // Sleep before the chain's first wakeup is as long as it likes; a tenth of the picture is enough of it.
  const from = first - Math.min(known(slept[steps[0]!]!), (end - first) / 10);
  const bars: WaterfallBar[] = [];
  const links: WaterfallLink[] = [];
  steps.forEach((row, lane) => {
    const woken = ts[row]!;
    const began = woken + known(delay[row]!);
    const ready = began + known(preempted[row]!);
    const put = (a: number, b: number, kind: string, color: string) => {
      if (Math.min(b, end) > Math.max(a, from)) {
        bars.push({ lane, from: Math.max(a, from), to: Math.min(b, end), kind, color, text: "" });
      }
    };
    put(woken - known(slept[row]!), woken, "asleep", "#9aa0a6");
    put(woken, began, "waits for a CPU", "#e69f00");
    put(began, ready, "preempted (in all)", "#d55e00");
    put(ready, ready + known(ran[row]!), "runs (in all), until it wakes the next", "#0072b2");
    if (lane + 1 < steps.length) links.push({ time: ts[steps[lane + 1]!]!, from: lane, to: lane + 1 });
  });
  const names = steps.map((row) => laneName(comm.at(row), tid[row]!));
  const origin = source.at(steps[0]!);
  return plotWaterfall({
    width,
    from,
    to: end,
    lanes: names,
    bars,
    links,
    label: "before the end",
    zero: end,
    alt: `Wakeup chain over ${formatNs(end - first)}: ${origin === "" ? "" : `${origin}, then `}` +
      steps.map((row, lane) =>
        `${names[lane]} waited ${formatNs(delay[row]!)}, was preempted ${formatNs(preempted[row]!)} and ran ${
          formatNs(ran[row]!)
        }`
      ).join("; "),
    ...(chain.length > steps.length
      ? { caption: `${chain.length - steps.length} older steps are not shown.` }
      : {}),
  });
}
