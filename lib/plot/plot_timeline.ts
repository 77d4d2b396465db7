import type { Columns, DictColumn, NumericColumn } from "../frame/column.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Frame } from "../frame/frame.ts";
import { cutText, textWidth } from "../frame/text_width.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { Figure } from "./figure.ts";
import { legend, legendRows } from "./legend.ts";
import { CULPRIT_COLOR, OTHERS_COLOR, textColorOn, VICTIM_COLOR } from "./palette.ts";
import { DEFAULT_WIDTH, emptyFigure, FONT_SIZE, Plot, plotFigure } from "./plot_figure.ts";
import { textPixels } from "./text_size.ts";
import { timeUnit } from "./time_ticks.ts";
import { Role, type TimelineBars, timelineBars } from "./timeline_slices.ts";

/** Columns that {@linkcode plotTimeline} reads: run slices, as `runs(trace)` gives them. */
export type TimelineColumns = Columns & {
  /** CPU that ran it. */
  cpu: NumericColumn;
  /** Start, ns. */
  ts: NumericColumn;
  /** ns. */
  dur: NumericColumn;
  /** Thread; 0 is idle, -1 unknown: both are drawn as nothing. */
  tid: NumericColumn;
  /** Name of the thread. */
  comm: DictColumn;
};

/** The gap that a timeline is about. */
export interface TimelineGap {
  /** The thread that did not run. */
  tid: number;
  /** Start and end of the gap, ns on the clock of the slices. */
  from: number;
  /** See `from`. */
  to: number;
  /** Text over the gap. Default: its length. */
  label?: string;
}

/** A moment to mark. */
export interface TimelineMarker {
  /** ns on the clock of the slices. */
  ts: number;
  /** What happened then. */
  label: string;
}

/** What the thread of the gap did, segment by segment. */
export type TimelineStateColumns = Columns & {
  /** Start, ns. */
  ts: NumericColumn;
  /** ns. */
  dur: NumericColumn;
  /** A state of `states()`: `running`, `preempted`, `woken`, `sleeping`, ...; other words are drawn faint. */
  state: DictColumn;
};

/** Options of {@linkcode plotTimeline}. */
export interface TimelineOptions {
  /** The gap: its thread is coloured, its time is a band, and time counts from its start. */
  highlight: TimelineGap;
  /** The thread to blame, coloured too. Default none. */
  culprit?: number;
  /** What the thread of the gap did, as a lane of its own at the top. Default none. */
  states?: Frame<TimelineStateColumns>;
  /** Start of the window, ns. Default: a third of the gap before it. */
  from?: number;
  /** End of the window, ns. Default: a third of the gap after it. */
  to?: number;
  /** Moments to mark by a dashed line. Default none. */
  markers?: readonly TimelineMarker[];
  /** Most CPUs to show: first those where the two threads ran. Default 16. */
  lanes?: number;
  /** Width, px. Default 860. */
  width?: number;
}

/** The time shown, ns, and how many px a ns has. */
interface Window {
  from: number;
  to: number;
  pixels: number;
}

type SliceColumns = Record<"cpu" | "ts" | "dur" | "tid", NumericColumn>;

const LANE = 26;
const MARGIN_RIGHT = 16;
/** Most bars that are drawn; beyond it each stands for a stretch. */
const MOST_BARS = 8000;
const STATE_OPACITY: Record<string, number> = {
  running: 1,
  preempted: 0.3,
  woken: 0.3,
  sleeping: 0.12,
  blocked: 0.12,
  stopped: 0.12,
};

/**
 * Who ran on which CPU around a gap: a lane for each CPU, the thread of the gap and its culprit in colour, the gap as a band.
 *
 * @example
 * ```ts
 * import { DictColumn, Frame } from "@schedscope/schedscope/frame";
 * import { plotTimeline } from "@schedscope/schedscope/plot";
 * import assert from "node:assert/strict";
 *
 * const slices = new Frame({
 *   cpu: Uint16Array.of(0, 0, 0),
 *   ts: Float64Array.of(0, 1_000_000, 4_000_000),
 *   dur: Float64Array.of(1_000_000, 3_000_000, 1_000_000),
 *   tid: Int32Array.of(7, 8, 7),
 *   comm: DictColumn.from(["make", "cc1", "make"]),
 * });
 * const figure = plotTimeline(slices, { highlight: { tid: 7, from: 1_000_000, to: 4_000_000 }, culprit: 8 });
 * assert.match(figure.alt, /make \(7\) did not run; cc1 \(8\) took its time/);
 * ```
 */
