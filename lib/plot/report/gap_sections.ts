import { DictColumn } from "../../frame/column.ts";
import { formatNs } from "../../frame/format_ns.ts";
import { Frame } from "../../frame/frame.ts";
import { ns } from "../../frame/units.ts";
import { visibleText } from "../../frame/visible_text.ts";
import type { GapCause } from "../../sched/gap_cause.ts";
import { gapInWords } from "../../sched/gap_in_words.ts";
import type { LedgerColumns } from "../../sched/gaps.ts";
import { ledger, type LedgerPart } from "../../sched/ledger.ts";
import { runs } from "../../sched/runs.ts";
import { states } from "../../sched/states.ts";
import { whyNotRunning } from "../../sched/why_not_running.ts";
import { plotCauseShare } from "../plot_cause_share.ts";
import { plotGapHistogram } from "../plot_gap_histogram.ts";
import { plotSurvival } from "../plot_survival.ts";
import { plotTimeline } from "../plot_timeline.ts";
import type { PageSection } from "../render_page.ts";
import { grouped, linked, type Story } from "./story.ts";

/** Most rows of the table of gaps that are not told whole. */
const CUT_ROWS = 10;

/** The finding in a sentence: how many gaps, the longest one, and whose fault it was. */
export function finding({ trace, ledger, threshold }: Story): string {
  const span = formatNs(trace.span.to - trace.span.from);
  if (ledger === undefined) {
    return `${span} of a trace that lacks the events of wakeups: which thread waited for its CPU it does not tell.`;
  }
  const head = `${grouped(ledger.total)} gaps of at least ${formatNs(threshold)} in ${span}`;
  const worst = worstOf(ledger.gaps);
  if (worst === undefined) return `${head}.`;
  const who = `${visibleText(worst.comm)}[${worst.tid}]`;
  const length = worst.censored === 1 ? "the longest was at least" : "the longest that is told whole was";
  return `${head}; ${length} ${formatNs(worst.dur)}, in ${who}, ${visibleText(gapInWords(worst))}.`;
}

/** The longest gap whose begin and end are in the trace; where there is none of these, the longest. */
function worstOf(gaps: Frame<LedgerColumns>) {
  if (gaps.length === 0) return undefined;
  const whole = gaps.filter((row) => row.censored === 0);
  return (whole.length > 0 ? whole : gaps).sort("dur", { descending: true }).row(0);
}

/** The longest gaps with their causes, each a link to its place. */
export function worstGapsSection(story: Story): PageSection | undefined {
  const { ledger, rows, figures, threshold } = story;
  if (ledger === undefined) return undefined;
  const byLength = ledger.gaps.sort("dur", { descending: true });
  const worst = byLength.filter((row) => row.censored === 0).head(rows);
  const cut = byLength.filter((row) => row.censored === 1).head(Math.min(rows, CUT_ROWS));
  const censored = ledger.gaps.column("censored").reduce((sum, each) => sum + each, 0);
  figures["gaps"] = {
    threshold,
    total: ledger.total,
    explained: ledger.gaps.length,
    worst: worst.toJSON(),
    censored,
    longest_censored: cut.toJSON(),
  };
  if (ledger.gaps.length === 0) {
    return { heading: "The longest gaps", prose: `No thread was seen to wait for ${formatNs(threshold)}.` };
  }
  const table = (gaps: Frame<LedgerColumns>) => {
    const [ts, dur, tid] = [gaps.column("ts"), gaps.column("dur"), gaps.column("tid")];
    return linked(readable(gaps), story, (row) => ({ ts: ts[row]!, dur: dur[row]!, tid: tid[row]! }));
  };
  return {
    heading: "The longest gaps",
    prose: [
      `Each row is a stretch in which a thread was runnable and did not run. ${
        meanings(ledger.causes.column("cause"))
      } The culprit is ` +
      "who ran longest meanwhile." +
      (byLength.rows().some(({ ts, dur, tid }) => story.link({ ts, dur, tid }) !== undefined)
        ? " The time of a row leads to its place in the timeline, where that holds it."
        : ""),
      ...(censored === 0 ? [] : [
        `The first table has the gaps that are told whole. Of ${
          grouped(censored)
        } more a part lies outside of the trace or in a hole: ` +
        "where a hole hides that the thread ran, its gap seems longer than it was. The longest of these are in the second table.",
      ]),
    ],
    frames: [...(worst.length === 0 ? [] : [table(worst)]), ...(cut.length === 0 ? [] : [table(cut)])],
    limit: rows,
  };
}

