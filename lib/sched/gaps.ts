import type { DictColumn } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import type { Ns } from "../frame/units.ts";
import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { CAUSE, GAP_CAUSES, type GapCause, type SchedClass } from "./gap_cause.ts";
import { GapExplainer, type GapExplanation } from "./gap_explainer.ts";
import type { CoreKnowledge } from "./idle_causes.ts";
import { largestPart, LedgerRows } from "./ledger_rows.ts";
import { threadNames } from "./thread_names.ts";
import { Doing, segmentTable } from "./thread_segments.ts";

/** Columns that gaps measured by a benchmark must have to be explained; `spin` gives them. */
export type MeasuredGapColumns = {
  /** Start, ns of CLOCK_MONOTONIC since the measurement's epoch. */
  ts: Float64Array;
  /** ns. */
  dur: Float64Array;
  tid: Int32Array;
  /** The thread's name. */
  comm: DictColumn;
  /** `run`: in the middle of spinning. `wake`: from the time it asked to be woken to its first instruction after. */
  kind: DictColumn<"run" | "wake">;
  cpu_before: Uint16Array;
  cpu_after: Uint16Array;
  /** Involuntary context switches of the thread during the gap. */
  nivcsw: Int32Array | Uint32Array;
  /** Voluntary ones. */
  nvcsw: Int32Array | Uint32Array;
  /** ns by which the thread's run_delay (/proc/PID/schedstat) grew. */
  run_delay: Float64Array;
  /** ns by which the CPU's steal time (/proc/stat) grew, in grains of 10 ms. */
  steal: Float64Array;
  /** ns of wall time that the counters are of; less than `dur` where the gap came while the one before was written down. */
  wall: Float64Array;
  /** ns of wall time that the kernel counted neither as the thread's CPU time nor as its waiting: what the hypervisor took. */
  uncounted: Float64Array;
};

/** Columns of a ledger's gaps: where, how long, why, and the ns of each cause. */
export type LedgerColumns = {
  /** Start, ns since the ledger's epoch. */
  ts: Ns;
  /** ns. */
  dur: Ns;
  /** Thread that stood still. */
  tid: Int32Array;
  comm: DictColumn;
  /** `run` and `wake` as measured; for gaps found in a trace `preempted` or `woken`. */
  kind: DictColumn<"run" | "wake" | "preempted" | "woken">;
  /** The largest cause. */
  cause: DictColumn<GapCause>;
  /** Thread (or interrupt) that took the most of it; empty where nobody is known. */
  culprit: DictColumn;
  /** -1 where nobody is known. */
  culprit_tid: Int32Array;
  culprit_class: DictColumn<SchedClass>;
  /** CPU on which it happened; -1 unknown. */
  culprit_cpu: Int32Array;
  /** ns of each cause; they add up to `dur`. */
  preempted: Ns;
  queued: Ns;
  throttled: Ns;
  forced_idle: Ns;
  migrated: Ns;
  waking: Ns;
  asleep: Ns;
  irq: Ns;
  softirq: Ns;
  steal: Ns;
  offline: Ns;
  nothing: Ns;
  unknown: Ns;
  /** 1 where the trace does not tell all of it: a part is unknown, or the switch that ended the gap was not recorded. */
  censored: Uint8Array;
};

/** Columns of {@linkcode GapLedger.causes}. */
export type CauseColumns = {
  cause: DictColumn<GapCause>;
  /** ns over all gaps. */
  dur: Float64Array;
  /** Share of all gap time, 0 to 1. */
  share: Float64Array;
  /** Gaps of which it is the largest cause. */
  gaps: Int32Array;
};

/** Gaps, each with its causes. */
export interface GapLedger {
  /** One row for each gap, in the order measured (or of time). */
  readonly gaps: Frame<LedgerColumns>;
  /** Gaps that there were; more than `gaps` has rows where a limit kept the longest only. */
  readonly total: number;
  /** Stamp of ts = 0, ns of the clock. */
  readonly epoch: bigint;
  /** `trace`, or `counters` where there was none: rusage, schedstat, steal and the CPU number. */
  readonly evidence: "trace" | "counters";
  /** Time by cause over all gaps, the largest first; causes that took none are left out. */
  readonly causes: Frame<CauseColumns>;
}

/**
 * Says for each measured gap what caused it: from `trace` if there is one, else from the counters that the benchmark read
 * when it found the gap (then no culprit is known, only the kind of cause).
 *
 * `epoch` is the CLOCK_MONOTONIC stamp (ns) of the gaps' ts = 0; the trace must run on the clock `mono`, or an error says so. With the
 * cookies in `knowledge` forced idle is told for certain.
 */
