import { formatNs } from "../frame/format_ns.ts";
import { visibleText } from "../frame/visible_text.ts";
import type { GapLedger } from "../sched/gaps.ts";
import type { Trace } from "../trace/trace.ts";
import { widgetFragment } from "./widget/fragment.ts";
import { traceInput } from "./widget/trace_input.ts";
import { type WidgetData, widgetData, type WidgetInput } from "./widget/widget_data.ts";

export { WIDGET_SCRIPT_SOURCE } from "./widget/fragment.ts";
export type { WidgetGaps, WidgetHoles, WidgetInput, WidgetRuns, WidgetStates } from "./widget/widget_data.ts";

const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** Options of {@linkcode timelineWidget}. */
export interface TimelineWidgetOptions {
  /** First moment shown, ns since the trace's epoch. Default: the trace's first event. */
  from?: number;
  /** Last moment shown, ns since the trace's epoch. Default: the trace's last event. */
  to?: number;
  /** Gaps to mark, as `gaps(trace)` gives them. Default: none. */
  ledger?: GapLedger;
  /** Text above the lanes. Default: `Timeline`. */
  title?: string;
  /** Height of the lanes, CSS pixels. Default: 420. */
  height?: number;
  /**
   * Most slices that go into the page, at four to five bytes each. Of a time that has more the widget holds the part around
   * the ledger's longest gap (or the start), and says so. Default: 1,000,000; Infinity takes all.
   */
  maxSlices?: number;
}

/** A place in time to show. */
export interface WidgetPlace {
  /** ns since the trace's epoch. */
  ts: number;
  /** ns. Default: 0. */
  dur?: number;
  /** Thread to choose. Default: none. */
  tid?: number;
}

/** What a {@linkcode TimelineWidget} is made of; see there. */
export type TimelineWidgetParts = Pick<TimelineWidget, "html" | "alt" | "id" | "slices" | "span">;

/** Options of {@linkcode timelineWidgetOf}. */
export type TimelineWidgetOfOptions = Pick<TimelineWidgetOptions, "height">;

/** A timeline that one can move in; see {@linkcode timelineWidget}. */
export class TimelineWidget {
  /**
   * The widget for a page: one element that brings its script and its data. It fetches nothing. A page with a
   * Content-Security-Policy names {@linkcode WIDGET_SCRIPT_SOURCE} in its `script-src`.
   */
  readonly html: string;
  /** What it shows, in words. */
  readonly alt: string;
  /** The element's id; it follows from the data. */
  readonly id: string;
  /** Slices of CPUs and threads in it. */
  readonly slices: number;
  /** First and last moment that it holds, ns since the trace's epoch. */
  readonly span: { readonly from: number; readonly to: number };

  /** Use {@linkcode timelineWidget} or {@linkcode timelineWidgetOf}. */
  constructor(parts: TimelineWidgetParts) {
    this.html = parts.html;
    this.alt = parts.alt;
    this.id = parts.id;
    this.slices = parts.slices;
    this.span = parts.span;
  }

  /** What a link's `href` must be for the widget to show `place`, such as a row of the ledger, when it is followed. */
  link(place: WidgetPlace): string {
    const values = Object.entries({ ts: place.ts, dur: place.dur, tid: place.tid })
      .filter(([, value]) => value !== undefined);
    return `#${this.id}?${values.map(([name, value]) => `${name}=${value}`).join("&")}`;
  }

  /** What a notebook shows. */
  [jupyterDisplay](): Record<string, string> {
    return { "text/html": this.html, "text/plain": this.alt };
  }

  /** The widget in words. */
  toString(): string {
    return this.alt;
  }
}

/**
 * The trace as a timeline that one can move in: a lane for each CPU with who ran, one for each thread with what it did, gaps of the
 * ledger marked by cause, holes hatched. Zoom, pan, search a thread, point at a slice for its state, waker, cause and times, click
 * it to follow the chain of wakeups. It works in a notebook and in a page, without any network.
 *
 * A link to {@linkcode TimelineWidget.link} leads to a place, from anywhere in the page; a script in it finds the widgets in
 * `schedscopeWidgets`, which have `goTo({ ts, dur, tid })` and `stats`: how fast they draw.
 *
 * Needs `sched:sched_switch`; without wakeups there are lanes of CPUs only.
 *
 * @example
 * ```ts
 * import { timelineWidget } from "@schedscope/schedscope/plot";
 * import { gaps } from "@schedscope/schedscope/sched";
 * import type { Trace } from "@schedscope/schedscope/trace";
 *
 * function page(trace: Trace): string {
 *   const ledger = gaps(trace);
 *   const widget = timelineWidget(trace, { ledger, title: "Why it was late" });
 *   const { ts, dur, tid } = ledger.gaps.row(0);
 *   return `${widget.html}<a href="${widget.link({ ts, dur, tid })}">the first gap</a>`;
 * }
 * ```
 */
export function timelineWidget(trace: Trace, options: TimelineWidgetOptions = {}): TimelineWidget {
  trace.requireEvent("timelineWidget", "sched:sched_switch");
  const { from = trace.span.from, to = trace.span.to, title = "Timeline", ledger, height } = options;
  const { maxSlices = 1_000_000 } = options;
  if (!(from <= to)) {
    throw new RangeError(`Expected a timeline whose from is not after its to but found ${from} to ${to}`);
  }
  if (!(maxSlices >= 1)) throw new RangeError(`Expected maxSlices to be at least 1 but found ${maxSlices}`);
  return timelineWidgetOf(traceInput(trace, { title, from, to, ledger, maxSlices }), {
    ...(height === undefined ? {} : { height }),
  });
}

/** A timeline of columns that come from anywhere, such as a simulator. All of them go into the page. */
export function timelineWidgetOf(input: WidgetInput, options: TimelineWidgetOfOptions = {}): TimelineWidget {
  const { height = 420 } = options;
  if (!(height >= 120 && height <= 4000)) {
    throw new RangeError(`Expected a height of 120 to 4000 pixels but found ${height}`);
  }
  const data = widgetData(input);
  const alt = altOf(input, data);
  return new TimelineWidget({
    ...widgetFragment(data.bytes, alt, Math.round(height)),
    alt,
    slices: data.slices,
    span: { from: input.from, to: input.to },
  });
}

function altOf(input: WidgetInput, data: WidgetData): string {
  const number = (value: number, one: string, many: string) =>
    `${value.toLocaleString("en-US")} ${value === 1 ? one : many}`;
  const parts = [
    number(data.cpus, "CPU", "CPUs"),
    number(data.threads, "thread", "threads"),
    ...(data.gaps > 0 ? [number(data.gaps, "gap", "gaps")] : []),
  ];
  const note = input.note === undefined || input.note === "" ? "" : ` ${input.note}`;
  return visibleText(
    `${input.title}: a timeline of ${formatNs(input.to - input.from)} with ${parts.join(", ")} and ${
      number(data.slices, "slice", "slices")
    }.${note}`,
  );
}
