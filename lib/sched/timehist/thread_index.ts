/** PID_MAX_LIMIT: no tid of a sound recording is above it. */
const DIRECT = 4194304;

/**
 * Numbers threads from 0 on in order of appearance. A tid that is used again by a new thread gets a new number. Any int32
 * may come as a tid: what a damaged file holds costs no more memory than what a sound one does.
 */
export class ThreadIndex {
  /** Number + 1 by tid; 0 = none. */
  #slots = new Int32Array(1 << 15);
  readonly #odd = new Map<number, number>();
  readonly #tids: number[] = [];

  /** How many threads there are. */
  get size(): number {
    return this.#tids.length;
  }

  /** The tid of thread `index`. */
  tid(index: number): number {
    return this.#tids[index]!;
  }

  /** The tid of every thread. */
  tids(): Int32Array {
    return Int32Array.from(this.#tids);
  }

  /** The number of the thread that has `tid` now; -1 where there is none. */
  find(tid: number): number {
    if (tid >= 0 && tid <= DIRECT) return tid < this.#slots.length ? this.#slots[tid]! - 1 : -1;
    return this.#odd.get(tid) ?? -1;
  }

  /** Makes a new thread for `tid`, which from now on is the one that has it. */
  add(tid: number): number {
    const index = this.#tids.push(tid) - 1;
    if (tid >= 0 && tid <= DIRECT) {
      if (tid >= this.#slots.length) {
        const wider = new Int32Array(Math.min(DIRECT + 1, Math.max(tid + 1, this.#slots.length * 2)));
        wider.set(this.#slots);
        this.#slots = wider;
      }
      this.#slots[tid] = index + 1;
    } else this.#odd.set(tid, index);
    return index;
  }
}
