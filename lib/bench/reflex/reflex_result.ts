import { type Count, count, DictColumn, Frame, type Ns, ns } from "../../frame/mod.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { PreciseResult, PrecisionVerdict } from "../statistics/run_until_precise.ts";
import type { ReflexSettings } from "./reflex_options.ts";
import type { ReflexRun } from "./reflex_run.ts";
import type { ReflexTrace } from "./reflex_trace.ts";
import { yieldSemantics } from "./yield_semantics.ts";

/** Columns of {@linkcode ReflexResult.runs}, one row for each run. */
export type ReflexColumns = {
  /** Number of the run, from 0. */
  run: Int32Array;
  /** Children. */
  children: Int32Array;
  /** Active sets. */
  active: Int32Array;
  /** Percent. */
  weight: Int32Array;
  /** us of work in a round. */
  compute: Float64Array;
  /** us of wall time / rounds of all children. */
  us_per_round: Float64Array;
  /** Rounds of all children. */
  rounds: Count;
  /** Calls of sched_yield(). */
  yields: Count;
  /** Tokens handed on: blocks that were asked for. */
  passes: Count;
  /** Blocks that were real: voluntary switches. Fewer than `passes` where the token was back before the read. */
  blocks: Count;
  /** `blocks` / `rounds`. */
  blocks_per_round: Float64Array;
  /** Yields that went to another thread, at most: the kernel counts them with preemptions, as involuntary switches. */
  yields_switched: Count;
  /** Preemptions, at least: involuntary switches that are more than the yields. A trace tells the two apart. */
  preemptions: Count;
  /** (voluntary + involuntary switches) / voluntary ones: calls of schedule() that switched for each wake-up. NaN where nothing blocked. */
  switch_wake_ratio: Float64Array;
  /** Mean number of runnable children by Little's law: (CPU time + wait on run queues) / wall time. NaN without /proc/PID/schedstat. */
  runnable: Float64Array;
  /** Active sets by CPUs: at 1 or below nothing waits. */
  active_per_cpu: Float64Array;
  /** ns from the start to the stop. */
  wall: Ns;
  /** ns of CPU time of all children. */
  cpu: Ns;
  /** ns that children waited on run queues. */
  run_delay: Ns;
  /** ns that the hypervisor took from the CPUs in use meanwhile, in grains of 10 ms. */
  steal: Ns;
  /** Kernel release. */
  kernel: DictColumn;
};

/** A run as {@linkcode reflexFrame} takes it. */
export interface MeasuredRun extends ReflexRun {
  /** ns of steal during it. */
  readonly steal: number;
}

/** The table of `runs` on `cpus` CPUs. */
export function reflexFrame(
  runs: readonly MeasuredRun[],
  cpus: number,
  kernel: string | null,
): Frame<ReflexColumns> {
  const column = (value: (run: MeasuredRun) => number) => Float64Array.from(runs, value);
  const whole = (value: (run: MeasuredRun) => number) => Int32Array.from(runs, value);
  return new Frame<ReflexColumns>({
    run: Int32Array.from(runs.keys()),
    children: whole((run) => run.children),
    active: whole((run) => run.active),
    weight: whole((run) => run.weight),
    compute: column((run) => run.compute_us),
    us_per_round: column((run) => run.us_per_round),
    rounds: count(column((run) => run.rounds)),
    yields: count(column((run) => run.yields)),
    passes: count(column((run) => run.passes)),
    blocks: count(column((run) => run.nvcsw)),
    blocks_per_round: column((run) => run.nvcsw / run.rounds),
    yields_switched: count(column((run) => Math.min(run.nivcsw, run.yields))),
    preemptions: count(column((run) => Math.max(0, run.nivcsw - run.yields))),
    switch_wake_ratio: column((run) => run.nvcsw > 0 ? (run.nvcsw + run.nivcsw) / run.nvcsw : NaN),
    runnable: column((run) => run.schedstat ? run.runnable : NaN),
    active_per_cpu: column((run) => run.active / cpus),
    wall: ns(column((run) => run.stop_ns - run.start_ns)),
    cpu: ns(column((run) => run.cpu_ns)),
    run_delay: ns(column((run) => run.schedstat ? run.run_delay_ns : NaN)),
    steal: ns(column((run) => run.steal)),
    kernel: new DictColumn(new Uint8Array(runs.length), [kernel ?? "unknown"]),
  });
}

