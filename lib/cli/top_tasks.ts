import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { GAP_CAUSES, type GapCause } from "../sched/gap_cause.ts";
import { GapExplainer, type GapExplanation } from "../sched/gap_explainer.ts";
import { Doing, type SegmentTable, segmentTable } from "../sched/thread_segments.ts";
import { threadNames } from "../sched/thread_names.ts";
import type { Trace } from "../trace/trace.ts";

/** What a thread did when the interval ended. */
export type TaskNow = "running" | "waiting" | "asleep" | "ended" | "unknown";

/** Columns of {@linkcode topTasks}. */
export type TopColumns = {
  tid: Int32Array;
  comm: DictColumn;
  /** CPU that it ran on or was queued on last; -1 unknown. */
  cpu: Int32Array;
  /** What it did at the end. */
  now: DictColumn<TaskNow>;
  /** ns of the interval on a CPU. */
  run: Ns;
  /** ns of the interval in which it was runnable and did not run. */
  wait: Ns;
  /** ns of the interval of which the trace does not tell. */
  unknown: Ns;
  /** Waits that ended in the interval, or go on. */
  waits: Int32Array;
  /** Of these waits' lengths, also of what lies before the interval, the 99th percentile; NaN without any. */
  p99_delay: Ns;
  /** The longest of them: the worst gap. It grows from interval to interval while the thread waits. */
  gap: Ns;
  /** What the worst gap was for, as far as it lies in the interval. */
  cause: DictColumn<GapCause | "">;
  /** Who had the CPU instead, or the most of it. */
  culprit: DictColumn;
  /** -1 where nobody is known. */
  culprit_tid: Int32Array;
};

/** Gaps that are explained, the longest first: nobody reads more of them. */
const EXPLAINED = 2000;

/**
 * What each thread that ran or waited during `interval` (a window, as a live trace gives them) did in it.
 *
 * `run + wait + unknown`, and sleep, make up the interval. A wait is from the moment when the thread was woken, or lost its CPU while
 * runnable, until it runs.
 */
export function topTasks(interval: Trace): Frame<TopColumns> {
  const context = interval.context ?? interval;
  const table = segmentTable(context.stream);
  const { from, to } = interval.span;
  const tasks = Array.from(table.tids, (_, k) => taskOf(table, k, from, to))
    .filter(({ run, wait, unknown, delays }) => run > 0 || wait > 0 || (unknown > 0 && delays.length > 0));
  const why = explained(context, tasks, from);
  const names = threadNames(context, new Set(tasks.map(({ tid }) => tid)));
  const of = (value: (task: Task) => number) => ns(Float64Array.from(tasks, value));
  return new Frame<TopColumns>({
    tid: Int32Array.from(tasks, ({ tid }) => tid),
    comm: DictColumn.from(tasks.map(({ tid }) => names.get(tid) ?? "")),
    cpu: Int32Array.from(tasks, ({ cpu }) => cpu),
    now: DictColumn.from(tasks.map(({ now }) => now)),
    run: of(({ run }) => run),
    wait: of(({ wait }) => wait),
    unknown: of(({ unknown }) => unknown),
    waits: Int32Array.from(tasks, ({ delays }) => delays.length),
    p99_delay: of(({ delays }) => percentile(delays, 0.99)),
    gap: of(({ worst }) => worst === undefined ? NaN : worst.to - worst.from),
    cause: DictColumn.from(why.map((each) => each === undefined ? "" : GAP_CAUSES[each.cause]!)),
    culprit: DictColumn.from(why.map((each) => each?.culprit ?? "")),
    culprit_tid: Int32Array.from(why, (each) => each?.culpritTid ?? -1),
  });
}

interface Task {
  readonly tid: number;
  readonly cpu: number;
  readonly now: TaskNow;
  readonly run: number;
  readonly wait: number;
  readonly unknown: number;
  /** Lengths of the waits. */
  readonly delays: number[];
  /** The longest wait, cut at the end of the interval. */
  readonly worst: { readonly from: number; readonly to: number } | undefined;
}

function taskOf(table: SegmentTable, k: number, from: number, to: number): Task {
  const { doing, hidden, cpu } = table;
  const begin = table.start[k]!;
  const end = table.start[k + 1]!;
  let run = 0;
  let wait = 0;
  let unknown = 0;
  let worst: { from: number; to: number } | undefined;
  const delays: number[] = [];
  /** Where the wait began that goes on; NaN where none does. */
  let since = NaN;
  const close = (at: number) => {
    if (since === since && at > from && at > since) {
      delays.push(at - since);
      if (worst === undefined || at - since > worst.to - worst.from) worst = { from: since, to: at };
    }
    since = NaN;
  };
  for (let i = begin; i < end && table.from[i]! < to; i++) {
    const a = table.from[i]!;
    const b = i + 1 < end ? Math.min(to, table.from[i + 1]!) : to;
    const within = Math.max(0, b - Math.max(a, from));
    const what = hidden[i] === 1 ? Doing.Unknown : doing[i]!;
    if (what === Doing.Preempted || what === Doing.Woken) {
      if (since !== since) since = a;
      wait += within;
      continue;
    }
    // A wait whose end was not recorded has no length.
    if (what === Doing.Running) {
      close(a);
      run += within;
    } else {
      if (what === Doing.Unknown) unknown += within;
      // Of a wait that goes on into a hole it is known how long it was until then.
      if (i + 1 === end && hidden[i] === 1) close(a);
      since = NaN;
    }
  }
  close(to);
  const last = end - 1;
  const now = last < begin || hidden[last] === 1 ? Doing.Unknown : doing[last]!;
  return {
    tid: table.tids[k]!,
    cpu: last < begin ? -1 : cpu[last]!,
    now: NOW[now]!,
    run,
    wait,
    unknown,
    delays,
    worst,
  };
}

const NOW: Readonly<Record<number, TaskNow>> = {
  [Doing.Unknown]: "unknown",
  [Doing.Running]: "running",
  [Doing.Preempted]: "waiting",
  [Doing.Woken]: "waiting",
  [Doing.Asleep]: "asleep",
  [Doing.Gone]: "ended",
};

/** Why each of `tasks` had its worst gap, as far as that lies after `from`. */
function explained(context: Trace, tasks: readonly Task[], from: number): (GapExplanation | undefined)[] {
  const why: (GapExplanation | undefined)[] = new Array(tasks.length).fill(undefined);
  if (!context.has("sched:sched_switch")) return why;
  const length = (task: Task) => task.worst === undefined ? 0 : task.worst.to - task.worst.from;
  const order = [...tasks.keys()].filter((i) => tasks[i]!.worst !== undefined)
    .sort((x, y) => length(tasks[y]!) - length(tasks[x]!)).slice(0, EXPLAINED);
  const explainer = new GapExplainer(context, order.map((i) => tasks[i]!.tid));
  for (const i of order) {
    const { tid, worst } = tasks[i]!;
    why[i] = explainer.explain(tid, Math.max(from, worst!.from), worst!.to);
  }
  return why;
}

/** The smallest of `values` that a share `p` of them does not exceed; NaN without values. */
function percentile(values: number[], p: number): number {
  if (values.length === 0) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.ceil(p * sorted.length) - 1]!;
}
