/** A span of time in bins of one length; the last one may be shorter. */
export class TimeBins {
  /** How many; at least one. */
  readonly count: number;
  /** Start and end of the span. */
  readonly from: number;
  readonly to: number;
  /** Length of a bin, ns. */
  readonly length: number;

  /** Throws a RangeError for a `length` that is not above 0, or that makes more than ten million bins. */
  constructor(from: number, to: number, length: number = Infinity) {
    if (!(length > 0)) throw new RangeError(`Expected a bin above 0 ns but found ${length}`);
    this.from = from;
    this.to = to;
    this.length = length;
    this.count = Math.max(1, Math.ceil((to - from) / length));
    if (this.count > 1e7) {
      throw new RangeError(
        `Bins of ${length} ns make ${this.count} of ${to - from} ns; at most ten million can be`,
      );
    }
  }

  /** The bin that holds `ts`; the end of the span belongs to the last one. */
  at(ts: number): number {
    if (this.count === 1) return 0;
    let bin = Math.floor((ts - this.from) / this.length);
    // Where the quotient was rounded up to the next bin or down to the one before, an interval would not end.
    if (ts >= this.end(bin)) bin++;
    return Math.min(this.count - 1, Math.max(0, bin));
  }

  /** Where `bin` begins. */
  start(bin: number): number {
    return bin === 0 ? this.from : this.from + bin * this.length;
  }

  /** Where `bin` ends. */
  end(bin: number): number {
    return bin >= this.count - 1 ? this.to : this.from + (bin + 1) * this.length;
  }
}