const MEANING: Readonly<Partial<Record<GapCause, string>>> = {
  queued: "somebody else ran on its CPU",
  preempted: "who had displaced it ran there",
  throttled: "its group's bandwidth was used up",
  "forced idle": "core scheduling kept it apart from who ran on a sibling",
  migrated: "it was being moved",
  waking: "its CPU idled, the wakeup was on the way",
  offline: "its CPU was unplugged",
  unknown: "the trace has a hole",
};

/** What each of `causes` says, in a sentence. */
function meanings(causes: DictColumn<GapCause>): string {
  const told = [...causes].flatMap((cause) =>
    MEANING[cause] === undefined ? [] : [`${cause}: ${MEANING[cause]}`]
  );
  return `${told.join("; ")}.`;
}

/** A ledger's gaps in columns that fit on paper. */
function readable(gaps: Frame<LedgerColumns>) {
  const rows = [...gaps.rows()];
  const who = (comm: string, tid: number) => tid < 0 ? comm : `${comm}[${tid}]`;
  return new Frame({
    ts: ns(gaps.column("ts")),
    dur: ns(gaps.column("dur")),
    thread: DictColumn.from(rows.map(({ comm, tid }) => who(comm, tid))),
    cause: gaps.column("cause"),
    culprit: DictColumn.from(rows.map(({ culprit, culprit_tid }) => who(culprit, culprit_tid))),
    cpu: gaps.column("culprit_cpu"),
    after: gaps.column("kind"),
  });
}

/** Who ran around the longest gap. */
export function aroundWorstSection({ trace, ledger }: Story): PageSection | undefined {
  if (ledger === undefined || ledger.gaps.length === 0) return undefined;
  const worst = worstOf(ledger.gaps)!;
  const { from, to } = trace.span;
  const window = {
    from: Math.max(from, worst.ts - worst.dur / 3),
    to: Math.min(to, worst.ts + worst.dur * 4 / 3),
  };
  return {
    heading: "Around the longest gap",
    prose: whyNotRunning(trace, worst.tid, worst.ts + worst.dur / 2),
    figures: [
      plotTimeline(runs(trace, window), {
        ...window,
        highlight: { tid: worst.tid, from: worst.ts, to: worst.ts + worst.dur },
        ...(worst.culprit_tid < 0 ? {} : { culprit: worst.culprit_tid }),
        states: states(trace, { tids: [worst.tid], ...window }),
      }),
    ],
  };
}

/** Parts of a thread's life in which it wanted to run and did not, by the cause that they are called by. */
const WAITING: readonly (readonly [LedgerPart, GapCause])[] = [
  ["preempted", "preempted"],
  ["queued_fair", "queued"],
  ["queued_rt", "queued"],
  ["queued_deadline", "queued"],
  ["queued_other", "queued"],
  ["throttled", "throttled"],
  ["forced_idle", "forced idle"],
  ["migrated", "migrated"],
  ["waking", "waking"],
  ["offline", "offline"],
];

/** What all waiting was made of, also the short waits, and how long gaps are. */
export function causesSection({ trace, ledger: found, figures, threshold }: Story): PageSection | undefined {
  if (found === undefined) return undefined;
  const lives = ledger(trace, { by: "comm" });
  const sums = new Map<GapCause, number>();
  for (const [part, cause] of WAITING) {
    const time = lives.column(part).reduce((sum, each) => sum + each, 0);
    if (time > 0) sums.set(cause, (sums.get(cause) ?? 0) + time);
  }
  const all = [...sums.values()].reduce((sum, each) => sum + each, 0);
  const order = [...sums].sort((x, y) => y[1] - x[1]);
  const causes = new Frame({
    cause: DictColumn.from(order.map(([cause]) => cause)),
    dur: ns(Float64Array.from(order, ([, time]) => time)),
    share: Float64Array.from(order, ([, time]) => time / all),
  });
  figures["causes"] = { waiting: all, all: causes.toJSON(), of_gaps: found.causes.toJSON() };
  const some = found.total > found.gaps.length
    ? ` The lengths are of the ${grouped(found.gaps.length)} longest of ${grouped(found.total)}.`
    : "";
  return {
    heading: "What waiting was made of",
    prose:
      `Threads waited for a CPU for ${
        formatNs(all)
      } in all, the short waits and those that are not told whole among it. Below it, ` +
      `how long the gaps of at least ${formatNs(threshold)} are.${some}`,
    figures: [
      plotCauseShare(causes),
      ...(found.gaps.length === 0 ? [] : [plotGapHistogram(found.gaps), plotSurvival(found.gaps)]),
    ],
    frames: [causes],
  };
}
