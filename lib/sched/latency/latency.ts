import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { type GroupBy, threadGroups } from "../thread_groups.ts";
import { timehist } from "../timehist/timehist.ts";
import { knownDelays } from "./waits.ts";

/** Columns of {@linkcode latency}. Every time is in ns. */
export type LatencyColumns = {
  /** Name at the end of the last run; of groups by something else than thread or name that of the group. */
  comm: DictColumn;
  /** Thread; of threads that share a row the first. */
  tid: Int32Array;
  /** Its process; -1 where no record told. */
  pid: Int32Array;
  /** Threads that share the row. */
  threads: Int32Array;
  /** Time on a CPU. */
  run: Ns;
  /** Runs whose delay is known: what the figures of delay are of. */
  count: Int32Array;
  /** Time runnable and not running, in all. */
  delay: Ns;
  /** Mean of the delays; NaN where there is none, as the others. */
  avg_delay: Ns;
  /** Exact percentiles: the smallest delay that half of the delays do not exceed. */
  p50_delay: Ns;
  p95_delay: Ns;
  p99_delay: Ns;
  max_delay: Ns;
  /** When the longest delay began: the thread was woken, or lost its CPU. ns since the epoch. */
  max_from: Ns;
  /** When it ended: the thread ran. */
  max_to: Ns;
  /** Runs whose delay or length the trace does not tell; they are in no other figure but, where known, `run`. */
  censored: Int32Array;
};

/** Options of {@linkcode latency}. */
export interface LatencyOptions {
  /**
   * What a row is: each thread (default), or all threads that have a name during the run, as `perf sched latency` has it; or what
   * else `threadGroups` knows: processes, virtual machines, cgroups, a map, a function.
   */
  by?: GroupBy;
  /** Only these threads. Default: all but the idle ones. */
  tids?: Iterable<number>;
}

/**
 * How long threads waited for a CPU once they wanted one, a row for each, the longest single delay first.
 *
 * A delay begins when a blocked thread is woken (`sched_waking`, or `sched_wakeup` where that was not recorded) or when a
 * thread loses its CPU while runnable (R or R+), and ends when it runs. `perf sched latency` has the same definition but for
 * what perf 6.1 gets wrong: it does not know `sched_waking`, takes R+ for asleep, and needs `sched_stat_runtime` for run times.
 *
 * Throws `MissingEventError` where the trace has no sched_switch, or no wakeup event.
 */
export function latency(trace: Trace, options: LatencyOptions = {}): Frame<LatencyColumns> {
  const context = trace.context ?? trace;
  context.requireEvent("latency", "sched:sched_switch");
  context.requireEvent("latency", "sched:sched_waking", "sched:sched_wakeup");
  const { by = "thread" } = options;
  const runs = timehist(trace, options.tids === undefined ? {} : { tids: new Set(options.tids) });
  const tid = runs.column("tid");
  const comm = runs.column("comm");
  if (by === "thread") return summarize(runs, groupByNumber(tid, tid));
  if (by === "comm") return summarize(runs, groupByNumber(comm.codes, tid));
  const { names, of } = threadGroups(trace, by);
  const groups = new Int32Array(tid.length);
  for (let row = 0; row < tid.length; row++) groups[row] = tid[row] === 0 ? -1 : of(tid[row]!);
  return summarize(runs, { of: groups, count: names.length, names });
}

/** Rows by group; -1 for the idle tasks. */
interface Groups {
  readonly of: Int32Array;
  readonly count: number;
  /** Default: those of the threads. */
  readonly names?: readonly string[];
}

function groupByNumber(keys: ArrayLike<number>, tid: Int32Array): Groups {
  const index = new Map<number, number>();
  const of = new Int32Array(tid.length);
  for (let row = 0; row < tid.length; row++) {
    if (tid[row] === 0) {
      of[row] = -1;
      continue;
    }
    const key = keys[row]!;
    let group = index.get(key);
    if (group === undefined) index.set(key, group = index.size);
    of[row] = group;
  }
  return { of, count: index.size };
}

function summarize(runs: ReturnType<typeof timehist>, { of, count, names }: Groups): Frame<LatencyColumns> {
  const tid = runs.column("tid");
  const pid = runs.column("pid");
  const ts = runs.column("ts");
  const run = runs.column("run");
  const known = new Int32Array(count);
  const censored = new Int32Array(count);
  const first = new Int32Array(count).fill(-1);
  const last = new Int32Array(count);
  const total = new Float64Array(count);
  const threads = Array.from({ length: count }, () => new Set<number>());
  const delays = knownDelays(runs);
  for (let row = 0; row < ts.length; row++) {
    const group = of[row]!;
    if (group < 0) continue;
    if (first[group] === -1) first[group] = row;
    last[group] = row;
    threads[group]!.add(tid[row]!);
    if (run[row] === run[row]) total[group]! += run[row]!;
    if (delays[row] === delays[row]) known[group]!++;
    else censored[group]!++;
  }
  const start = new Int32Array(count + 1);
  for (let group = 0; group < count; group++) start[group + 1] = start[group]! + known[group]!;
  const sorted = new Float64Array(start[count]!);
  const put = start.slice();
  const longest = new Int32Array(count).fill(-1);
  const sum = new Float64Array(count);
  for (let row = 0; row < ts.length; row++) {
    const group = of[row]!;
    const delay = delays[row]!;
    if (group < 0 || delay !== delay) continue;
    sorted[put[group]!++] = delay;
    sum[group]! += delay;
    if (longest[group] === -1 || delay > delays[longest[group]!]!) longest[group] = row;
  }
  for (let group = 0; group < count; group++) sorted.subarray(start[group], start[group + 1]).sort();
  const percentile = (p: number) =>
    ns(Float64Array.from(known, (n, group) => n === 0 ? NaN : sorted[start[group]! + Math.ceil(p * n) - 1]!));
  const longestOf = (value: (row: number) => number) =>
    ns(Float64Array.from(longest, (row) => row < 0 ? NaN : value(row)));
  const comm = runs.column("comm");
  const table = new Frame<LatencyColumns>({
    comm: names === undefined
      ? new DictColumn(Uint32Array.from(last, (row) => comm.codes[row]!), comm.dictionary)
      : new DictColumn(Uint32Array.from(last.keys()), names),
    tid: Int32Array.from(first, (row) => row < 0 ? -1 : tid[row]!),
    pid: Int32Array.from(last, (row) => pid[row]!),
    threads: Int32Array.from(threads, (set) => set.size),
    run: ns(total),
    count: known,
    delay: ns(sum),
    avg_delay: ns(sum.map((total, group) => known[group] === 0 ? NaN : total / known[group]!)),
    p50_delay: percentile(0.5),
    p95_delay: percentile(0.95),
    p99_delay: percentile(0.99),
    max_delay: longestOf((row) => delays[row]!),
    max_from: longestOf((row) => ts[row]! - run[row]! - delays[row]!),
    max_to: longestOf((row) => ts[row]! - run[row]!),
    censored,
  });
  // A group whose threads did not run has no row.
  return table.filter(Uint8Array.from(first, (row) => row < 0 ? 0 : 1)).sort("max_delay", {
    descending: true,
  });
}