export function plotTimeline<C extends TimelineColumns>(slices: Frame<C>, options: TimelineOptions): Figure {
  const { highlight, culprit, markers = [], width = DEFAULT_WIDTH } = options;
  const length = highlight.to - highlight.from;
  const { from = highlight.from - length / 3, to = highlight.to + length / 3 } = options;
  if (!(to > from)) return emptyFigure("The timeline's window is empty.", width);
  const columns = {
    cpu: slices.column("cpu") as NumericColumn,
    ts: slices.column("ts") as NumericColumn,
    dur: slices.column("dur") as NumericColumn,
    tid: slices.column("tid") as NumericColumn,
  };
  const comm: DictColumn = slices.column("comm");
  const chosen = chooseLanes(
    columns,
    from,
    to,
    new Set([highlight.tid, culprit ?? highlight.tid]),
    options.lanes ?? 16,
  );
  if (chosen.shown.length === 0) {
    return emptyFigure("No CPU has a run slice in the timeline's window.", width);
  }
  const bars = timelineBars(
    { ...columns, lanes: chosen.shown, from, to, victim: highlight.tid, culprit },
    MOST_BARS,
  );

  const laneNames = chosen.shown.map((cpu) => `CPU ${cpu}`);
  const victim = threadName(columns, comm, highlight.tid, to);
  const stateLane = options.states === undefined ? [] : [cutText(victim, 16)];
  const domain = [...stateLane, ...laneNames];
  const marginLeft = Math.max(...domain.map((name) => textPixels(name))) + 12;
  const unit = timeUnit(to - from);
  const relative = (ns: number) => (ns - highlight.from) / unit.ns;
  const pixels = (width - marginLeft - MARGIN_RIGHT) / (to - from);
  const labels = sliceLabels(bars, columns.tid, comm, pixels);

  const items = [
    { label: victim, color: VICTIM_COLOR },
    ...(culprit === undefined
      ? []
      : [{ label: threadName(columns, comm, culprit, highlight.to), color: CULPRIT_COLOR }]),
    { label: "other threads", color: OTHERS_COLOR, opacity: 0.55 },
  ];
  const rows = legendRows(items, width - marginLeft - MARGIN_RIGHT);
  const gapText = visibleText(highlight.label ?? `${formatNs(length)} not running`);
  const marginTop = rows * 18 + 22 + (markers.length > 0 ? 16 : 0);
  const exact = bars.row.every((row) => row >= 0);
  const notes = [
    ...(chosen.hidden > 0 ? [`${chosen.hidden} more CPUs are not shown.`] : []),
    ...(exact ? [] : [
      `Too many slices to draw: each bar shows who ran most in its ${
        formatNs((to - from) * chosen.shown.length / MOST_BARS)
      } or more.`,
    ]),
  ];
  const band = [Math.max(from, highlight.from), Math.min(to, highlight.to)] as const;
  return plotFigure({
    width,
    height: marginTop + domain.length * LANE + 44,
    marginLeft,
    marginRight: MARGIN_RIGHT,
    marginTop,
    marginBottom: 44,
    x: {
      domain: [relative(from), relative(to)],
      label: `${unit.name} from the start of the gap →`,
      labelAnchor: "right",
      labelArrow: "none",
      labelOffset: 38,
      ticks: Math.max(3, Math.floor((width - marginLeft) / 90)),
    },
    y: { domain, label: null, padding: 0.12, tickSize: 0 },
    alt:
      `Timeline of ${chosen.shown.length} CPUs over ${formatNs(to - from)} around a gap of ${
        formatNs(length)
      } in which ${victim} did not run` +
      (culprit === undefined ? "" : `; ${threadName(columns, comm, culprit, highlight.to)} took its time`),
    ...(notes.length > 0 ? { caption: notes.join(" ") } : {}),
    marks: [
      Plot.barX({ length: domain.length }, {
        y: domain,
        x1: domain.map(() => relative(from)),
        x2: domain.map(() => relative(to)),
        fill: "currentColor",
        fillOpacity: 0.05,
      }),
      band[1] > band[0]
        ? Plot.rectX([0], {
          x1: relative(band[0]),
          x2: relative(band[1]),
          fill: CULPRIT_COLOR,
          fillOpacity: 0.13,
        })
        : null,
      ...(options.states === undefined
        ? []
        : stateBars(options.states, stateLane[0]!, { from, to, pixels }, relative)),
      Plot.barX({ length: bars.lane.length }, {
        y: bars.lane.map((lane) => laneNames[lane]),
        x1: bars.from.map(relative),
        x2: bars.to.map(relative),
        fill: bars.role.map((role) => roleColor(role)),
        fillOpacity: bars.role.map((role) => role === Role.Other ? 0.55 : 1),
        // A slice narrower than half a pixel would vanish.
        stroke: bars.role.map((role) => roleColor(role)),
        strokeOpacity: bars.role.map((role) => role === Role.Other ? 0.25 : 1),
        strokeWidth: 0.5,
        ...(bars.lane.length <= 2000 && exact
          ? { title: bars.row.map((row, at) => sliceTitle(bars, at, row, columns.tid, comm)) }
          : {}),
      }),
      ...[Role.Other, Role.Victim, Role.Culprit].map((role) => {
        const some = labels.filter((label) => label.role === role);
        return Plot.text({ length: some.length }, {
          x: some.map((label) => relative(label.middle)),
          y: some.map((label) => laneNames[label.lane]),
          text: some.map((label) => label.text),
          fill: role === Role.Other ? "currentColor" : textColorOn(roleColor(role)),
          fontSize: 11,
        });
      }),
      Plot.ruleX(
        [relative(highlight.from), relative(highlight.to)].filter((x) =>
          x >= relative(from) && x <= relative(to)
        ),
        {
          stroke: CULPRIT_COLOR,
          strokeWidth: 1.2,
        },
      ),
      Plot.ruleX(markers.map(({ ts }) => relative(ts)), { stroke: "currentColor", strokeDasharray: "3,3" }),
      headText(
        relative((band[0] + band[1]) / 2),
        gapText,
        (band[0] + band[1]) / 2,
        -10,
        { from, to, pixels },
        true,
      ),
      ...markers.map(({ ts, label }) =>
        headText(relative(ts), visibleText(label), ts, -26, { from, to, pixels }, false)
      ),
      legend(items, 2),
    ],
  });
}

