import { firstAbove, firstNotBelow } from "../../trace/time_order.ts";
import { moments } from "./moments.ts";
import { logGamma } from "./student_t.ts";

/**
 * Cliff's delta: how much more often a value of `b` is above one of `a` than below it, from -1 (all below) over 0 to 1 (all above).
 * Nothing is assumed of the distributions. NaN where one of them is empty.
 *
 * Words for its size (Romano et al. 2006): below 0.147 negligible, below 0.33 small, below 0.474 medium, else large.
 */
export function cliffsDelta(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const sorted = Float64Array.from(a).sort();
  let sum = 0;
  for (let i = 0; i < b.length; i++) {
    // Those below less those above.
    sum += firstNotBelow(sorted, 0, sorted.length, b[i]!) + firstAbove(sorted, 0, sorted.length, b[i]!) -
      sorted.length;
  }
  return sum / (a.length * b.length);
}

/**
 * Hedges' g: the difference of the means (`b` less `a`) in pooled standard deviations, with the factor that makes it unbiased for small
 * groups (Hedges 1981: Γ(m/2) / (√(m/2) Γ((m-1)/2)), m = n_a + n_b - 2).
 *
 * NaN with fewer than 2 values in a group; infinite where the groups differ and nothing varies within them, 0 where they do not differ.
 */
export function hedgesG(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [first, second] = [moments(a), moments(b)];
  if (a.length < 2 || b.length < 2) return NaN;
  const df = a.length + b.length - 2;
  const difference = second.mean - first.mean;
  const pooled = Math.sqrt((first.squares + second.squares) / df);
  if (difference === 0) return 0;
  const factor = Math.exp(logGamma(df / 2) - logGamma((df - 1) / 2)) / Math.sqrt(df / 2);
  return factor * difference / pooled;
}
