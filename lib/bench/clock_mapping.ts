/** One reading of both clocks. */
export interface ClockReading {
  /** The cycle counter. */
  readonly tsc: bigint;
  /** CLOCK_MONOTONIC, ns. */
  readonly mono: bigint;
}

/**
 * Converts between the cycle counter and CLOCK_MONOTONIC by the straight line through two readings.
 *
 * CLOCK_MONOTONIC is steered by NTP, the counter is not; {@linkcode ClockMapping.maxError} says how far the line was from the
 * clock where it was read in between.
 */
export class ClockMapping {
  /** The reading at the start. */
  readonly start: ClockReading;
  /** The reading at the end. */
  readonly end: ClockReading;
  /** ns of CLOCK_MONOTONIC for one tick. */
  readonly nsPerTick: number;
  /** Largest distance of a reading from the line, ns; half the width of the readings at least. */
  readonly maxError: number;

  /** The line through `start` and `end`, held against the readings `between`; `width` is the half-width of a reading in ns. */
  constructor(start: ClockReading, end: ClockReading, between: readonly ClockReading[] = [], width = 0) {
    if (end.tsc <= start.tsc) {
      throw new RangeError(`Expected an end after tick ${start.tsc} but found tick ${end.tsc}`);
    }
    this.start = start;
    this.end = end;
    this.nsPerTick = Number(end.mono - start.mono) / Number(end.tsc - start.tsc);
    let maxError = width;
    for (const { tsc, mono } of between) {
      maxError = Math.max(maxError, Math.abs(this.offset(tsc) - Number(mono - start.mono)));
    }
    this.maxError = maxError;
  }

  /** ns from the start reading to tick `tsc`. */
  offset(tsc: bigint): number {
    return Number(tsc - this.start.tsc) * this.nsPerTick;
  }

  /** CLOCK_MONOTONIC at tick `tsc`, ns. */
  toMono(tsc: bigint): bigint {
    return this.start.mono + BigInt(Math.round(this.offset(tsc)));
  }

  /** The tick at `mono` ns of CLOCK_MONOTONIC. */
  toTsc(mono: bigint): bigint {
    return this.start.tsc + BigInt(Math.round(Number(mono - this.start.mono) / this.nsPerTick));
  }
}