/** Which CPUs get a lane, ascending: first those where `threads` ran, then those with the most run time. */
function chooseLanes(
  { cpu, ts, dur, tid }: SliceColumns,
  from: number,
  to: number,
  threads: ReadonlySet<number>,
  most: number,
): { shown: number[]; hidden: number } {
  const weight = new Map<number, number>();
  for (let row = 0; row < ts.length; row++) {
    const time = Math.min(to, ts[row]! + dur[row]!) - Math.max(from, ts[row]!);
    if (!(time > 0)) continue;
    const wanted = tid[row]! === 0 ? 0 : threads.has(tid[row]!) ? (to - from) * 1e6 + time : time;
    weight.set(cpu[row]!, (weight.get(cpu[row]!) ?? 0) + wanted);
  }
  const all = [...weight].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([cpu]) => cpu);
  return { shown: all.slice(0, most).sort((a, b) => a - b), hidden: Math.max(0, all.length - most) };
}

/** Name of thread `tid`: what it was called in its last slice before `to`, as an exec changes it, or else in any. */
function threadName({ tid: tids, ts }: SliceColumns, comm: DictColumn, tid: number, to: number): string {
  let found = -1;
  for (let row = 0; row < tids.length; row++) {
    if (tids[row] !== tid) continue;
    if (found === -1 || (ts[row]! < to && (ts[row]! > ts[found]! || ts[found]! >= to))) found = row;
  }
  return found === -1 ? `thread ${tid}` : `${visibleText(comm.at(found))} (${tid})`;
}

