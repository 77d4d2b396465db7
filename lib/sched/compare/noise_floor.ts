import { finite } from "./finite.ts";
import { seededRandom } from "./seeded_random.ts";
import { type Statistic, statisticOf } from "./statistic.ts";

/** Options of {@linkcode noiseFloor}. */
export interface NoiseFloorOptions {
  /** What is compared of each half. Default `mean`. */
  statistic?: Statistic;
  /** Share of the splits whose halves differ by no more than the floor. Default 0.95. */
  confidence?: number;
  /** Size of the group that the values are compared with; the floor is of such a comparison. Default: as many as there are values. */
  against?: number;
  /** How many random splits are taken. Default 2000. */
  splits?: number;
  /** Seed of the splits. Default 1. */
  seed?: number;
}

/**
 * The A/A floor: how much a group differs from itself. It is split at random into two halves, thousands of times; the floor is
 * what the halves' differences do not exceed in `confidence` of the splits.
 *
 * Halves are smaller than the groups that are compared, and so differ by more: the floor is scaled by the square root of the
 * sizes to what groups of n and `against` values would differ by if both were of the same kind. NaN with fewer than 4 values.
 */
export function noiseFloor(values: ArrayLike<number>, options: NoiseFloorOptions = {}): number {
  const { statistic = "mean", confidence = 0.95, splits = 2000, seed = 1 } = options;
  const { against = values.length } = options;
  const own = finite(values, "only");
  const n = own.length;
  if (n < 4) return NaN;
  const of = statisticOf(statistic);
  const random = seededRandom(seed);
  const half = n >>> 1;
  const differences = new Float64Array(splits);
  for (let split = 0; split < splits; split++) {
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [own[i], own[j]] = [own[j]!, own[i]!];
    }
    differences[split] = Math.abs(of(own.slice(half)) - of(own.slice(0, half)));
  }
  differences.sort();
  const scale = Math.sqrt((1 / n + 1 / against) / (1 / half + 1 / (n - half)));
  return scale * differences[Math.max(0, Math.ceil(confidence * splits) - 1)]!;
}
