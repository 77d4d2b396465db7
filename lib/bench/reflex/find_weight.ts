import type { Frame } from "../../frame/mod.ts";
import type { ReflexOptions, ReflexProgress } from "./reflex_options.ts";
import type { ReflexResult } from "./reflex_result.ts";
import { type ReflexSweepColumns, runReflex } from "./run_reflex.ts";

/** Options of {@linkcode findWeight}. */
export interface FindWeightOptions extends Omit<ReflexOptions, "weight" | "trace" | "onProgress"> {
  /** Weights to try, each over 0. Default: 50, 60, 70, 75, 80, 85, 90, 95 and 100. */
  weights?: readonly number[];
  /** How far from 1 the ratio may be to count as equal. Default: 0.15. */
  tolerance?: number;
  /** Called after each weight. Default: none. */
  onProgress?: (weight: number, last: Omit<ReflexProgress, "last">) => void;
}

/** What {@linkcode findWeight} found. */
export interface FoundWeight {
  /** The least weight whose ratio is within the tolerance of 1; if there is none, the one whose ratio is nearest to 1. */
  readonly weight: number;
  /** Switches for each wake-up there. */
  readonly ratio: number;
  /** Whether it is within the tolerance. */
  readonly equal: boolean;
  /** Every weight that was tried. */
  readonly weights: Frame<ReflexSweepColumns>;
}

/**
 * The weight at which, on this kernel, threads are switched as often as they are woken.
 *
 * Each round calls `schedule()` at least once and wakes a thread in `weight` percent of cases, so the ratio is 100 / weight or more where
 * every yield switches and every hand-over blocks; the rates become equal only near 100. The benchmark's description calls 75 to 90
 * roughly equal. The ratio is that of the kernel's counters, `(voluntary + involuntary) / voluntary`.
 *
 * By default each weight is run three times for 0.2 s. Rejects as `reflex` does.
 */
export async function findWeight(options: FindWeightOptions = {}): Promise<FoundWeight> {
  const { weights: asked = [50, 60, 70, 75, 80, 85, 90, 95, 100], tolerance = 0.15, onProgress, ...rest } =
    options;
  if (asked.length === 0 || asked.some((weight) => !(weight > 0))) {
    throw new RangeError(
      `Expected weights over 0, at which threads are woken, but found [${asked.join(", ")}]`,
    );
  }
  const { children, active, compute, ...common } = rest;
  const weights = await runReflex({
    duration: 0.2e9,
    minRuns: 3,
    maxRuns: 3,
    ...common,
    children: [children ?? 40],
    ...(active === undefined ? {} : { active: [active] }),
    ...(compute === undefined ? {} : { compute: [compute] }),
    weight: [...asked].sort((a, b) => a - b),
    ...(onProgress === undefined ? {} : {
      onResult: (result: ReflexResult) =>
        onProgress(result.options.weight, { runs: result.runs.length, mean: result.mean, relative: NaN }),
    }),
  });
  return { ...weightWhereEqual(weights.select("weight", "switch_wake_ratio"), tolerance), weights };
}

/** Of the rows of a sweep over weights that of {@linkcode FoundWeight}. Throws a RangeError where nothing blocked in any row. */
export function weightWhereEqual(
  weights: Frame<Pick<ReflexSweepColumns, "weight" | "switch_wake_ratio">>,
  tolerance: number,
): { weight: number; ratio: number; equal: boolean } {
  const rows = [...weights.rows()].filter((row) => Number.isFinite(row.switch_wake_ratio))
    .sort((a, b) => a.weight - b.weight);
  const off = (row: { switch_wake_ratio: number }) => Math.abs(row.switch_wake_ratio - 1);
  if (rows.length === 0) {
    throw new RangeError("In no run did a thread block, so no weight can be told: sets need two members");
  }
  const equal = rows.find((row) => off(row) <= tolerance);
  const best = equal ?? rows.reduce((least, row) => off(row) < off(least) ? row : least);
  return { weight: best.weight, ratio: best.switch_wake_ratio, equal: equal !== undefined };
}