/** What `reflex` found. */
export class ReflexResult {
  /** Mean us per round. */
  readonly mean: number;
  /** The 95 % interval of the mean. */
  readonly interval: readonly [low: number, high: number];
  /** `ok`, or `FRC`: failed to reach confidence. */
  readonly verdict: PrecisionVerdict;
  /** Each run. */
  readonly runs: Frame<ReflexColumns>;
  /** The options with their defaults. */
  readonly options: ReflexSettings;
  /** The machine. */
  readonly fingerprint: Fingerprint;
  /** What a recording of one more run says, where it was asked for. */
  readonly trace: ReflexTrace | null;

  /** Puts together what was measured. */
  constructor(
    known: PreciseResult,
    runs: Frame<ReflexColumns>,
    options: ReflexSettings,
    fingerprint: Fingerprint,
    trace: ReflexTrace | null,
  ) {
    this.mean = known.mean;
    this.interval = known.interval;
    this.verdict = known.verdict;
    this.runs = runs;
    this.options = options;
    this.fingerprint = fingerprint;
    this.trace = trace;
  }

  /** What sched_yield() does on this kernel. */
  get yieldSemantics(): string {
    return yieldSemantics(this.fingerprint.kernel);
  }

  /** Mean of a column over the runs; rows that are NaN do not count. */
  average(name: Exclude<keyof ReflexColumns, "kernel">): number {
    const values = Array.from(this.runs.column(name) as ArrayLike<number>).filter((value) =>
      !Number.isNaN(value)
    );
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  /** What {@linkcode ReflexResult} says, in lines for a terminal. */
  toString(): string {
    const { children, active, weight, compute } = this.options;
    const [low, high] = this.interval;
    const perCpu = this.average("active_per_cpu");
    const ratio = this.average("switch_wake_ratio");
    const runnable = this.average("runnable");
    const lines = [
      `${this.mean.toFixed(2)} us/round, 95 % interval ${low.toFixed(3)} to ${
        high.toFixed(3)
      }, ${this.runs.length} runs: ${this.verdict === "ok" ? "ok" : "FRC, failed to reach confidence"}`,
      `${children} children in ${active} active sets (${
        perCpu.toFixed(2)
      } for each CPU), weight ${weight}, ${compute} us of work`,
      `asked per round: ${(this.average("yields") / this.average("rounds")).toFixed(3)} yields, ${
        (this.average("passes") / this.average("rounds")).toFixed(3)
      } blocks; real blocks: ${this.average("blocks_per_round").toFixed(3)}`,
      `switches for each wake-up: ${
        Number.isNaN(ratio) ? "nothing blocked" : ratio.toFixed(3)
      }; runnable in the mean: ${
        Number.isNaN(runnable) ? "not known without schedstat" : `${runnable.toFixed(2)} of ${active}`
      }`,
      `sched_yield of ${this.fingerprint.kernel ?? "this kernel"}: ${this.yieldSemantics}`,
    ];
    if (this.trace !== null) lines.push(String(this.trace));
    if (children === active) lines.push("Sets of one never block: the weight has no effect.");
    if (perCpu <= 1) lines.push("No more active sets than CPUs: a yield has nobody to yield to.");
    return lines.join("\n");
  }

  /** All of it, for JSON. */
  toJSON(): Record<string, unknown> {
    const { mean, interval, verdict, options, fingerprint, trace, yieldSemantics } = this;
    return {
      schema: "schedscope-reflex-result/1",
      mean,
      interval,
      verdict,
      runs: [...this.runs.rows()],
      options,
      trace,
      yieldSemantics,
      fingerprint,
    };
  }
}
