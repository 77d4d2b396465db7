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

/** Which slice of a stretch is the longest, of those that have a length above 0. */
export class Longest {
  /** Lengths: of all slices, of the longest of each 16, of the longest of each 256, ... */
  readonly #lengths: Float32Array[];
  /** Which slice it is, for each length but those of the slices themselves. */
  readonly #rows: Int32Array[] = [];

  /** `lengths` has 0 for slices that do not count. */
  constructor(lengths: Float32Array) {
    this.#lengths = [lengths];
    for (let below = lengths, level = 0; below.length > 1; level++) {
      const size = Math.ceil(below.length / FAN);
      const most = new Float32Array(size);
      const rows = new Int32Array(size).fill(-1);
      for (let i = 0; i < size; i++) {
        const end = Math.min((i + 1) * FAN, below.length);
        for (let k = i * FAN; k < end; k++) {
          if (!(below[k]! > most[i]!)) continue;
          most[i] = below[k]!;
          rows[i] = level === 0 ? k : this.#rows[level - 1]![k]!;
        }
      }
      this.#lengths.push(most);
      this.#rows.push(rows);
      below = most;
    }
  }

  /** The longest of the slices from `first` up to and without `end`; -1 where none counts. */
  of(first: number, end: number): number {
    let best = -1;
    let most = 0;
    for (let level = 0, low = first, high = end; low < high; level++) {
      const lengths = this.#lengths[level]!;
      const rows = this.#rows[level - 1];
      const all = high - low <= FAN || level + 1 === this.#lengths.length;
      const head = all ? high : Math.ceil(low / FAN) * FAN;
      for (; low < head; low++) {
        if (!(lengths[low]! > most)) continue;
        most = lengths[low]!;
        best = rows === undefined ? low : rows[low]!;
      }
      if (all) break;
      while (high % FAN !== 0) {
        high--;
        if (!(lengths[high]! > most)) continue;
        most = lengths[high]!;
        best = rows === undefined ? high : rows[high]!;
      }
      low /= FAN;
      high /= FAN;
    }
    return best;
  }
}