export function explainGaps<C extends MeasuredGapColumns>(
  measured: Frame<C>,
  epoch: bigint,
  trace?: Trace,
  knowledge: CoreKnowledge = {},
): GapLedger {
  const rows = new LedgerRows(measured.length);
  const ts = measured.column("ts");
  const dur = measured.column("dur");
  const tid = measured.column("tid");
  const comm = measured.column("comm");
  const kind = measured.column("kind");
  const delay = measured.column("run_delay");
  const before = measured.column("cpu_before");
  const voluntary = measured.column("nvcsw");
  const involuntary = measured.column("nivcsw");
  if (trace === undefined) {
    for (let i = 0; i < measured.length; i++) {
      rows.add(ts[i]!, dur[i]!, tid[i]!, comm.at(i), kind.at(i), fromCounters(measured, i));
    }
    return rows.ledger(epoch, "counters");
  }
  if (trace.clock.name !== "mono") {
    throw new RangeError(
      `The gaps are stamped by CLOCK_MONOTONIC and the trace by ${trace.clock.name}: record with --clock mono`,
    );
  }
  const explainer = new GapExplainer(trace.context ?? trace, new Set(tid), knowledge);
  const shift = Number(epoch - trace.epoch);
  for (let i = 0; i < measured.length; i++) {
    const from = ts[i]! + shift;
    const to = from + dur[i]!;
    // A thread that rusage says was never switched was on its CPU, also where the trace lacks its switches.
    const stolen = stolenFrom(measured, i);
    const onCpu = kind.at(i) === "run" && voluntary[i] === 0 && involuntary[i] === 0 &&
      countersCover(measured, i);
    const explanation = onCpu
      ? explainer.explainRunning(before[i]!, from, to, stolen)
      : explainer.explain(tid[i]!, from, to, { steal: stolen, resumed: true });
    rows.add(from, dur[i]!, tid[i]!, comm.at(i), kind.at(i), withRunDelay(explanation, delay[i]!));
  }
  return rows.ledger(trace.epoch, "trace");
}

/** Options of {@linkcode gaps}. */
export interface GapsOptions extends CoreKnowledge {
  /** Shortest gap to report, ns. Default: 1 ms. */
  threshold?: number;
  /** Only these threads. Default: all. */
  tids?: Iterable<number>;
  /** Most gaps to explain, the longest first. Default: 10,000. */
  limit?: number;
}

/**
 * Finds in a trace every stretch of at least `threshold` ns in which a thread wanted to run and did not, and says why.
 *
 * A stretch begins when the thread is woken or switched out while runnable, and ends when it is switched in. Where the trace lacks that
 * switch, it ends at the last moment at which the thread surely still waited, and is marked as censored. Of a window
 * (`trace.window`) a stretch that reaches over an edge is cut there, and marked as well.
 */
export function gaps(trace: Trace, options: GapsOptions = {}): GapLedger {
  const context = trace.context ?? trace;
  context.requireEvent("gaps", "sched:sched_switch");
  context.requireEvent("gaps", "sched:sched_waking", "sched:sched_wakeup");
  const { threshold = 1e6, limit = 10_000 } = options;
  const found: { tid: number; from: number; to: number; kind: "preempted" | "woken"; censored: boolean }[] =
    [];
  const { from: start, to: end } = trace.span;
  // The first record of a thread after the start of what was looked at does not tell whether it waited before.
  const cut = trace.context !== undefined && context.span.from > 0;
  // What a CPU ran after its last switch in a window may be hidden by a hole that only the whole trace knows.
  const lastSwitch = trace.context === undefined ? undefined : lastSwitches(trace);
  const table = segmentTable(context.stream, options.tids);
  const { from, doing, hidden, cpu } = table;
  const waits = (i: number) => (doing[i] === Doing.Preempted || doing[i] === Doing.Woken) && hidden[i] === 0;
  const unsureAt = (i: number, until: number) =>
    lastSwitch !== undefined && (lastSwitch.get(cpu[i]!) ?? -Infinity) < Math.min(until, end);
  table.tids.forEach((tid, k) => {
    const beyond = table.start[k + 1]!;
    for (let i = table.start[k]!; i < beyond; i++) {
      if (!waits(i)) continue;
      const first = i;
      const until = () => i + 1 < beyond ? from[i + 1]! : Infinity;
      let unsure = (cut && first === table.start[k]) || unsureAt(i, until());
      while (i + 1 < beyond && waits(i + 1)) {
        i++;
        if (unsureAt(i, until())) unsure = true;
      }
      const begun = Math.max(from[first]!, start);
      const to = Math.min(until(), end);
      if (to - begun < threshold || to <= begun) continue;
      found.push({
        tid,
        from: begun,
        to,
        kind: doing[first] === Doing.Preempted ? "preempted" : "woken",
        censored: unsure || begun > from[first]! || until() > end || doing[i + 1] !== Doing.Running ||
          hidden[i + 1] === 1,
      });
    }
  });
  found.sort((x, y) => (y.to - y.from) - (x.to - x.from));
  const total = found.length;
  found.length = Math.min(total, limit);
  found.sort((x, y) => x.from - y.from);
  const involved = new Set(found.map((gap) => gap.tid));
  const explainer = new GapExplainer(context, involved, options);
  const names = threadNames(context, involved);
  const rows = new LedgerRows(found.length);
  for (const gap of found) {
    const explanation = explainer.explain(gap.tid, gap.from, gap.to);
    rows.add(
      gap.from,
      gap.to - gap.from,
      gap.tid,
      names.get(gap.tid) ?? "",
      gap.kind,
      explanation,
      gap.censored,
    );
  }
  return { ...rows.ledger(trace.epoch, "trace"), total };
}