function roleColor(role: number): string {
  return role === Role.Victim ? VICTIM_COLOR : role === Role.Culprit ? CULPRIT_COLOR : OTHERS_COLOR;
}

/** Names for the bars that are wide enough to hold one. */
function sliceLabels(bars: TimelineBars, tids: NumericColumn, comm: DictColumn, pixels: number) {
  return bars.row.flatMap((row, at) => {
    const room = (bars.to[at]! - bars.from[at]!) * pixels - 6;
    if (row < 0 || room < 20) return [];
    const name = visibleText(comm.at(row));
    const full = `${name} ${tids[row]}`;
    const text = textPixels(full, 11) <= room ? full : cutText(name, Math.floor(room / (11 * 0.6)));
    // Two letters and an ellipsis tell nothing.
    if (textWidth(text) < Math.min(5, textWidth(name))) return [];
    return [{
      lane: bars.lane[at]!,
      middle: (bars.from[at]! + bars.to[at]!) / 2,
      text,
      role: bars.role[at]!,
    }];
  });
}

function sliceTitle(
  bars: TimelineBars,
  at: number,
  row: number,
  tids: NumericColumn,
  comm: DictColumn,
): string {
  return `${visibleText(comm.at(row))} (${tids[row]}), ${
    formatNs(bars.to[at]! - bars.from[at]!, { digits: 4 })
  }`;
}

function stateBars<C extends TimelineStateColumns>(
  states: Frame<C>,
  lane: string,
  { from, to, pixels }: Window,
  relative: (ns: number) => number,
) {
  const ts: NumericColumn = states.column("ts");
  const dur: NumericColumn = states.column("dur");
  const state: DictColumn = states.column("state");
  const bars = Array.from(ts.keys())
    .map((row) => ({
      row,
      start: Math.max(from, ts[row]!),
      end: Math.min(to, ts[row]! + dur[row]!),
      text: visibleText(state.at(row)),
    }))
    .filter(({ start, end }) => end > start).slice(0, 1000);
  const wide = bars.filter(({ start, end, text }) => (end - start) * pixels > textPixels(text, 11) + 6);
  const opacity = (row: number) => STATE_OPACITY[state.at(row)] ?? 0.05;
  return [
    Plot.barX({ length: bars.length }, {
      y: bars.map(() => lane),
      x1: bars.map(({ start }) => relative(start)),
      x2: bars.map(({ end }) => relative(end)),
      fill: VICTIM_COLOR,
      fillOpacity: bars.map(({ row }) => opacity(row)),
      title: bars.map(({ row, text }) => `${text}, ${formatNs(dur[row]!, { digits: 4 })}`),
    }),
    ...[true, false].map((solid) => {
      const some = wide.filter(({ row }) => opacity(row) > 0.7 === solid);
      return Plot.text({ length: some.length }, {
        x: some.map(({ start, end }) => relative((start + end) / 2)),
        y: some.map(() => lane),
        text: some.map(({ text }) => text),
        fill: solid ? textColorOn(VICTIM_COLOR) : "currentColor",
        fontSize: 11,
      });
    }),
  ];
}

/** Text above the lanes at a moment, kept inside of the figure. */
function headText(
  x: number,
  text: string,
  at: number,
  dy: number,
  { from, to, pixels }: Window,
  bold: boolean,
) {
  const half = textPixels(text) / 2;
  const textAnchor = (at - from) * pixels < half ? "start" : (to - at) * pixels < half ? "end" : "middle";
  return Plot.text([text], {
    x: [x],
    text: [text],
    frameAnchor: "top",
    textAnchor,
    dy,
    fontSize: FONT_SIZE,
    ...(bold ? { fontWeight: "bold" as const } : {}),
  });
}
