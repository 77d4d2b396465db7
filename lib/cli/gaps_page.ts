import type { FoundGaps } from "../bench/find_gaps.ts";
import { formatNs } from "../frame/format_ns.ts";
import type { Figure } from "../plot/figure.ts";
import { plotCauseShare } from "../plot/plot_cause_share.ts";
import { plotGapHistogram } from "../plot/plot_gap_histogram.ts";
import { plotSurvival } from "../plot/plot_survival.ts";
import { plotTimeline } from "../plot/plot_timeline.ts";
import { type PageSection, renderPage } from "../plot/render_page.ts";
import { gapInWords } from "../sched/gap_in_words.ts";
import { longestGaps } from "../sched/longest_gaps.ts";
import { runs } from "../sched/runs.ts";
import { timelineWidget, WIDGET_SCRIPT_SOURCE } from "../plot/timeline_widget.ts";
import { states } from "../sched/states.ts";

/** The finding in a sentence: how many gaps, the longest one, and whose fault it was. */
export function inOneSentence(found: FoundGaps): string {
  const { gaps } = found.ledger;
  const { spin } = found;
  const head = `${gaps.length} gaps of at least ${formatNs(spin.threshold)} in ${
    formatNs(spin.elapsed)
  } on ${spin.threads.length} threads`;
  if (gaps.length === 0) return `${head}.`;
  const worst = gaps.sort("dur", { descending: true }).row(0);
  return `${head}; the longest was ${formatNs(worst.dur)}, in ${worst.comm}[${worst.tid}], ${
    gapInWords(worst)
  }.`;
}

/** The neighbourhood of the longest gap; undefined where there is no trace or no gap. */
export function worstGapTimeline(found: FoundGaps): Figure | undefined {
  const { trace, ledger } = found;
  if (trace === undefined || ledger.gaps.length === 0) return undefined;
  const worst = ledger.gaps.sort("dur", { descending: true }).row(0);
  const window = { from: worst.ts - worst.dur / 3, to: worst.ts + worst.dur * 4 / 3 };
  return plotTimeline(runs(trace, window), {
    ...window,
    highlight: { tid: worst.tid, from: worst.ts, to: worst.ts + worst.dur },
    ...(worst.culprit_tid < 0 ? {} : { culprit: worst.culprit_tid }),
    states: states(trace, { ...window, tids: [worst.tid] }),
  });
}

/** `gaps.html`: one self-contained page that says what was found, shows it, and says how it was got. */
export function gapsPage(found: FoundGaps): string {
  const { spin, ledger, trace, notes } = found;
  const timeline = worstGapTimeline(found);
  const widget = trace === undefined ? undefined : timelineWidget(trace, { ledger });
  const { fingerprint, audit, tsc } = spin;
  const sections: PageSection[] = [
    {
      heading: "The longest gaps",
      prose: [
        "Each row is a moment in which a thread wanted to run and did not: how long, and who or what had its CPU meanwhile.",
        ledger.evidence === "trace"
          ? "The causes are from the trace of the scheduler. queued and preempted: somebody else ran, and the culprit is who ran longest. asleep: the wake-up itself came late. nothing scheduled: no recorded event explains it."
          : "There was no permission to trace. The kinds of cause are from rusage, schedstat, steal time and the CPU number; culprits are not known.",
      ],
      frames: [longestGaps(ledger.gaps, 50)],
    },
    ...(timeline === undefined ? [] : [{ heading: "Around the longest gap", figures: [timeline] }]),
    ...(widget === undefined ? [] : [{
      heading: "Timeline",
      prose:
        "Who ran on each CPU, and what each thread did. Zoom by the wheel, move by dragging, search a thread; " +
        "a click on a slice follows the chain of wakeups.",
      figures: [widget],
    }]),
    { heading: "Time by cause", figures: [plotCauseShare(ledger.causes)], frames: [ledger.causes] },
    { heading: "How long the gaps are", figures: [plotGapHistogram(ledger.gaps), plotSurvival(ledger.gaps)] },
    {
      heading: "Do the accounts close?",
      prose: "The same lost time, counted by four parties that do not know of each other.",
      facts: {
        "wall time less CPU time (CLOCK_THREAD_CPUTIME_ID)": formatNs(audit.offCpu, { digits: 5 }),
        "run_delay (schedstat)": `${formatNs(audit.runDelay, { digits: 5 })}, ${
          audit.runDelayResidual.toFixed(2)
        } %`,
        [`sum of gaps over ${formatNs(audit.floor)}`]: `${formatNs(audit.gaps, { digits: 5 })}, ${
          audit.gapsResidual.toFixed(2)
        } %`,
        "steal (/proc/stat, in grains of 10 ms)": formatNs(audit.steal),
        verdict: audit.conserved ? "conserved" : "not conserved",
      },
    },
    {
      heading: "How it was measured",
      facts: {
        "cycle counter": `${(tsc.hz / 1e6).toFixed(3)} MHz by ${tsc.method}, residual ${
          tsc.residualPpm.toFixed(2)
        } ppm`,
        trusted: tsc.trusted ? "yes" : `no: invariant ${tsc.invariant}, clock source ${tsc.clocksource}`,
        "counter to CLOCK_MONOTONIC": `within ${formatNs(spin.clock.maxError)}`,
        "sampling period": formatNs(spin.histogram.run.percentile(0.5)),
        isolation: spin.isolation,
        ...flattened(fingerprint),
      },
      prose: notes,
      frames: [spin.interrupts],
    },
  ];
  if (trace !== undefined) {
    const { quality } = trace;
    sections.push({
      heading: "What the trace misses",
      facts: {
        "CPU-time covered": `${(quality.share * 100).toFixed(2)} %`,
        "events lost": quality.lost,
        holes: quality.holes.length,
      },
      frames: [quality.coverage],
    });
  }
  sections.push({ heading: "The threads", frames: [spin.threads], limit: 64 });
  return renderPage({
    title: "Scheduling gaps",
    summary: inOneSentence(found),
    facts: {
      kernel: fingerprint.kernel ?? "",
      evidence: ledger.evidence,
    },
    sections,
    ...(widget === undefined ? {} : { scriptSource: WIDGET_SCRIPT_SOURCE }),
  });
}

/** Nested facts as one level, absent ones left out. */
function flattened(object: object, prefix = ""): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(object)) {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object" && !Array.isArray(value)) Object.assign(out, flattened(value, name));
    else out[name] = Array.isArray(value) ? value.join(" ") : String(value);
  }
  return out;
}
