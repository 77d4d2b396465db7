import { visibleText } from "../../frame/visible_text.ts";
import { gaps } from "../../sched/gaps.ts";
import type { Trace } from "../../trace/trace.ts";
import { type PageSection, renderPage } from "../render_page.ts";
import { timelineWidget, WIDGET_SCRIPT_SOURCE } from "../timeline_widget.ts";
import { aroundWorstSection, causesSection, finding, worstGapsSection } from "./gap_sections.ts";
import { fairnessSection } from "./fairness_section.ts";
import { latencySection } from "./latency_section.ts";
import { loadSection } from "./load_section.ts";
import { originSection } from "./origin_section.ts";
import { qualitySection } from "./quality_section.ts";
import { percent, type Story, type Teller, told } from "./story.ts";
import { timeSection } from "./time_section.ts";

/** Options of {@linkcode report}. */
export interface ReportOptions {
  /** Title of the page. Default: `Scheduling report`, with the trace's file. */
  title?: string;
  /** Shortest gap, ns. Default: 1 ms. */
  threshold?: number;
  /** Most rows of a table. Default: 25. */
  rows?: number;
  /** Whether the page has the timeline to move in, its one script. Default: true. */
  widget?: boolean;
  /** Most slices of the timeline, at four to five bytes each; of more, it holds the part around the longest gap. Default: 1,000,000. */
  maxSlices?: number;
}

/** A page, and the numbers on it. */
export interface Report {
  /** One self-contained HTML page. */
  readonly html: string;
  /** The finding in a sentence. */
  readonly summary: string;
  /** The numbers behind the page by section, for JSON; times are ns. */
  readonly figures: Readonly<Record<string, unknown>>;
}

const SECTIONS: readonly (readonly [string, Teller])[] = [
  ["How good the trace is", qualitySection],
  ["The longest gaps", worstGapsSection],
  ["Around the longest gap", aroundWorstSection],
  ["What waiting was made of", causesSection],
  ["Latency by task", latencySection],
  ["Where the time went", timeSection],
  ["Fairness", fairnessSection],
  ["Load", loadSection],
  ["Where the trace is from", originSection],
];

/** Where the timeline stands among the sections. */
const TIMELINE_AT = 4;

/**
 * One page that tells a trace's story: how good it is, the longest gaps with their causes, a timeline to move in, latency by task,
 * where the time went, load. It needs nothing from anywhere, and no script but the timeline's.
 *
 * A section for which the trace lacks an event says so. Needs `sched:sched_switch`; throws `MissingEventError` without.
 *
 * @example
 * ```ts ignore
 * import { openTrace } from "@schedscope/schedscope";
 * import { report } from "@schedscope/schedscope/plot";
 *
 * const { html, summary } = report(await openTrace("perf.data"));
 * await Deno.writeTextFile("report.html", html);
 * console.log(summary);
 * ```
 */
export function report(trace: Trace, options: ReportOptions = {}): Report {
  trace.requireEvent("report", "sched:sched_switch");
  const { threshold = 1e6, rows = 25, maxSlices = 1_000_000 } = options;
  const file = trace.path?.split("/").at(-1);
  const { title = file === undefined ? "Scheduling report" : `Scheduling report: ${file}` } = options;
  const context = trace.context ?? trace;
  const wakeups = context.has("sched:sched_waking") || context.has("sched:sched_wakeup");
  const ledger = wakeups ? gaps(trace, { threshold }) : undefined;
  const widget = options.widget === false
    ? undefined
    : timelineWidget(trace, { maxSlices, title: "Timeline", ...(ledger === undefined ? {} : { ledger }) });
  const figures: Record<string, unknown> = {};
  const story: Story = {
    trace,
    ledger,
    threshold,
    rows,
    figures,
    link: ({ ts, dur = 0, tid }) => {
      if (widget === undefined) return undefined;
      // What reaches over an edge is shown as far as it is there.
      const from = Math.max(ts, widget.span.from);
      const to = Math.min(ts + dur, widget.span.to);
      return to < from
        ? undefined
        : widget.link({ ts: from, dur: to - from, ...(tid === undefined ? {} : { tid }) });
    },
  };
  const summary = finding(story);
  const sections = SECTIONS.map(([heading, tell]) => told(heading, story, tell));
  if (widget !== undefined) {
    const section: PageSection = {
      heading: "Timeline",
      prose:
        "Who ran on each CPU, and what each thread did. Zoom by the wheel, move by dragging, search a thread; a click on a slice " +
        "follows the chain of wakeups.",
      figures: [widget],
    };
    sections.splice(TIMELINE_AT - 1, 0, section);
    figures["timeline"] = { slices: widget.slices, from: widget.span.from, to: widget.span.to };
  }
  const html = renderPage({
    title,
    summary,
    facts: {
      ...(trace.host.release === undefined ? {} : { kernel: trace.host.release }),
      ...(trace.host.hostname === undefined ? {} : { host: trace.host.hostname }),
      "CPU-time covered": percent(trace.quality.share),
    },
    sections: sections.filter((section) => section !== undefined),
    ...(widget === undefined ? {} : { scriptSource: WIDGET_SCRIPT_SOURCE }),
  });
  return { html, summary: visibleText(summary), figures: { title, summary, ...figures } };
}