/** When each CPU switched last. */
function lastSwitches(trace: Trace): Map<number, number> {
  const { kind, cpu, ts, length } = trace.stream;
  const last = new Map<number, number>();
  for (let i = 0; i < length; i++) if (kind[i] === Kind.Switch) last.set(cpu[i]!, ts[i]!);
  return last;
}

/**
 * Where the trace has the thread on its CPU and schedstat has it in a queue, the trace lacks the switch: then as much of what
 * nothing explained as `runDelay` (ns) still covers was spent queued, behind nobody knows whom.
 */
function withRunDelay(why: GapExplanation, runDelay: number): GapExplanation {
  const parts = why.parts.slice();
  const known = parts[CAUSE.preempted]! + parts[CAUSE.queued]! + parts[CAUSE.migrated]! +
    parts[CAUSE.waking]! +
    parts[CAUSE.unknown]!;
  const missing = Math.min(parts[CAUSE["nothing scheduled"]]!, runDelay - known);
  if (missing < 50_000) return why; // schedstat and the trace do not agree to the microsecond
  parts[CAUSE["nothing scheduled"]]! -= missing;
  parts[CAUSE.queued]! += missing;
  const largest = largestPart(parts);
  return largest === why.cause ? { ...why, parts } : {
    parts,
    cause: largest,
    culpritTid: -1,
    culprit: "",
    culpritClass: "",
    cpu: why.cpu,
  };
}

/**
 * ns that the hypervisor took during gap `i`: the CPU's steal, or, while the thread did not sleep, what the kernel left out of both
 * its CPU time and its waiting, which is finer on kernels that keep steal out of CPU time.
 */
function stolenFrom<C extends MeasuredGapColumns>(measured: Frame<C>, i: number): number {
  const steal = measured.column("steal")[i]!;
  const fine = measured.column("kind").at(i) === "run" && countersCover(measured, i);
  return fine ? Math.max(steal, measured.column("uncounted")[i]!) : steal;
}

/** Whether the counters of gap `i` are of a time that holds it: one that came while the gap before was written down is not. */
function countersCover<C extends MeasuredGapColumns>(measured: Frame<C>, i: number): boolean {
  return measured.column("wall")[i]! >= 0.9 * measured.column("dur")[i]!;
}

/** What rusage, schedstat, steal and the CPU number say of gap `i` where there is no trace. */
function fromCounters<C extends MeasuredGapColumns>(measured: Frame<C>, i: number): GapExplanation {
  const dur = measured.column("dur")[i]!;
  const before = measured.column("cpu_before")[i]!;
  const after = measured.column("cpu_after")[i]!;
  const parts = new Float64Array(GAP_CAUSES.length);
  const wake = measured.column("kind").at(i) === "wake";
  const displaced = measured.column("nivcsw")[i]! > 0;
  const blocked = measured.column("nvcsw")[i]! > 0;
  // run_delay is the time in a queue: behind whoever displaced the thread, or behind others after it was woken.
  const waited = Math.min(dur, measured.column("run_delay")[i]!);
  parts[displaced && !wake ? CAUSE.preempted : CAUSE.queued] = waited;
  const stolen = Math.min(dur - waited, stolenFrom(measured, i));
  parts[CAUSE.steal] = stolen;
  const rest = dur - waited - stolen;
  const cause = !countersCover(measured, i)
    ? "unknown"
    : wake || blocked
    ? "asleep"
    : before !== after
    ? "migrated"
    : "nothing scheduled";
  parts[CAUSE[cause]]! += rest;
  return { parts, cause: largestPart(parts), culpritTid: -1, culprit: "", culpritClass: "", cpu: before };
}
