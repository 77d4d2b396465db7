import { finite } from "./finite.ts";
import { moments } from "./moments.ts";
import { normalCdf, normalQuantile } from "./normal.ts";
import { seededRandom } from "./seeded_random.ts";
import { type Statistic, statisticOf } from "./statistic.ts";
import { studentQuantile } from "./student_t.ts";

/** Options of {@linkcode bootstrapDifference}. */
export interface BootstrapOptions {
  /** What is compared of each group. Default `mean`. */
  statistic?: Statistic;
  /** Share of such intervals that hold the true difference. Default 0.95. */
  confidence?: number;
  /**
   * `percentile` (default): percentiles of the differences drawn. `bca`: these corrected for bias and skewness (Efron 1987; for two
   * samples DiCiccio and Efron 1996), which held the truth less often in our simulations with groups below 40.
   */
  method?: "percentile" | "bca";
  /**
   * Whether the interval is widened to what small groups need, where the plain ones hold the truth too seldom (Hesterberg 2015, the
   * expanded percentile interval): normal quantiles become Student's with Welch's degrees of freedom, times √(n / (n - 1)). Default true.
   */
  expanded?: boolean;
  /** How often the groups are drawn anew. Default 9999. */
  resamples?: number;
  /** Seed of the draws: the same one gives the same interval. Default 1. */
  seed?: number;
}

/** A difference between two groups and the interval that holds the true one. */
export interface DifferenceInterval {
  /** The statistic of the second group less that of the first. */
  readonly difference: number;
  /** Lower end; NaN where a group has fewer than 2 values. */
  readonly low: number;
  /** Upper end; NaN likewise. */
  readonly high: number;
}

/**
 * By how much the group `b` differs from the group `a`, and a bootstrap interval of that: each group is drawn anew from itself, with
 * replacement, and the difference taken again, thousands of times.
 *
 * The groups are independent of each other, and so are the values of each. Throws RangeError for a group without a value, a value
 * that is not finite, and options that make no sense.
 */
export function bootstrapDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: BootstrapOptions = {},
): DifferenceInterval {
  const {
    statistic = "mean",
    confidence = 0.95,
    method = "percentile",
    expanded = true,
    resamples = 9999,
    seed = 1,
  } = options;
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`Expected a confidence between 0 and 1 but found ${confidence}`);
  }
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new RangeError(`Expected at least 1 resample but found ${resamples}`);
  }
  const of = statisticOf(statistic);
  const [first, second] = [finite(a, "first"), finite(b, "second")];
  const difference = of(second.slice()) - of(first.slice());
  if (first.length < 2 || second.length < 2) return { difference, low: NaN, high: NaN };
  const drawn = resampled(first, second, of, resamples, seed);
  const z = quantileOf(first, second, confidence, expanded);
  const [bias, acceleration] = method === "bca"
    ? [biasOf(drawn, difference), accelerationOf(first, second, of)]
    : [0, 0];
  const end = (normal: number) => {
    const moved = bias + normal;
    const p = normalCdf(bias + moved / (1 - acceleration * moved));
    return percentile(drawn, Number.isNaN(p) ? normalCdf(normal) : p);
  };
  return { difference, low: end(-z), high: end(z) };
}

/** Differences between the groups drawn anew, ascending. */
function resampled(
  a: Float64Array,
  b: Float64Array,
  of: (values: Float64Array) => number,
  resamples: number,
  seed: number,
): Float64Array {
  const random = seededRandom(seed);
  const [fromA, fromB] = [new Float64Array(a.length), new Float64Array(b.length)];
  const differences = new Float64Array(resamples);
  for (let draw = 0; draw < resamples; draw++) {
    for (let i = 0; i < a.length; i++) fromA[i] = a[Math.floor(random() * a.length)]!;
    for (let i = 0; i < b.length; i++) fromB[i] = b[Math.floor(random() * b.length)]!;
    differences[draw] = of(fromB) - of(fromA);
  }
  return differences.sort();
}

/** How far from the middle the interval reaches, in standard deviations of a normal distribution. */
function quantileOf(a: Float64Array, b: Float64Array, confidence: number, expanded: boolean): number {
  const p = (1 + confidence) / 2;
  const [first, second] = [moments(a).squares, moments(b).squares];
  if (!expanded || first + second === 0) return normalQuantile(p);
  const [n, m] = [a.length, b.length];
  // What the bootstrap takes for the variance of each mean is (n - 1) / n of what it is.
  const [bootA, bootB] = [first / n / n, second / m / m];
  const [trueA, trueB] = [bootA * n / (n - 1), bootB * m / (m - 1)];
  const df = (trueA + trueB) ** 2 / (trueA ** 2 / (n - 1) + trueB ** 2 / (m - 1));
  return studentQuantile(p, df) * Math.sqrt((trueA + trueB) / (bootA + bootB));
}

/** How far the difference itself lies from the median of those drawn, as a normal quantile. */
function biasOf(drawn: Float64Array, difference: number): number {
  let below = 0;
  let equal = 0;
  for (const each of drawn) {
    if (each < difference) below++;
    else if (each === difference) equal++;
  }
  const share = (below + equal / 2) / drawn.length;
  // All on one side: the correction would be infinite.
  const least = 0.5 / drawn.length;
  return normalQuantile(Math.min(1 - least, Math.max(least, share)));
}

/** How fast the difference's standard error changes with it: its skewness, from leaving out one value at a time. */
function accelerationOf(a: Float64Array, b: Float64Array, of: (values: Float64Array) => number): number {
  let cubes = 0;
  let squares = 0;
  for (const [values, sign] of [[a, -1], [b, 1]] as const) {
    const n = values.length;
    const left = new Float64Array(n);
    for (let out = 0; out < n; out++) {
      const rest = new Float64Array(n - 1);
      rest.set(values.subarray(0, out));
      rest.set(values.subarray(out + 1), out);
      left[out] = sign * of(rest);
    }
    const { mean } = moments(left);
    for (const each of left) {
      const influence = (n - 1) * (mean - each) / n;
      cubes += influence ** 3;
      squares += influence ** 2;
    }
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** The `p` quantile of `sorted`, by linear interpolation between neighbours. */
function percentile(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}
