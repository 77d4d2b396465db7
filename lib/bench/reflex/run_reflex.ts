import { DictColumn, Frame } from "../../frame/mod.ts";
import { defaultSignal } from "../../trace/default_signal.ts";
import { reflex } from "./reflex.ts";
import { type ReflexOptions, reflexSettings } from "./reflex_options.ts";
import type { ReflexResult } from "./reflex_result.ts";

/** Columns of {@linkcode runReflex}, one row for each combination. */
export type ReflexSweepColumns = {
  /** Children. */
  children: Int32Array;
  /** Active sets. */
  active: Int32Array;
  /** Percent of the rounds that hand the token on. */
  weight: Int32Array;
  /** us of work in a round. */
  compute: Float64Array;
  /** Mean us per round. */
  us_per_round: Float64Array;
  /** Lower end of its 95 % interval. */
  low: Float64Array;
  /** Upper end. */
  high: Float64Array;
  /** `ok` or `FRC`. */
  verdict: DictColumn<"ok" | "FRC">;
  /** Runs that were made. */
  runs: Int32Array;
  /** Real blocks for each round. */
  blocks_per_round: Float64Array;
  /** Switches for each wake-up; NaN where nothing blocked. */
  switch_wake_ratio: Float64Array;
  /** Mean number of runnable children; NaN without schedstat. */
  runnable: Float64Array;
  /** Active sets by CPUs. */
  active_per_cpu: Float64Array;
  /** Kernel release. */
  kernel: DictColumn;
};

/** Options of {@linkcode runReflex}. */
export interface ReflexSweepOptions
  extends Omit<ReflexOptions, "children" | "active" | "weight" | "compute" | "trace" | "onProgress"> {
  /** Numbers of children. Default: 2, 4, 8, 16, 32, 64 and 128, as in the tables of 2001 and 2002. */
  children?: readonly number[];
  /** Numbers of active sets; each must divide each number of children. Default: half of the children. */
  active?: readonly number[];
  /** Weights. Default: 90. */
  weight?: readonly number[];
  /** us of work. Default: 0. */
  compute?: readonly number[];
  /** Where each result goes as `reflex-cC-aA-wW-rR.json`; made if it is not there. Default: nowhere. */
  directory?: string;
  /** Called after each combination. Default: none. */
  onResult?: (result: ReflexResult, done: number, of: number) => void;
}

/**
 * Runs `reflex` for every combination of the numbers given, one after another.
 *
 * All combinations are checked before the first one runs: throws a RangeError for one that makes no sense. When `signal` aborts, the
 * combinations that were finished are the result; rejects with its reason if there are none.
 *
 * @example
 * ```ts
 * import { runReflex } from "@schedscope/schedscope/bench";
 * import assert from "node:assert/strict";
 *
 * const sweep = await runReflex({ children: [4, 8], weight: [50, 90], duration: 5e6, minRuns: 2, maxRuns: 2 });
 * assert.equal(sweep.length, 4);
 * assert.deepEqual([...sweep.column("active")], [2, 2, 4, 4]);
 * ```
 */
export async function runReflex(options: ReflexSweepOptions = {}): Promise<Frame<ReflexSweepColumns>> {
  const { directory, onResult, ...rest } = options;
  const signal = options.signal ?? defaultSignal();
  const combinations: ReflexOptions[] = [];
  for (const children of options.children ?? [2, 4, 8, 16, 32, 64, 128]) {
    for (const active of options.active ?? [children / 2]) {
      for (const weight of options.weight ?? [90]) {
        for (const compute of options.compute ?? [0]) {
          const one = { ...rest, children, active, weight, compute };
          reflexSettings(one);
          combinations.push(signal === undefined ? one : { ...one, signal });
        }
      }
    }
  }
  if (combinations.length === 0) {
    throw new RangeError("Expected at least one combination to run but found none");
  }
  if (directory !== undefined) await Deno.mkdir(directory, { recursive: true });
  const results: ReflexResult[] = [];
  for (const combination of combinations) {
    if (signal?.aborted && results.length > 0) break;
    let result: ReflexResult;
    try {
      result = await reflex(combination);
    } catch (error) {
      if (signal?.aborted && error === signal.reason && results.length > 0) break;
      throw error;
    }
    results.push(result);
    if (directory !== undefined) {
      const { children, active, weight, compute } = result.options;
      const name = `reflex-c${children}-a${active}-w${weight}-r${compute}.json`;
      await Deno.writeTextFile(`${directory}/${name}`, JSON.stringify(result, null, 1) + "\n");
    }
    onResult?.(result, results.length, combinations.length);
  }
  return sweepFrame(results);
}

/** One row for each of `results`. */
export function sweepFrame(results: readonly ReflexResult[]): Frame<ReflexSweepColumns> {
  const whole = (value: (result: ReflexResult) => number) => Int32Array.from(results, value);
  const column = (value: (result: ReflexResult) => number) => Float64Array.from(results, value);
  return new Frame<ReflexSweepColumns>({
    children: whole(({ options }) => options.children),
    active: whole(({ options }) => options.active),
    weight: whole(({ options }) => options.weight),
    compute: column(({ options }) => options.compute),
    us_per_round: column(({ mean }) => mean),
    low: column(({ interval }) => interval[0]),
    high: column(({ interval }) => interval[1]),
    verdict: DictColumn.from(results.map(({ verdict }) => verdict)),
    runs: whole(({ runs }) => runs.length),
    blocks_per_round: column((result) => result.average("blocks_per_round")),
    switch_wake_ratio: column((result) => result.average("switch_wake_ratio")),
    runnable: column((result) => result.average("runnable")),
    active_per_cpu: column((result) => result.average("active_per_cpu")),
    kernel: DictColumn.from(results.map(({ fingerprint }) => fingerprint.kernel ?? "unknown")),
  });
}
