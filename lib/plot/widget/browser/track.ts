/** Slices between two entries of the sums. */
const BLOCK = 16;
/** So many slices are sooner added up one by one than by the sums. */
export const FEW = 2 * BLOCK;

/**
 * Slices that follow one another without a gap: slice `i` lasts from `time[i]` to `time[i + 1]`, and has a category. What is
 * asked for any stretch of time is answered exactly and in about the time of a binary search, however many slices lie in it.
 */
export class Track {
  /** Boundaries, ns; one more than there are slices. */
  readonly time: Float64Array;
  /** Category of each slice. */
  readonly category: Uint8Array;
  readonly categories: number;
  /** Time of every BLOCK-th slice, close together. */
  readonly #starts: Float64Array;
  /** ns of each category before every BLOCK-th slice. */
  readonly #sums: Float64Array;

  constructor(time: Float64Array, category: Uint8Array, categories: number) {
    this.time = time;
    this.category = category;
    this.categories = categories;
    const rows = category.length;
    const blocks = Math.ceil(rows / BLOCK);
    this.#starts = new Float64Array(blocks);
    this.#sums = new Float64Array((blocks + 1) * categories);
    for (let block = 0; block < blocks; block++) {
      const first = block * BLOCK;
      const end = Math.min(rows, first + BLOCK);
      this.#starts[block] = time[first]!;
      const at = block * categories;
      for (let k = 0; k < categories; k++) this.#sums[at + categories + k] = this.#sums[at + k]!;
      for (let row = first; row < end; row++) {
        this.#sums[at + categories + category[row]!]! += time[row + 1]! - time[row]!;
      }
    }
  }

  /** Number of slices. */
  get length(): number {
    return this.category.length;
  }

  /** The slice that holds `t`; -1 before the first, `length` after the last. `hint` is a slice not after it. */
  rowAt(t: number, hint = 0): number {
    const { time, length } = this;
    if (length === 0 || t < time[0]!) return -1;
    if (t >= time[length]!) return length;
    let row = Math.max(0, hint);
    if (t < time[row + 1]!) return row;
    if (row + 2 <= length && t < time[row + 2]!) return row + 1;
    const starts = this.#starts;
    // Gallops over the blocks, then halves: the next pixel's slice is mostly as far away as this one's was.
    let low = Math.floor(row / BLOCK);
    let step = 1;
    let high = low + 1;
    while (high < starts.length && starts[high]! <= t) {
      low = high;
      step *= 2;
      high = low + step;
    }
    high = Math.min(high, starts.length);
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= t) low = middle;
      else high = middle;
    }
    row = Math.max(row, low * BLOCK);
    while (time[row + 1]! <= t) row++;
    return row;
  }

  /** Adds to `out` the ns of each category between `from`, which slice `first` holds, and `to`, which slice `last` holds. */
  addBetween(from: number, first: number, to: number, last: number, out: Float64Array): void {
    if (last - first <= FEW) return this.#walk(from, Math.max(0, first), to, out, 1);
    this.addBefore(from, first, out, -1);
    this.addBefore(to, last, out, 1);
  }

  /** Adds to `out` `sign` times the ns of each category before `t`, which slice `row` holds. */
  addBefore(t: number, row: number, out: Float64Array, sign: 1 | -1): void {
    if (row < 0) return;
    const { categories, length } = this;
    const block = row >= length ? Math.ceil(length / BLOCK) : Math.floor(row / BLOCK);
    const at = block * categories;
    for (let k = 0; k < categories; k++) out[k]! += sign * this.#sums[at + k]!;
    if (row < length) this.#walk(this.time[block * BLOCK]!, block * BLOCK, t, out, sign);
  }

  #walk(from: number, row: number, to: number, out: Float64Array, sign: number): void {
    const { time, category, length } = this;
    for (; row < length && time[row]! < to; row++) {
      const begin = Math.max(from, time[row]!);
      const end = Math.min(to, time[row + 1]!);
      if (end > begin) out[category[row]!]! += sign * (end - begin);
    }
  }
}

const FAN = 16;

/** Which slice of a stretch is the longest, of those that `weigh` gives more than 0. */
export class Longest {
  readonly #weigh: (row: number) => number;
  readonly #levels: Int32Array[] = [];

  constructor(length: number, weigh: (row: number) => number) {
    this.#weigh = weigh;
    let below: Int32Array | undefined;
    for (let size = Math.ceil(length / FAN); size > 0; size = size === 1 ? 0 : Math.ceil(size / FAN)) {
      const level = new Int32Array(size).fill(-1);
      for (let i = 0; i < size; i++) {
        const end = Math.min((i + 1) * FAN, below === undefined ? length : below.length);
        for (let k = i * FAN; k < end; k++) {
          level[i] = this.#longer(level[i]!, below === undefined ? k : below[k]!);
        }
      }
      this.#levels.push(level);
      below = level;
    }
  }

  /** The longest of the slices from `first` up to and without `end`; -1 where none weighs anything. */
  of(first: number, end: number): number {
    let best = -1;
    let low = first;
    let high = end;
    let level = -1;
    while (low < high) {
      const items = level < 0 ? undefined : this.#levels[level]!;
      const next = this.#levels[level + 1];
      if (next === undefined || high - low <= FAN) {
        for (; low < high; low++) best = this.#longer(best, items === undefined ? low : items[low]!);
        break;
      }
      for (; low % FAN !== 0; low++) best = this.#longer(best, items === undefined ? low : items[low]!);
      for (; high % FAN !== 0; high--) {
        best = this.#longer(best, items === undefined ? high - 1 : items[high - 1]!);
      }
      low /= FAN;
      high /= FAN;
      level++;
    }
    return best;
  }

  #longer(a: number, b: number): number {
    if (b < 0 || !(this.#weigh(b) > 0)) return a;
    return a < 0 || this.#weigh(b) > this.#weigh(a) ? b : a;
  }
}
