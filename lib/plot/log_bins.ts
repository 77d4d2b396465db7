import type { NumericColumn } from "../frame/column.ts";

/** Bins of equal width on a logarithmic scale. */
export interface LogBins {
  /** Lower edge of the first bin and upper edge of each: one more than there are bins. A value on an edge is in the upper bin. */
  readonly edges: Float64Array;
  /** Values in each bin and series: `counts[series * bins + bin]`. */
  readonly counts: Float64Array;
  /** How many bins there are. */
  readonly bins: number;
  /** Values that are no positive number, and so in no bin. */
  readonly left_out: number;
}

/** Options of {@linkcode logBins}. */
export interface LogBinsOptions {
  /** Bins for each factor of ten. Default 10. */
  perDecade?: number;
  /** The series of each value, from 0. Default: all in one. */
  codes?: NumericColumn;
  /** How many series there are. Default 1. */
  series?: number;
}

/**
 * Counts `values` in bins whose edges are `10^(k / perDecade)`, from the bin of the smallest to that of the largest.
 *
 * Two passes over the column, no allocation for a value. Values that are 0, negative or no number are only counted.
 */
export function logBins(values: NumericColumn, options: LogBinsOptions = {}): LogBins {
  const { perDecade = 10, codes, series = 1 } = options;
  let least = Infinity;
  let most = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value > 0 && value < least) least = value;
    if (value > most && value < Infinity) most = value;
  }
  if (!(least <= most)) {
    return { edges: new Float64Array(0), counts: new Float64Array(0), bins: 0, left_out: values.length };
  }
  const first = binOf(least, perDecade);
  const bins = binOf(most, perDecade) - first + 1;
  const edges = Float64Array.from({ length: bins + 1 }, (_, bin) => edge(first + bin, perDecade));
  const counts = new Float64Array(bins * series);
  let leftOut = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value > 0 && value < Infinity) {
      counts[(codes?.[row] ?? 0) * bins + binOf(value, perDecade) - first]!++;
    } else leftOut++;
  }
  return { edges, counts, bins, left_out: leftOut };
}

/** The lower edge of bin `index`. Whole powers of ten are exact. */
function edge(index: number, perDecade: number): number {
  return Number.isInteger(index / perDecade) ? Number(`1e${index / perDecade}`) : 10 ** (index / perDecade);
}

function binOf(value: number, perDecade: number): number {
  const index = Math.floor(Math.log10(value) * perDecade);
  // The logarithm of a value near an edge may round to the other side of it.
  if (value < edge(index, perDecade)) return index - 1;
  return value >= edge(index + 1, perDecade) ? index + 1 : index;
}
