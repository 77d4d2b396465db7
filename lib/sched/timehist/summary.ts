import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { encodeTaskName } from "../../trace/task_name.ts";
import type { Trace } from "../../trace/trace.ts";
import { traceText } from "../../trace/trace_text.ts";
import { withinSpan } from "../within_span.ts";
import { MAX_CPUS } from "./options.ts";
import { trackRuns } from "./track_runs.ts";
import { type RunFilter, Slot, STRIDE, type TrackedRuns } from "./tracked_runs.ts";

/** Columns of {@linkcode TimehistSummary.threads}. Times are in ns; NaN where there is nothing to take them of. */
export type ThreadSummaryColumns = {
  tid: Int32Array;
  /** -1 where no record told. */
  pid: Int32Array;
  /** Thread that made it; -1 where no record told. */
  parent_tid: Int32Array;
  /** Its last name. */
  comm: DictColumn;
  /** 1 where it ended within the trace. */
  ended: Uint8Array;
  /** Runs, the censored ones among them. */
  runs: Float64Array;
  /** Sum, shortest, mean and longest of the runs whose length is known. */
  run: Float64Array;
  run_min: Float64Array;
  run_mean: Float64Array;
  run_max: Float64Array;
  /** Standard deviation of a run's length (of the sample, n - 1). */
  run_stddev: Float64Array;
  /** Standard error of `run_mean`: what perf prints (in percent of the mean) under the name stddev. */
  run_stderr: Float64Array;
  /** Blocked, in any state but D. */
  sleep: Float64Array;
  /** Blocked in state D. */
  iowait: Float64Array;
  /** Runnable after it left its CPU runnable. */
  preempt: Float64Array;
  /** Runnable after a waking. */
  wake_delay: Float64Array;
  wake_delay_max: Float64Array;
  /** sched_migrate_task events of it; NaN where those were not recorded. */
  migrations: Float64Array;
  /** Runs of which something is not known. */
  censored: Float64Array;
};

/** Columns of {@linkcode TimehistSummary.cpus}. */
export type CpuSummaryColumns = {
  cpu: Int32Array;
  /** sched_switch events. */
  switches: Float64Array;
  /** Switches whose prev_pid was not the next_pid of the one before. */
  breaks: Float64Array;
  /** ns that it was seen idle: 0 where it was busy throughout, NaN where it never switched and nothing is known. */
  idle: Float64Array;
  /** `idle` as a share of `covered`. */
  idle_share: Float64Array;
  /** ns of runs, idle or not, whose beginning and end are known. */
  covered: Float64Array;
  /** `covered` as a share of the span. */
  share: Float64Array;
};

/** What {@linkcode timehistSummary} gives. */
export interface TimehistSummary {
  /** One row for each thread that ran, by tid, then in the order of appearance. */
  readonly threads: Frame<ThreadSummaryColumns>;
  /** One row for each CPU that was online or switched. */
  readonly cpus: Frame<CpuSummaryColumns>;
  /** ns that was looked at. */
  readonly span: number;
  /** Known CPU-time as a share of `span` times the CPUs, 0 to 1. */
  readonly share: number;
  /** Runs, of threads and idle. */
  readonly runs: number;
  /** Runs of which something is not known. */
  readonly censored: number;
  /** Events that the recorder said it lost. */
  readonly lost: number;
}

/**
 * Sums up the runs of a trace for each thread and each CPU, by the rules of {@linkcode timehist}. A tid that was used
 * again by a new thread has a row for each of them.
 *
 * Throws `MissingEventError` where the trace has no sched_switch.
 */
export function timehistSummary(trace: Trace, options: RunFilter = {}): TimehistSummary {
  if (trace.context !== undefined) return timehistSummary(trace.context, withinSpan(trace, options));
  trace.requireEvent("timehist", "sched:sched_switch");
  const from = Math.max(trace.span.from, options.from ?? -Infinity);
  const to = Math.min(trace.span.to, options.to ?? Infinity);
  return summarize(trackRuns(trace.stream, options), trace, Math.max(0, to - from), options.cpus);
}

/** Sums up what was tracked over `span` ns of `trace`, of which `wanted` CPUs count. */
export function summarize(
  tracked: TrackedRuns,
  trace: Trace,
  span: number,
  wanted: ReadonlySet<number> | undefined,
): TimehistSummary {
  const cpus = summarizeCpus(tracked, trace.host.cpusOnline ?? 0, span, wanted);
  let covered = 0;
  for (const time of cpus.column("covered")) covered += time;
  return {
    threads: summarizeThreads(tracked, trace),
    cpus,
    span,
    share: span > 0 && cpus.length > 0 ? covered / span / cpus.length : 0,
    runs: tracked.runs,
    lost: tracked.lostEvents,
    censored: tracked.censored,
  };
}

/** How much of the machine's time what was tracked over `span` ns of `trace` stands for. */
export function coverageOfRuns(
  tracked: TrackedRuns,
  trace: Trace,
  span: number,
  wanted: ReadonlySet<number> | undefined,
): Pick<TimehistSummary, "share" | "span" | "runs" | "censored" | "lost"> & { cpus: number } {
  const cpus = summarizeCpus(tracked, trace.host.cpusOnline ?? 0, span, wanted);
  let covered = 0;
  for (const time of cpus.column("covered")) covered += time;
  return {
    share: span > 0 && cpus.length > 0 ? covered / span / cpus.length : 0,
    span,
    runs: tracked.runs,
    censored: tracked.censored,
    lost: tracked.lostEvents,
    cpus: cpus.length,
  };
}

