import { studentQuantile } from "../../sched/compare/student_t.ts";
import { moments } from "../../sched/compare/moments.ts";

/** A mean, and the interval of it. */
export interface MeanInterval {
  /** Arithmetic mean; NaN of no values. */
  readonly mean: number;
  /** Lower and upper end; NaN with fewer than 2 values. */
  readonly interval: readonly [low: number, high: number];
  /** Half of the interval's width as a share of |mean|: 0 where the values are all the same, Infinity or NaN where it has none. */
  readonly relative: number;
}

/** Quantiles of the common confidences: a run of a benchmark asks for the same ones again and again. */
const known = new Map<string, number>();

/**
 * The mean of `values` and the interval that holds the true mean in a share `confidence` of cases, by Student's t with n - 1 degrees of
 * freedom: mean ± t · s / √n (Student 1908). Throws a RangeError for a confidence that is not between 0 and 1.
 */
export function studentInterval(values: ArrayLike<number>, confidence = 0.95): MeanInterval {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`Expected a confidence between 0 and 1 but found ${confidence}`);
  }
  const n = values.length;
  const { mean, squares } = moments(values);
  if (n < 2) return { mean, interval: [NaN, NaN], relative: NaN };
  const half = quantile((1 + confidence) / 2, n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { mean, interval: [mean - half, mean + half], relative: half === 0 ? 0 : half / Math.abs(mean) };
}

function quantile(p: number, df: number): number {
  const key = `${p} ${df}`;
  let value = known.get(key);
  if (value === undefined) {
    if (known.size > 1000) known.clear();
    known.set(key, value = studentQuantile(p, df));
  }
  return value;
}
