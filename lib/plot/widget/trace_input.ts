import { MissingEventError } from "../../trace/errors.ts";
import { formatNs } from "../../frame/format_ns.ts";
import { GAP_CAUSES } from "../../sched/gap_cause.ts";
import type { GapLedger, LedgerColumns } from "../../sched/gaps.ts";
import { runs } from "../../sched/runs.ts";
import { states } from "../../sched/states.ts";
import { threadsOf } from "../../trace/threads.ts";
import type { Trace } from "../../trace/trace.ts";
import type { WidgetGaps, WidgetHoles, WidgetInput, WidgetRuns, WidgetStates } from "./widget_data.ts";

/** What of a trace is shown. */
export interface TraceInputOptions {
  title: string;
  /** ns since the trace's epoch. */
  from: number;
  to: number;
  ledger: GapLedger | undefined;
  /** Most slices; of a longer time a part is taken. */
  maxSlices: number;
}

/** Everything that the widget shows of `trace`; of a time with more than `maxSlices`, the part around the longest gap. */
export function traceInput(trace: Trace, options: TraceInputOptions): WidgetInput {
  const { ledger, title, maxSlices } = options;
  const run = runColumns(trace);
  const notes: string[] = [];
  const state = stateColumns(trace, notes);
  const gaps = ledger === undefined ? undefined : gapColumns(ledger, Number(ledger.epoch - trace.epoch));
  const whole = { from: options.from, to: options.to };
  const { from, to } = fitting(run, state, whole, maxSlices, middleOf(gaps, whole));
  if (from > whole.from || to < whole.to) {
    const outside = gaps === undefined
      ? 0
      : count(gaps.ts.length, (row) => gaps.ts[row]! > to || gaps.ts[row]! + gaps.dur[row]! < from);
    notes.push(
      `Shows ${formatNs(to - from)} of ${formatNs(whole.to - whole.from)}: as much as ${
        maxSlices.toLocaleString("en-US")
      } slices hold` +
        (gaps === undefined || gaps.ts.length === 0
          ? ""
          : `, around the longest gap; ${outside} of ${gaps.ts.length} gaps lie outside`) +
        ". More with maxSlices, another part with from and to.",
    );
  }
  const { share, lost } = trace.quality;
  if (share < 0.9995) {
    notes.push(`Of the CPUs' time ${(share * 100).toFixed(1)} % is covered; what is missing is hatched.`);
  }
  if (lost > 0) notes.push(`The recorder lost ${lost.toLocaleString("en-US")} records.`);
  const threads = threadsOf(trace.context ?? trace);
  return {
    title,
    note: notes.join(" "),
    from,
    to,
    runs: run,
    states: state,
    threads: {
      tid: threads.column("tid"),
      pid: threads.column("pid"),
      comm: threads.column("comm").transform(),
    },
    ...(gaps === undefined ? {} : { gaps }),
    holes: holeColumns(trace),
  };
}

function runColumns(trace: Trace): WidgetRuns {
  const frame = runs(trace);
  return {
    cpu: frame.column("cpu"),
    ts: frame.column("ts"),
    dur: frame.column("dur"),
    tid: frame.column("tid"),
  };
}

function stateColumns(trace: Trace, notes: string[]): WidgetStates {
  try {
    const frame = states(trace);
    return {
      tid: frame.column("tid"),
      ts: frame.column("ts"),
      dur: frame.column("dur"),
      state: frame.column("state").codes,
      cpu: frame.column("cpu"),
      waker: frame.column("waker"),
      source: frame.column("wake_source").codes,
      censored: frame.column("censored"),
    };
  } catch (error) {
    if (!(error instanceof MissingEventError)) throw error;
    notes.push("No wakeup was recorded, so that threads have no lanes.");
    const none = new Int32Array();
    return {
      tid: none,
      ts: none,
      dur: none,
      state: none,
      cpu: none,
      waker: none,
      source: none,
      censored: none,
    };
  }
}

