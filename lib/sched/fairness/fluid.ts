/**
 * The generalized-multiprocessor-sharing fluid over time, for threads that come and go and of which each wants a whole CPU while
 * it is there: what `entitlement` has for one moment, kept up to date at the cost of one step for each different weight.
 *
 * With groups the CPUs are shared among the groups first, by the groups' weights, where a group can use as many CPUs as it has
 * threads, and what a group has is shared among its threads; threads of no group stand beside the groups, as those of the
 * root cgroup do. A bucket is what threads of one weight and one group have in common.
 */
export class Fluid {
  /** Different weights of threads, the heaviest first. */
  readonly weights: Float64Array;
  /** Threads of each bucket that want a CPU. */
  readonly count: Int32Array;
  /** CPUs that one thread of each bucket is entitled to now. */
  readonly rate: Float64Array;
  /** ns gone. */
  clock = 0;
  /** ns in which there were more threads than CPUs. */
  saturated = 0;
  /** Of each bucket, as of the last change: ns that a thread would have been entitled to had it been there from the start on. */
  readonly #entitled: Float64Array;
  readonly #groupWeight: Float64Array;
  /** Threads of each group; the groups that have some. */
  readonly #size: Int32Array;
  readonly #active: number[] = [];
  readonly #room: Float64Array;
  readonly #order: number[] = [];
  #changed = 0;
  #cpus: number;
  #wanted = 0;
  #stale = true;

  /** On `cpus` CPUs, with groups of these weights. Default: no groups. */
  constructor(weights: Iterable<number>, cpus: number, groups: ArrayLike<number> = []) {
    this.weights = Float64Array.from(new Set(weights)).sort().reverse();
    const buckets = this.weights.length * (groups.length + 1);
    this.count = new Int32Array(buckets);
    this.rate = new Float64Array(buckets);
    this.#entitled = new Float64Array(buckets);
    // Each bucket of those that are of no group stands beside the groups.
    this.#groupWeight = Float64Array.from(groups);
    this.#size = new Int32Array(groups.length);
    this.#room = new Float64Array(groups.length + this.weights.length);
    this.#cpus = cpus;
  }

  /** CPUs that the threads share. */
  get cpus(): number {
    return this.#cpus;
  }

  set cpus(cpus: number) {
    this.#cpus = cpus;
    this.#stale = true;
  }

  /** Whether the rates are those of before the last change. */
  get stale(): boolean {
    return this.#stale;
  }

  /** The bucket of threads of `weights[index]` in `group`; -1 for no group. */
  bucket(index: number, group = -1): number {
    return (group + 1) * this.weights.length + index;
  }

  /** The weight of a bucket's threads. */
  weightOf(bucket: number): number {
    return this.weights[bucket % this.weights.length]!;
  }

  /** ns that a thread of the bucket would have been entitled to by now; only differences mean anything. */
  entitledOf(bucket: number): number {
    return this.#entitled[bucket]! + this.rate[bucket]! * (this.clock - this.#changed);
  }

  /** A thread of the bucket comes (1) or goes (-1). */
  add(bucket: number, by: 1 | -1): void {
    this.count[bucket]! += by;
    this.#wanted += by;
    this.#stale = true;
    const group = Math.floor(bucket / this.weights.length) - 1;
    if (group < 0) return;
    this.#size[group]! += by;
    if (by === 1 && this.#size[group] === 1) this.#active.push(group);
    else if (this.#size[group] === 0) {
      const last = this.#active.pop()!;
      if (last !== group) this.#active[this.#active.indexOf(group)] = last;
    }
  }

  /** Makes the rates those of the threads that are there now. */
  settle(): void {
    this.#stale = false;
    const width = this.weights.length;
    const time = this.clock - this.#changed;
    this.#changed = this.clock;
    for (let bucket = 0; bucket < width; bucket++) this.#entitled[bucket]! += this.rate[bucket]! * time;
    for (const group of this.#active) {
      for (let bucket = (group + 1) * width; bucket < (group + 2) * width; bucket++) {
        this.#entitled[bucket]! += this.rate[bucket]! * time;
      }
    }
    if (this.#size.length === 0) this.#fill(0, this.#cpus, this.#wanted);
    else this.#share();
  }

  /** `ns` pass. */
  elapse(ns: number): void {
    this.clock += ns;
    if (this.#wanted > this.#cpus) this.saturated += ns;
  }

  /** Shares the CPUs among the groups, and each bucket of no group as one more, and within each group. */
  #share(): void {
    const width = this.weights.length;
    const groups = this.#size.length;
    const order = this.#order;
    order.length = 0;
    order.push(...this.#active);
    for (let index = 0; index < width; index++) if (this.count[index]! > 0) order.push(groups + index);
    const size = (one: number) => one < groups ? this.#size[one]! : this.count[one - groups]!;
    const weight = (one: number) =>
      one < groups ? this.#groupWeight[one]! : this.weights[one - groups]! * this.count[one - groups]!;
    // First those that are full with the least.
    order.sort((x, y) => size(x) * weight(y) - size(y) * weight(x) || x - y);
    const room = this.#room;
    let left = this.#cpus;
    let load = 0;
    for (const one of order) load += weight(one);
    let full = left > 0;
    for (const one of order) {
      full &&= size(one) * load <= weight(one) * left;
      if (full) {
        room[one] = size(one);
        left -= size(one);
        load -= weight(one);
      } else room[one] = left <= 0 ? 0 : weight(one) * left / load;
    }
    for (const one of order) {
      if (one < groups) this.#fill((one + 1) * width, room[one]!, size(one));
      else this.rate[one - groups] = room[one]! / size(one);
    }
    // Who comes first of its weight outside of the groups has been given nothing yet.
    for (let index = 0; index < width; index++) if (this.count[index] === 0) this.rate[index] = 0;
  }

  /** Shares `cpus` among `wanted` threads in the buckets from `first` on, by water-filling. */
  #fill(first: number, cpus: number, wanted: number): void {
    const { weights, count, rate } = this;
    const width = weights.length;
    if (wanted <= cpus) {
      rate.fill(1, first, first + width);
      return;
    }
    let left = Math.max(0, cpus);
    // The heaviest first: whose weight is above lambda has a whole CPU, and what it leaves over is the others'.
    let lambda = Infinity;
    for (let index = 0; index < width; index++) {
      if (count[first + index] === 0) continue;
      const level = this.#load(first, index) / left;
      if (weights[index]! > level) {
        left -= count[first + index]!;
        continue;
      }
      lambda = level;
      break;
    }
    for (let index = 0; index < width; index++) rate[first + index] = Math.min(1, weights[index]! / lambda);
  }

  /** Weights of the threads that are no heavier than `from`, from the lightest on, so that no large number hides small ones. */
  #load(first: number, from: number): number {
    let load = 0;
    for (let index = this.weights.length - 1; index >= from; index--) {
      load += this.weights[index]! * this.count[first + index]!;
    }
    return load;
  }
}
