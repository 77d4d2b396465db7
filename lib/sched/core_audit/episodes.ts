/** Lengths of episodes, each of some key, in memory that grows. */
export class Episodes {
  #length = 0;
  #key = new Int32Array(256);
  #dur = new Float64Array(256);
  #cut = new Uint8Array(256);
  #from = new Float64Array(256);
  #place = new Int32Array(256);

  /** An episode of `key` that began at `from` and lasted `dur` ns, or longer where it is `cut`; `place` is handed through. */
  add(key: number, from: number, dur: number, cut: boolean, place: number = 0): void {
    if (this.#length === this.#key.length) this.#grow();
    this.#key[this.#length] = key;
    this.#from[this.#length] = from;
    this.#place[this.#length] = place;
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

  /** The `most` longest episodes whose key `counts`, the longest first, those of the same length by their start. */
  longest(most: number, counts: (key: number) => boolean = () => true): EpisodeRow[] {
    let rows: number[] = [];
    let least = -1;
    const byLength = (a: number, b: number) =>
      this.#dur[b]! - this.#dur[a]! || this.#from[a]! - this.#from[b]!;
    for (let i = 0; i < this.#length; i++) {
      if (this.#dur[i]! < least || !counts(this.#key[i]!)) continue;
      rows.push(i);
      if (rows.length < 2 * most + 64) continue;
      rows = rows.sort(byLength).slice(0, most);
      least = rows.length < most || most === 0 ? least : this.#dur[rows[most - 1]!]!;
    }
    return rows.sort(byLength).slice(0, most).map((i) => ({
      key: this.#key[i]!,
      from: this.#from[i]!,
      dur: this.#dur[i]!,
      place: this.#place[i]!,
      cut: this.#cut[i] === 1,
    }));
  }

  #grow(): void {
    const wider = <A extends Int32Array | Float64Array | Uint8Array>(column: A): A => {
      const out = new (column.constructor as new (length: number) => A)(column.length * 2);
      out.set(column);
      return out;
    };
    this.#key = wider(this.#key);
    this.#from = wider(this.#from);
    this.#dur = wider(this.#dur);
    this.#place = wider(this.#place);
    this.#cut = wider(this.#cut);
  }
}

/** One episode. */
export interface EpisodeRow {
  readonly key: number;
  /** ns since the epoch. */
  readonly from: number;
  /** ns. */
  readonly dur: number;
  /** What was handed through. */
  readonly place: number;
  /** Whether an edge or a hole cuts it. */
  readonly cut: boolean;
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