function gapColumns({ gaps }: GapLedger, shift: number): WidgetGaps {
  const culprit = gaps.column("culprit");
  const culpritTid = gaps.column("culprit_tid");
  return {
    ts: gaps.column("ts").map((ts) => ts + shift),
    dur: gaps.column("dur"),
    tid: gaps.column("tid"),
    cause: gaps.column("cause").transform(),
    culprit: Array.from(
      culprit,
      (name, row) => name === "" || culpritTid[row]! < 0 ? name : `${name}[${culpritTid[row]}]`,
    ),
    culpritTid,
    parts: GAP_CAUSES.map((cause) => ({
      cause,
      ns: gaps.column(
        (cause === "nothing scheduled" ? "nothing" : cause.replace(" ", "_")) as
          & "unknown"
          & keyof LedgerColumns,
      ),
    })),
  };
}

/** Holes but those that `runs` shows as slices of nobody, and those of which only is known that they are somewhere. */
function holeColumns(trace: Trace): WidgetHoles {
  const { holes } = trace.quality;
  const { from, to } = trace.span;
  const kind = holes.column("kind");
  const cpu = holes.column("cpu");
  const begin = holes.column("from");
  const end = holes.column("to");
  const placed = (row: number) => cpu[row]! >= 0 || end[row]! - begin[row]! < 0.9 * (to - from);
  const rows = Uint32Array.from(
    Array.from({ length: holes.length }, (_, row) => row).filter((row) =>
      kind.at(row) !== "chain" && placed(row)
    ),
  );
  const kept = holes.take(rows);
  return {
    cpu: kept.column("cpu"),
    kind: kept.column("kind").transform(),
    from: kept.column("from"),
    to: kept.column("to"),
    lost: kept.column("lost"),
  };
}

/** The middle of the longest gap, or the start where there is none. */
function middleOf(gaps: WidgetGaps | undefined, { from, to }: { from: number; to: number }): number {
  let longest = -1;
  for (let row = 0; row < (gaps?.ts.length ?? 0); row++) {
    const { ts, dur } = gaps!;
    if (ts[row]! >= from && ts[row]! < to && !(dur[row]! <= dur[longest]!)) longest = row;
  }
  return longest < 0 ? from : Math.min(to, gaps!.ts[longest]! + gaps!.dur[longest]! / 2);
}

const BINS = 4096;

/** The longest time around `middle` that has at most `most` slices. */
function fitting(
  run: WidgetRuns,
  state: WidgetStates,
  { from, to }: { from: number; to: number },
  most: number,
  middle: number,
): { from: number; to: number } {
  const width = (to - from) / BINS;
  if (!(width > 0)) return { from, to };
  const starts = new Uint32Array(BINS);
  let total = 0;
  for (const { ts, dur } of [run, state]) {
    for (let row = 0; row < ts.length; row++) {
      if (ts[row]! >= to || ts[row]! + dur[row]! <= from) continue;
      starts[Math.max(0, Math.min(BINS - 1, Math.floor((ts[row]! - from) / width)))]!++;
      total++;
    }
  }
  if (total <= most) return { from, to };
  let low = Math.max(0, Math.min(BINS - 1, Math.floor((middle - from) / width)));
  let high = low + 1;
  let held = starts[low]!;
  while (low > 0 || high < BINS) {
    // To both sides alike, as long as there is time.
    const left = low > 0 &&
      (high === BINS || (middle - from) / width - low <= high - (middle - from) / width);
    held += left ? starts[low - 1]! : starts[high]!;
    if (held > most) break;
    if (left) low--;
    else high++;
  }
  return { from: from + low * width, to: from + high * width };
}

function count(length: number, test: (row: number) => boolean): number {
  let found = 0;
  for (let row = 0; row < length; row++) if (test(row)) found++;
  return found;
}
