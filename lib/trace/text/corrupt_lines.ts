import type { KnownHole } from "../quality.ts";

interface CorruptRun {
  from: number;
  to: number;
  lost: number;
  readonly offset: number;
}

/** More holes than this become one with the last. */
const MOST = 1000;

/** Lines that are none of a trace's, as holes: neighbours become one, from the stamp before them to the one behind. */
export class CorruptLines {
  readonly #runs: CorruptRun[] = [];
  #open = false;
  /** How many lines there were. */
  count = 0;

  /** Byte at which the first is; 0 where there is none. */
  get first(): number {
    return this.#runs[0]?.offset ?? 0;
  }

  /** The line at byte `offset` is none; the last one had `stamp`, NaN where there was none. */
  add(offset: number, stamp: number): void {
    this.count++;
    if (!this.#open && this.#runs.length < MOST) {
      this.#runs.push({ from: stamp, to: Infinity, lost: 0, offset });
    }
    this.#open = true;
    const run = this.#runs.at(-1)!;
    run.lost++;
    run.to = Infinity;
  }

  /** A line has `stamp`. */
  seen(stamp: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#runs.at(-1)!.to = stamp;
  }

  /** The holes in a stream that goes from `start` to `end`. */
  holes(start: number, end: number): KnownHole[] {
    const within = (stamp: number) =>
      Math.min(Math.max(Number.isNaN(stamp) ? start : stamp, start), end) - start;
    return this.#runs.map(({ from, to, lost, offset }) => ({
      kind: "corrupt",
      cpu: -1,
      from: Math.min(within(from), within(to)),
      to: Math.max(within(from), within(to)),
      lost,
      offset,
    }));
  }
}
