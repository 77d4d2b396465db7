/** Lengths of episodes, each of some key, in memory that grows. */
export class Episodes {
  #length = 0;
  #key = new Int32Array(256);
  #dur = new Float64Array(256);
  #cut = new Uint8Array(256);

  /** An episode of `key` that lasted `dur` ns, or longer where it is `cut`. */
  add(key: number, dur: number, cut: boolean): void {
    if (this.#length === this.#key.length) this.#grow();
    this.#key[this.#length] = key;
    this.#dur[this.#length] = dur;
    this.#cut[this.#length++] = cut ? 1 : 0;
  }

  /** What the episodes of each key from 0 to `keys` - 1 come to. Those longer than `epsilon` ns are summed up apart. */
  summary(keys: number, epsilon: number): EpisodeSummary {
    const start = new Int32Array(keys + 1);
    for (let i = 0; i < this.#length; i++) start[this.#key[i]! + 1]!++;
    for (let key = 0; key < keys; key++) start[key + 1]! += start[key]!;
    const sorted = new Float64Array(this.#length);
    const put = start.slice();
    const cut = new Int32Array(keys);
    for (let i = 0; i < this.#length; i++) {
      const key = this.#key[i]!;
      sorted[put[key]!++] = this.#dur[i]!;
      cut[key]! += this.#cut[i]!;
    }
    const time = new Float64Array(keys);
    const beyond = new Float64Array(keys);
    const count = new Int32Array(keys);
    const beyondCount = new Int32Array(keys);
    for (let key = 0; key < keys; key++) {
      const end = start[key + 1]!;
      count[key] = end - start[key]!;
      if (count[key]! > 1) sorted.subarray(start[key]!, end).sort();
      for (let i = start[key]!; i < end; i++) {
        time[key]! += sorted[i]!;
        if (sorted[i]! <= epsilon) continue;
        beyond[key]! += sorted[i]!;
        beyondCount[key]!++;
      }
    }
    const percentile = (p: number) =>
      Float64Array.from(count, (n, key) => n === 0 ? NaN : sorted[start[key]! + Math.ceil(p * n) - 1]!);
    return {
      time,
      count,
      beyond,
      beyondCount,
      cut,
      p50: percentile(0.5),
      p99: percentile(0.99),
      max: percentile(1),
    };
  }

  #grow(): void {
    const key = new Int32Array(this.#key.length * 2);
    const dur = new Float64Array(key.length);
    const cut = new Uint8Array(key.length);
    key.set(this.#key);
    dur.set(this.#dur);
    cut.set(this.#cut);
    [this.#key, this.#dur, this.#cut] = [key, dur, cut];
  }
}

/** Figures by key; every time in ns. */
export interface EpisodeSummary {
  /** All together. */
  readonly time: Float64Array;
  /** How many. */
  readonly count: Int32Array;
  /** Those longer than epsilon together. */
  readonly beyond: Float64Array;
  /** How many are longer than epsilon. */
  readonly beyondCount: Int32Array;
  /** How many are cut by an edge or a hole. */
  readonly cut: Int32Array;
  /** Exact percentiles: the smallest length that half of them do not exceed; NaN where there is none. */
  readonly p50: Float64Array;
  readonly p99: Float64Array;
  readonly max: Float64Array;
}
