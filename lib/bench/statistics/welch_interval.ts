import { moments } from "../../sched/compare/moments.ts";
import { studentQuantile } from "../../sched/compare/student_t.ts";

/**
 * The interval of the difference of two means, `b` less `a`, by Student's t with the degrees of freedom of Welch (1947). NaN where a group
 * has fewer than 2 values.
 */
export function welchInterval(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  confidence = 0.95,
): readonly [low: number, high: number] {
  const [n, m] = [a.length, b.length];
  if (n < 2 || m < 2) return [NaN, NaN];
  const [first, second] = [moments(a), moments(b)];
  const [ofA, ofB] = [first.squares / (n - 1) / n, second.squares / (m - 1) / m];
  const difference = second.mean - first.mean;
  if (ofA + ofB === 0) return [difference, difference];
  const df = (ofA + ofB) ** 2 / (ofA ** 2 / (n - 1) + ofB ** 2 / (m - 1));
  const half = studentQuantile((1 + confidence) / 2, df) * Math.sqrt(ofA + ofB);
  return [difference - half, difference + half];
}