function summarizeThreads(tracked: TrackedRuns, trace: Trace): Frame<ThreadSummaryColumns> {
  const { tids, threads } = tracked;
  const listed: number[] = [];
  for (let thread = 0; thread < tids.length; thread++) {
    if (threads[thread * STRIDE + Slot.Runs]! > 0) listed.push(thread);
  }
  listed.sort((x, y) => tids[x]! - tids[y]! || x - y);
  const slot = (at: number) => Float64Array.from(listed, (thread) => threads[thread * STRIDE + at]!);
  /** Of runs whose length is known; NaN where there are fewer than `least`. */
  const known = (least: number, value: (base: number, n: number) => number) =>
    Float64Array.from(listed, (thread) => {
      const n = threads[thread * STRIDE + Slot.KnownRuns]!;
      return n < least ? NaN : value(thread * STRIDE, n);
    });
  const deviation = (base: number, n: number) => Math.sqrt(threads[base + Slot.M2]! / (n - 1));
  const counted = trace.has("sched:sched_migrate_task");
  return new Frame<ThreadSummaryColumns>({
    tid: Int32Array.from(listed, (thread) => tids[thread]!),
    pid: Int32Array.from(listed, (thread) => tracked.pids[thread]!),
    parent_tid: Int32Array.from(listed, (thread) => tracked.parents[thread]!),
    comm: DictColumn.from(names(listed, tracked, trace)),
    ended: Uint8Array.from(listed, (thread) => tracked.ended[thread]!),
    runs: slot(Slot.Runs),
    run: slot(Slot.Total),
    run_min: known(1, (base) => threads[base + Slot.Min]!),
    run_mean: known(1, (base) => threads[base + Slot.Mean]!),
    run_max: known(1, (base) => threads[base + Slot.Max]!),
    run_stddev: known(2, deviation),
    run_stderr: known(2, (base, n) => deviation(base, n) / Math.sqrt(n)),
    sleep: slot(Slot.Sleep),
    iowait: slot(Slot.Iowait),
    preempt: slot(Slot.Preempt),
    wake_delay: slot(Slot.WakeDelay),
    wake_delay_max: slot(Slot.WakeDelayMax),
    migrations: counted ? slot(Slot.Migrations) : new Float64Array(listed.length).fill(NaN),
    censored: slot(Slot.Censored),
  });
}

/** The last name of each thread, safe to print. Only where no record tells one are the switches' own names decoded. */
function names(listed: readonly number[], tracked: TrackedRuns, trace: Trace): string[] {
  const comms = trace.stream.comms.map((comm) => traceText(encodeTaskName(comm)));
  let seen: Map<number, string> | undefined;
  return listed.map((thread) => {
    const comm = tracked.comms[thread]!;
    if (comm >= 0) return comms[comm]!;
    const tid = tracked.tids[thread]!;
    seen ??= namesInSwitches(trace);
    return seen.get(tid) ?? trace.savedNames.get(tid) ?? `:${tid}`;
  });
}

function namesInSwitches(trace: Trace): Map<number, string> {
  // After a scan the trace's stream has no rows, and so has no trace.switches.
  const { switches } = trace;
  const kept = trace.stream.length > 0;
  const event = trace.event("sched:sched_switch");
  const tids = kept ? switches.column("prev_pid") : event.column("prev_pid") as Int32Array;
  const comms = kept ? switches.column("prev_comm") : event.column("prev_comm") as DictColumn;
  const codes = new Map<number, number>();
  for (let row = 0; row < tids.length; row++) codes.set(tids[row]!, comms.codes[row]!);
  return new Map([...codes].map(([tid, code]) => [tid, comms.dictionary[code]!]));
}

function summarizeCpus(
  tracked: TrackedRuns,
  online: number,
  span: number,
  wanted: ReadonlySet<number> | undefined,
): Frame<CpuSummaryColumns> {
  const listed: number[] = [];
  const count = Math.max(tracked.cpus.length, online > MAX_CPUS ? 0 : online);
  for (let cpu = 0; cpu < count; cpu++) {
    const seen = (tracked.cpus[cpu]?.switches ?? 0) > 0;
    if ((seen || (cpu < online && online <= MAX_CPUS)) && (wanted === undefined || wanted.has(cpu))) {
      listed.push(cpu);
    }
  }
  const of = (value: (cpu: TrackedRuns["cpus"][number]) => number, unseen: number) =>
    Float64Array.from(listed, (cpu) => {
      const found = tracked.cpus[cpu];
      return found === undefined || found.switches === 0 ? unseen : value(found);
    });
  return new Frame<CpuSummaryColumns>({
    cpu: Int32Array.from(listed),
    switches: of((cpu) => cpu.switches, 0),
    breaks: of((cpu) => cpu.breaks, 0),
    idle: of((cpu) => cpu.idle, NaN),
    idle_share: of((cpu) => cpu.covered > 0 ? cpu.idle / cpu.covered : NaN, NaN),
    covered: of((cpu) => cpu.covered, 0),
    share: of((cpu) => span > 0 ? cpu.covered / span : 0, 0),
  });
}
