import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import { compare, type CompareOptions, type Verdict } from "../../sched/compare/compare.ts";
import { welchInterval } from "../statistics/welch_interval.ts";
import { type FingerprintDifference, fingerprintDifferences } from "./fingerprint_differences.ts";
import { type SuiteCaseResult, type SuiteResult, valuesOf } from "./suite_result.ts";

/** Results that say nothing about each other; `differences` names what differs. */
export class UnlikeResultsError extends Error {
  /** `"UnlikeResultsError"`. */
  override name = "UnlikeResultsError";
  /** What differs. */
  readonly differences: readonly FingerprintDifference[];
  /** Says in `message` what differs. */
  constructor(message: string, differences: readonly FingerprintDifference[]) {
    super(message);
    this.differences = differences;
  }
}

/** What can be said of two results. */
export const SUITE_VERDICTS = ["better", "worse", "no difference can be claimed", "too few runs"] as const;

/** One of {@linkcode SUITE_VERDICTS}. */
export type SuiteVerdict = typeof SUITE_VERDICTS[number];

/** Columns of {@linkcode compareResults}: a row for each metric of each case, in the metric's own unit. */
export type CompareResultsColumns = {
  case: DictColumn;
  metric: DictColumn;
  verdict: DictColumn<SuiteVerdict>;
  /** Mean of the first. */
  a: Float64Array;
  /** Mean of the second. */
  b: Float64Array;
  /** `(b - a) / |a|`; NaN where `a` is 0. */
  change: Float64Array;
  /** `b - a`. */
  difference: Float64Array;
  /** Lower end of the interval of the difference; NaN with fewer than 4 runs. */
  low: Float64Array;
  /** Upper end. */
  high: Float64Array;
  /** The A/A floor: by how much the first differs from itself. */
  noise: Float64Array;
  /** Cliff's delta, from -1 to 1. */
  cliffs_delta: Float64Array;
  /** Hedges' g. */
  hedges_g: Float64Array;
  /** Runs (results, where a side has several) of the first. */
  n_a: Int32Array;
  /** Of the second. */
  n_b: Int32Array;
};

/** Options of {@linkcode compareResults}. */
export interface CompareResultsOptions {
  /** Fields of the fingerprint that may differ, because they are what is tried: `["kernel"]`. Default: none. */
  experiment?: readonly string[];
  /** Share of pairs of like results of which no metric is said to differ. Default 0.95. */
  confidence?: number;
  /** Seed of the resampling. Default 1. */
  seed?: number;
}

/**
 * Throws an {@linkcode UnlikeResultsError} that names every field in which the machines of `a` and `b` differ and should not, and a RangeError
 * for an experiment that is no field.
 */
export function requireLike(a: SuiteResult, b: SuiteResult, experiment: readonly string[] = []): void {
  const fields = new Set([...Object.keys(a.fingerprint), ...Object.keys(b.fingerprint)]);
  for (const field of experiment) {
    if (!fields.has(field)) {
      throw new RangeError(
        `Expected the experiment to be a field of the fingerprint (${[...fields].join(", ")}) but found ${
          JSON.stringify(field)
        }`,
      );
    }
  }
  const differences = fingerprintDifferences(a.fingerprint, b.fingerprint, experiment);
  if (differences.length > 0) {
    throw new UnlikeResultsError(
      `the machines differ: ${differences.map(({ field, a, b }) => `${field} (${a} | ${b})`).join("; ")}. ` +
        `If that is what is tried, say so: --experiment ${differences.map(({ field }) => field).join(",")}`,
      differences,
    );
  }
  for (const [first, second] of casesOfBoth(a, b)) {
    const names = new Set([...Object.keys(first.parameters), ...Object.keys(second.parameters)]);
    const unlike = [...names].flatMap((field) => {
      const [ofA, ofB] = [first.parameters[field], second.parameters[field]];
      return ofA === ofB ? [] : [{ field, a: String(ofA ?? "none"), b: String(ofB ?? "none") }];
    });
    if (unlike.length > 0) {
      throw new UnlikeResultsError(
        `${first.name} was run with other ${
          unlike.map(({ field, a, b }) => `${field} (${a} | ${b})`).join("; ")
        }`,
        unlike,
      );
    }
  }
}

/**
 * By how much the second of two results of the suite is better or worse than the first, metric by metric: the difference of the means over the
 * runs with its interval, how large that is, and what the first differs by from itself (A/A), as `compare` has them. The interval is the
 * bootstrap one of `compare`, or what Welch's t adds to it: far out, where many metrics need it, the bootstrap of ten runs alone is too narrow.
 *
 * `better` and `worse` are said where the interval does not hold 0 and the difference is above the floor; else `no difference can be claimed`:
 * the interval says how large one may be. `confidence` is that of the whole: of m metrics each has the interval of 1 - (1 - confidence) / m
 * (Bonferroni), so that of pairs of like results one in twenty has any metric that is said to differ, and not nearly every one.
 *
 * Where a side has several results, each counts as one value, its mean: that is how boots, or builds, are told from runs. Four of
 * each side are needed then.
 *
 * Throws as {@linkcode requireLike} does, and a RangeError where no case has runs on both sides.
 */
