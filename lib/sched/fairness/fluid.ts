/**
 * The generalized-multiprocessor-sharing fluid over time, for threads that come and go and of which each wants a whole CPU while
 * it is there: what `entitlement` has for one moment, kept up to date at the cost of one step for each different weight.
 */
export class Fluid {
  /** Different weights, the heaviest first. */
  readonly weights: Float64Array;
  /** Threads of each weight that want a CPU. */
  readonly count: Int32Array;
  /** CPUs that one thread of each weight is entitled to now. */
  readonly rate: Float64Array;
  /** ns of CPU that one thread of each weight would have got, had it been there from the start on. */
  readonly entitled: Float64Array;
  /** ns gone. */
  clock = 0;
  /** ns in which there were more threads than CPUs. */
  saturated = 0;
  #cpus: number;
  #wanted = 0;
  #stale = true;

  /** On `cpus` CPUs. */
  constructor(weights: Iterable<number>, cpus: number) {
    this.weights = Float64Array.from(new Set(weights)).sort().reverse();
    this.count = new Int32Array(this.weights.length);
    this.rate = new Float64Array(this.weights.length);
    this.entitled = new Float64Array(this.weights.length);
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

  /** A thread of weight `weights[bucket]` comes (1) or goes (-1). */
  add(bucket: number, by: 1 | -1): void {
    this.count[bucket]! += by;
    this.#wanted += by;
    this.#stale = true;
  }

  /** Makes the rates those of the threads that are there now. */
  settle(): void {
    this.#stale = false;
    const { weights, count, rate } = this;
    if (this.#wanted <= this.#cpus) {
      rate.fill(1);
      return;
    }
    let left = Math.max(0, this.#cpus);
    // The heaviest first: whose weight is above lambda has a whole CPU, and what it leaves over is the others'.
    let lambda = Infinity;
    for (let bucket = 0; bucket < weights.length; bucket++) {
      if (lambda === Infinity) {
        if (count[bucket] === 0) continue;
        const level = this.#load(bucket) / left;
        if (weights[bucket]! > level) {
          left -= count[bucket]!;
          continue;
        }
        lambda = level;
      }
    }
    for (let bucket = 0; bucket < weights.length; bucket++) {
      rate[bucket] = Math.min(1, weights[bucket]! / lambda);
    }
  }

  /** `ns` pass. */
  elapse(ns: number): void {
    for (let bucket = 0; bucket < this.rate.length; bucket++) {
      this.entitled[bucket]! += this.rate[bucket]! * ns;
    }
    this.clock += ns;
    if (this.#wanted > this.#cpus) this.saturated += ns;
  }

  /** Weights of the threads that are no heavier than bucket `from`, from the lightest on, so that no large number hides small ones. */
  #load(from: number): number {
    let load = 0;
    for (let bucket = this.weights.length - 1; bucket >= from; bucket--) {
      load += this.weights[bucket]! * this.count[bucket]!;
    }
    return load;
  }
}
