/**
 * Follows how perf hands on records while it reads a file (util/ordered-events.c): at the end of each round it delivers,
 * sorted, all that is not newer than the newest record of the round before. A record that comes later than that with an
 * older stamp is delivered late, out of time order.
 */
export class Rounds {
  #newest = -Infinity;
  #empty = true;
  #limit = -Infinity;
  /** Stamp of the last record that was delivered: what is older than it now comes late. */
  delivered = -Infinity;

  /** A record with a stamp was read; `ts` relative to anything that stays the same. */
  queued(ts: number): void {
    if (this.#empty || ts >= this.#newest) this.#newest = ts;
    this.#empty = false;
  }

  /** A FINISHED_ROUND record was read. */
  finished(): void {
    if (this.#empty) return;
    if (this.#limit > this.delivered) this.delivered = this.#limit;
    if (this.#newest <= this.#limit) this.#empty = true;
    this.#limit = this.#newest;
  }
}