export function compareResults(
  a: SuiteResult | readonly SuiteResult[],
  b: SuiteResult | readonly SuiteResult[],
  options: CompareResultsOptions = {},
): Frame<CompareResultsColumns> {
  const { experiment = [], confidence = 0.95, seed = 1 } = options;
  const [first, second] = [asList(a), asList(b)];
  if ((first.length > 1) !== (second.length > 1)) {
    throw new RangeError(
      `Expected one result of each side, or several of both, but found ${first.length} and ${second.length}`,
    );
  }
  for (const other of first.slice(1)) requireLike(first[0]!, other);
  for (const other of second.slice(1)) requireLike(second[0]!, other);
  requireLike(first[0]!, second[0]!, experiment);
  const pairs = casesOfBoth(first[0]!, second[0]!).flatMap(([{ name, metrics }]) =>
    Object.entries(metrics).flatMap(([metric, { better }]) => {
      const [ofA, ofB] = [sideOf(first, name, metric), sideOf(second, name, metric)];
      return ofA.length === 0 || ofB.length === 0 ? [] : [{ name, metric, better, ofA, ofB }];
    })
  );
  if (pairs.length === 0) throw new RangeError("The results share no case that has runs in both");
  const each: CompareOptions = { confidence: 1 - (1 - confidence) / pairs.length, seed };
  const rows = pairs.map(({ metric, ofA, ofB }) => {
    const row = compare({ [metric]: ofA }, { [metric]: ofB }, each).row(0);
    const [low, high] = welchInterval(ofA, ofB, each.confidence);
    return { ...row, low: Math.min(row.low, low), high: Math.max(row.high, high) };
  });
  const numbers = (value: (row: typeof rows[number]) => number) => Float64Array.from(rows, value);
  const verdicts = rows.map((row, at) => verdictOf(row, pairs[at]!.better));
  return new Frame<CompareResultsColumns>({
    case: DictColumn.from(pairs.map(({ name }) => name)),
    metric: DictColumn.from(pairs.map(({ metric }) => metric)),
    verdict: new DictColumn(
      Uint8Array.from(verdicts, (verdict) => SUITE_VERDICTS.indexOf(verdict)),
      SUITE_VERDICTS,
    ),
    a: numbers((row) => row.a),
    b: numbers((row) => row.b),
    change: numbers((row) => row.change),
    difference: numbers((row) => row.difference),
    low: numbers((row) => row.low),
    high: numbers((row) => row.high),
    noise: numbers((row) => row.noise),
    cliffs_delta: numbers((row) => row.cliffs_delta),
    hedges_g: numbers((row) => row.hedges_g),
    n_a: Int32Array.from(rows, (row) => row.n_a),
    n_b: Int32Array.from(rows, (row) => row.n_b),
  });
}

function asList(results: SuiteResult | readonly SuiteResult[]): readonly SuiteResult[] {
  const list = "cases" in results ? [results] : results;
  if (list.length === 0) throw new RangeError("Expected at least one result of each side");
  return list;
}

function casesOfBoth(a: SuiteResult, b: SuiteResult): [SuiteCaseResult, SuiteCaseResult][] {
  return a.cases.flatMap((first): [SuiteCaseResult, SuiteCaseResult][] => {
    const second = b.cases.find(({ name }) => name === first.name);
    return second === undefined || first.runs.length === 0 || second.runs.length === 0
      ? []
      : [[first, second]];
  });
}

/** The values of one side: of one result those of its runs, of several the mean of each. */
function sideOf(results: readonly SuiteResult[], name: string, metric: string): number[] {
  const each = results.map(({ cases }) => {
    const found = cases.find((one) => one.name === name);
    return found === undefined ? [] : valuesOf(found, metric);
  });
  if (each.length === 1) return each[0]!;
  return each.flatMap((values) =>
    values.length === 0 ? [] : [values.reduce((sum, value) => sum + value, 0) / values.length]
  );
}

function verdictOf(
  { verdict, low, high }: { verdict: Verdict; low: number; high: number },
  better: "lower" | "higher",
): SuiteVerdict {
  if (verdict === "too few runs") return verdict;
  const differs = (verdict === "higher" || verdict === "lower") && (low > 0 || high < 0);
  if (!differs) return "no difference can be claimed";
  return verdict === better ? "better" : "worse";
}
