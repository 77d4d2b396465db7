import { Frame } from "../frame/frame.ts";
import { type Count, count as counted, type Ns, ns, type Ratio, ratio } from "../frame/units.ts";

/** Columns of {@linkcode Histogram.toFrame}: the buckets that hold something. */
export type HistogramColumns = {
  /** Smallest duration of the bucket, ns. */
  from: Ns;
  /** First duration that no longer belongs to it, ns; Infinity for the last. */
  to: Ns;
  /** How many. */
  count: Count;
};

/** Columns of {@linkcode Histogram.survival}. */
export type SurvivalColumns = {
  /** A duration, ns. */
  value: Ns;
  /** How many were at least that long. */
  count: Count;
  /** The same as a share of all, 0..1. */
  share: Ratio;
};

/**
 * How often each duration occurred.
 *
 * Buckets are counted in ticks of the cycle counter and given in ns. Histograms with the same buckets merge by adding; so do
 * those of runs whose counters were calibrated to frequencies within 0.1 %, far less than a bucket's width.
 */
export class Histogram {
  /** Smallest value of each bucket in ticks, ascending, from 0. */
  readonly edges: Float64Array;
  /** How many values each bucket holds. */
  readonly counts: Float64Array;
  /** Length of a tick in ns. */
  readonly nsPerTick: number;
  /** How many values there are. */
  readonly count: number;

  /** Wraps `edges` (ticks) and `counts` of the same length. */
  constructor(edges: Float64Array, counts: Float64Array, nsPerTick: number) {
    if (edges.length !== counts.length) {
      throw new RangeError(`Expected as many counts as edges, ${edges.length}, but found ${counts.length}`);
    }
    this.edges = edges;
    this.counts = counts;
    this.nsPerTick = nsPerTick;
    let count = 0;
    for (const n of counts) count += n;
    this.count = count;
  }

  /**
   * The duration in ns that a share `p` (0..1) of all values does not exceed: the largest value of the bucket in which it lies,
   * so it is at most one bucket's width too large. NaN if there are no values.
   */
  percentile(p: number): number {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`Expected a share from 0 to 1 but found ${p}`);
    if (!this.count) return NaN;
    const rank = Math.max(1, Math.ceil(p * this.count));
    let seen = 0;
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i]!;
      if (seen >= rank) return this.#last(i) * this.nsPerTick;
    }
    return NaN;
  }

  /** The sum of both. Throws a RangeError if the buckets or the lengths of a tick (by more than 0.1 %) differ. */
  merge(other: Histogram): Histogram {
    const same = this.edges.length === other.edges.length &&
      this.edges.every((edge, i) => edge === other.edges[i]);
    if (!same) throw new RangeError("Cannot merge histograms with other buckets");
    if (Math.abs(this.nsPerTick / other.nsPerTick - 1) > 1e-3) {
      throw new RangeError(`Cannot merge ticks of ${other.nsPerTick} ns into ticks of ${this.nsPerTick} ns`);
    }
    return new Histogram(this.edges, this.counts.map((n, i) => n + other.counts[i]!), this.nsPerTick);
  }

  /** The buckets that hold something. */
  toFrame(): Frame<HistogramColumns> {
    const used = this.#used();
    return new Frame<HistogramColumns>({
      from: ns(Float64Array.from(used, (i) => this.edges[i]! * this.nsPerTick)),
      to: ns(Float64Array.from(used, (i) => (this.edges[i + 1] ?? Infinity) * this.nsPerTick)),
      count: counted(Float64Array.from(used, (i) => this.counts[i]!)),
    });
  }

  /** For each used bucket how many values are at least its smallest one: the survival curve. */
  survival(): Frame<SurvivalColumns> {
    const used = this.#used();
    const count = new Float64Array(used.length);
    let above = 0;
    for (let k = used.length - 1; k >= 0; k--) count[k] = above += this.counts[used[k]!]!;
    return new Frame<SurvivalColumns>({
      value: ns(Float64Array.from(used, (i) => this.edges[i]! * this.nsPerTick)),
      count: counted(count),
      share: ratio(count.map((n) => n / this.count)),
    });
  }

  #used(): number[] {
    const used: number[] = [];
    for (let i = 0; i < this.counts.length; i++) if (this.counts[i]) used.push(i);
    return used;
  }

  /** Largest value of bucket `i` in ticks. */
  #last(i: number): number {
    const next = this.edges[i + 1];
    return next === undefined ? this.edges[i]! : Math.max(this.edges[i]!, next - 1);
  }
}
