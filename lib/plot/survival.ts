import type { NumericColumn } from "../frame/column.ts";

/** Steps of a survival function: for x in (`x[i-1]`, `x[i]`] the share of values that are at least x is `p[i]`. */
export interface Survival {
  /** Where it steps down: the values that occur, ascending. */
  readonly x: Float64Array;
  /** Share of values not below `x[i]`; the first is 1, the last that of the largest value. */
  readonly p: Float64Array;
  /** How many values it was made of. */
  readonly values: number;
}

/** Options of {@linkcode survival}. */
export interface SurvivalOptions {
  /** How often each value occurs. Default: once each. */
  counts?: NumericColumn;
  /** Most steps; beyond that, steps nearer than a logarithmic grid are left out, never the largest 50. Default 500. */
  limit?: number;
}

/**
 * The empirical survival function of `values`: the share of them that is at least as large, at each positive one.
 *
 * Zeros count among all but are no step (the axis is logarithmic); negative and not finite values are left out.
 */
export function survival(values: NumericColumn, options: SurvivalOptions = {}): Survival {
  const { counts, limit = 500 } = options;
  return thinned(counts === undefined ? unitSteps(values) : weightedSteps(values, counts), limit);
}

function unitSteps(values: NumericColumn): Survival {
  const sorted = Float64Array.from(values).filter((value) => value >= 0 && value < Infinity).sort();
  const x = new Float64Array(sorted.length);
  const p = new Float64Array(sorted.length);
  let steps = 0;
  for (let at = 0; at < sorted.length; at++) {
    if (sorted[at] === 0 || sorted[at] === sorted[at - 1]) continue;
    x[steps] = sorted[at]!;
    p[steps++] = (sorted.length - at) / sorted.length;
  }
  return { x: x.slice(0, steps), p: p.slice(0, steps), values: sorted.length };
}

function weightedSteps(values: NumericColumn, counts: NumericColumn): Survival {
  const rows = Array.from(values.keys()).filter((row) => values[row]! >= 0 && counts[row]! > 0);
  rows.sort((a, b) => values[a]! - values[b]!);
  const total = rows.reduce((sum, row) => sum + counts[row]!, 0);
  let left = total;
  const x: number[] = [];
  const p: number[] = [];
  for (const row of rows) {
    const value = values[row]!;
    if (value > 0 && value !== x.at(-1)) {
      x.push(value);
      p.push(left / total);
    }
    left -= counts[row]!;
  }
  return { x: Float64Array.from(x), p: Float64Array.from(p), values: total };
}

const TAIL = 50;

function thinned(steps: Survival, limit: number): Survival {
  const { x, p, values } = steps;
  if (x.length <= limit) return steps;
  const tail = x.length - Math.min(TAIL, limit - 1);
  const grid = Math.max(1, limit - TAIL);
  const least = Math.log(x[0]!);
  const step = (Math.log(x[tail]!) - least) / grid;
  const kept: number[] = [];
  let next = -Infinity;
  for (let at = 0; at < x.length; at++) {
    const log = Math.log(x[at]!);
    if (at < tail && log < next) continue;
    kept.push(at);
    next = least + (Math.floor((log - least) / step) + 1) * step;
  }
  return { x: Float64Array.from(kept, (at) => x[at]!), p: Float64Array.from(kept, (at) => p[at]!), values };
}
