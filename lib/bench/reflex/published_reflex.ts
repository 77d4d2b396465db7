import { DictColumn, Frame } from "../../frame/mod.ts";

/** Columns of {@linkcode publishedReflex}. */
export type PublishedReflexColumns = {
  /** Kernel and number of CPUs. */
  series: DictColumn;
  /** Children; half of them were active sets. */
  children: Int32Array;
  /** us per round. */
  us_per_round: Float64Array;
};

const CHILDREN = [2, 4, 8, 16, 32, 64, 128];

const SERIES: Readonly<Record<string, readonly number[]>> = {
  "2.5.2-pre9, 2 CPUs": [6.59, 6.99, 7.32, 7.23, 7.65, 9.46, 13.89],
  "O(1), 2 CPUs": [14.39, 3.79, 3.76, 3.74, 5.14, 3.95, 4.58],
  "2.5.2-pre9, 4 CPUs": [6.02, 11.00, 9.84, 10.60, 11.87, 15.28, 19.83],
  "O(1), 4 CPUs": [14.65, 6.21, 2.16, 2.15, 2.92, 2.89, 2.69],
  "2.5.2-pre9, 8 CPUs": [6.34, 11.45, 13.35, 14.98, 16.76, 19.96, 25.01],
  "O(1), 8 CPUs": [9.06, 7.02, 4.39, 1.50, 1.92, 2.26, 2.28],
};

/**
 * What was published in January 2002 when the O(1) scheduler was new: us per round on an 8-way Pentium III of 700 MHz, no work in a
 * round, half of the children active; the weight was not given. Source: the tables that were posted to the lists for 2.5.2-pre9.
 */
export function publishedReflex(): Frame<PublishedReflexColumns> {
  const rows = Object.entries(SERIES).flatMap(([series, values]) =>
    values.map((value, i) => ({ series, children: CHILDREN[i]!, value }))
  );
  return new Frame<PublishedReflexColumns>({
    series: DictColumn.from(rows.map(({ series }) => series)),
    children: Int32Array.from(rows, ({ children }) => children),
    us_per_round: Float64Array.from(rows, ({ value }) => value),
  });
}
