// Deferred: the histograms of HdrHistogram, whose files other tools read, are loaded with the graph and run with the first one only.
import defer * as hdr from "hdr-histogram-js";
import type { Histogram } from "hdr-histogram-js";
import { Frame } from "../../frame/frame.ts";
import { type Count, count as counted, type Ns, ns } from "../../frame/units.ts";
import type { Trace } from "../../trace/trace.ts";
import { waits, type WaitsOptions } from "./waits.ts";

/** Columns of {@linkcode DelayHistogram.toFrame}: the buckets that hold something. */
export type DelayBucketColumns = {
  /** Smallest delay of the bucket, ns. */
  from: Ns;
  /** Largest delay of the bucket, ns. */
  to: Ns;
  /** How many. */
  count: Count;
};

/** What {@linkcode DelayHistogram.toJSON} makes. */
export interface DelayHistogramJSON {
  /** HdrHistogram's V2 encoding, compressed, base64: other tools read it. */
  readonly hdr: string;
  /** Smallest value, exactly; null where there is none. */
  readonly min: number | null;
  /** Largest value, exactly; null where there is none. */
  readonly max: number | null;
  /** Sum of all values. */
  readonly sum: number;
}

/** Significant decimal digits of a value: its bucket is at most a thousandth of it wide. */
const DIGITS = 3;

/**
 * How often each delay occurred, in buckets (HdrHistogram's, 3 significant digits): of any number of values in a few hundred kilobytes at
 * most, and of any number of traces, since histograms merge without a loss.
 *
 * A percentile is never below the exact one, and above it by less than a thousandth. Count, sum, smallest and largest are exact.
 *
 * @example
 * ```ts
 * import { DelayHistogram } from "@schedscope/schedscope/sched";
 * import assert from "node:assert/strict";
 *
 * const monday = DelayHistogram.of([1_000, 2_000, 3_000]);
 * const tuesday = DelayHistogram.of([40_000_000]);
 * const both = monday.merge(tuesday);
 * assert.equal(both.count, 4);
 * assert.equal(both.max, 40_000_000);
 * assert.ok(both.percentile(50) >= 2_000 && both.percentile(50) < 2_002);
 * assert.equal(DelayHistogram.fromJSON(JSON.parse(JSON.stringify(both))).percentile(75), both.percentile(75));
 * ```
 */
export class DelayHistogram {
  /** Largest relative error of a percentile. */
  static readonly relativeError = 10 ** -DIGITS;
  readonly #histogram: Histogram;
  /** Smallest value, ns; NaN without one. */
  readonly min: number;
  /** Largest value, ns; NaN without one. */
  readonly max: number;
  /** Sum of all values, ns. */
  readonly sum: number;

  private constructor(histogram: Histogram, min: number, max: number, sum: number) {
    this.#histogram = histogram;
    this.min = min;
    this.max = max;
    this.sum = sum;
  }

  /** The histogram of `values`, ns. Fractions are rounded. NaN is left out; throws RangeError for a negative or infinite one. */
  static of(values: Iterable<number>): DelayHistogram {
    const histogram = empty();
    let min = NaN;
    let max = NaN;
    let sum = 0;
    for (const value of values) {
      if (value !== value) continue;
      if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
        throw new RangeError(`Expected a delay of 0 to 2^53 - 1 ns but found ${value}`);
      }
      histogram.recordValue(Math.round(value));
      if (!(value >= min)) min = value;
      if (!(value <= max)) max = value;
      sum += value;
    }
    return new DelayHistogram(histogram, min, max, sum);
  }

  /** The histogram that {@linkcode DelayHistogram.toJSON} made this of. Throws RangeError where it is none. */
  static fromJSON(json: DelayHistogramJSON): DelayHistogram {
    let histogram: Histogram;
    try {
      histogram = hdr.decodeFromCompressedBase64(json.hdr, 64, false);
    } catch (cause) {
      throw new RangeError("Expected an encoded HdrHistogram in `hdr`", { cause });
    }
    return new DelayHistogram(histogram, json.min ?? NaN, json.max ?? NaN, json.sum);
  }

  /** How many values. */
  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Mean of the values, ns; NaN without one. */
  get mean(): number {
    return this.sum / this.count;
  }

  /**
   * The smallest value that `p` percent of all values (0 to 100) do not exceed, ns: at most a thousandth too large, and never above
   * the largest. NaN without a value. Throws RangeError for another `p`.
   */
  percentile(p: number): number {
    if (!(p >= 0 && p <= 100)) throw new RangeError(`Expected a percentile from 0 to 100 but found ${p}`);
    if (this.count === 0) return NaN;
    return Math.min(this.max, Math.max(this.min, this.#histogram.getValueAtPercentile(p)));
  }

  /** The values of both. Neither is changed. */
  merge(...others: DelayHistogram[]): DelayHistogram {
    const histogram = empty();
    let min = NaN;
    let max = NaN;
    let sum = 0;
    for (const each of [this, ...others]) {
      histogram.add(each.#histogram);
      if (!(each.min >= min)) min = each.count === 0 ? min : each.min;
      if (!(each.max <= max)) max = each.count === 0 ? max : each.max;
      sum += each.sum;
    }
    return new DelayHistogram(histogram, min, max, sum);
  }

  /** The buckets that hold something, ascending: what `plotSurvival` and `plotWaitDistribution` draw. */
  toFrame(): Frame<DelayBucketColumns> {
    const from: number[] = [];
    const to: number[] = [];
    const count: number[] = [];
    const { max } = this;
    const histogram = this.#histogram as Histogram & Buckets;
    for (let value = 0; this.count > 0 && value <= max;) {
      const last = histogram.highestEquivalentValue(value);
      const n = histogram.getCountAtIndex(histogram.countsArrayIndex(value));
      if (n > 0) {
        from.push(value);
        to.push(last);
        count.push(n);
      }
      value = last + 1;
    }
    return new Frame<DelayBucketColumns>({
      from: ns(Float64Array.from(from)),
      to: ns(Float64Array.from(to)),
      count: counted(Float64Array.from(count)),
    });
  }

  /** What can be kept as JSON and made into a histogram again. */
  toJSON(): DelayHistogramJSON {
    const known = (value: number) => value === value ? value : null;
    return {
      hdr: hdr.encodeIntoCompressedBase64(this.#histogram),
      min: known(this.min),
      max: known(this.max),
      sum: this.sum,
    };
  }
}

/** What the library's histograms have beside their interface. */
interface Buckets {
  countsArrayIndex(value: number): number;
  getCountAtIndex(index: number): number;
  highestEquivalentValue(value: number): number;
}

/** Plain JavaScript: the library's WebAssembly would have to be waited for. */
function empty(): Histogram {
  return hdr.build({
    bitBucketSize: 64,
    numberOfSignificantValueDigits: DIGITS,
    autoResize: true,
    useWebAssembly: false,
  });
}

/**
 * The waits of `trace` for a CPU ({@linkcode waits}), as a histogram that merges with those of other traces. For one trace alone
 * {@linkcode latency} has exact percentiles.
 */
export function delayHistogram(trace: Trace, options: WaitsOptions = {}): DelayHistogram {
  return DelayHistogram.of(waits(trace, options).column("delay"));
}
