/** Frames that the figures are of. */
const KEPT = 600;

/** How fast the view draws, as anybody can read it: `schedscopeWidgets[0].stats`. */
export interface WidgetStats {
  /** Frames drawn. */
  readonly frames: number;
  /** ms that the script took for the last frame, and for the frames since the last reset. */
  readonly lastMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  /** ms from one frame to the next while it moved, so with what the browser took to show it. */
  readonly medianIntervalMs: number;
  readonly p95IntervalMs: number;
  /** Slices in the data. */
  readonly slices: number;
  /** Steps over lanes that the last frame took. */
  readonly drawn: number;
  /** ms from the start of the script to the first frame. */
  readonly loadMs: number;
}

/** Collects {@linkcode WidgetStats}. */
export class FrameClock {
  #frames = 0;
  #work: number[] = [];
  #intervals: number[] = [];
  #last = NaN;
  #drawn = 0;

  /** A frame was drawn: it began at `begun`, in a row with the one before if `moving`. */
  frame(begun: number, ended: number, drawn: number, moving: boolean): void {
    this.#frames++;
    this.#drawn = drawn;
    push(this.#work, ended - begun);
    if (moving && !Number.isNaN(this.#last)) push(this.#intervals, begun - this.#last);
    this.#last = begun;
  }

  /** Forgets all but the number of frames. */
  reset(): void {
    this.#work = [];
    this.#intervals = [];
    this.#last = NaN;
  }

  /** The figures. */
  stats(slices: number, loadMs: number): WidgetStats {
    return {
      frames: this.#frames,
      lastMs: this.#work.at(-1) ?? NaN,
      medianMs: quantile(this.#work, 0.5),
      p95Ms: quantile(this.#work, 0.95),
      medianIntervalMs: quantile(this.#intervals, 0.5),
      p95IntervalMs: quantile(this.#intervals, 0.95),
      slices,
      drawn: this.#drawn,
      loadMs,
    };
  }
}

function push(list: number[], value: number): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
