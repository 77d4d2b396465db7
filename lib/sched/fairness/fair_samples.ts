/** What changed in each bin of time: rows by bin, only of threads or groups that ran or were runnable in it. Times are ns. */
export interface FairSamples {
  readonly bin: Int32Array;
  readonly entity: Int32Array;
  readonly service: Float64Array;
  readonly entitled: Float64Array;
  readonly demand: Float64Array;
}

/** Gathers samples in columns that grow. */
export class SampleBuilder {
  #rows = 0;
  #bin = new Int32Array(1024);
  #entity = new Int32Array(1024);
  #service = new Float64Array(1024);
  #entitled = new Float64Array(1024);
  #demand = new Float64Array(1024);

  /** Adds a row. */
  add(bin: number, entity: number, service: number, entitled: number, demand: number): void {
    if (this.#rows === this.#bin.length) {
      this.#bin = twice(this.#bin);
      this.#entity = twice(this.#entity);
      this.#service = twice(this.#service);
      this.#entitled = twice(this.#entitled);
      this.#demand = twice(this.#demand);
    }
    const row = this.#rows++;
    this.#bin[row] = bin;
    this.#entity[row] = entity;
    this.#service[row] = service;
    this.#entitled[row] = entitled;
    this.#demand[row] = demand;
  }

  /** All rows so far. */
  columns(): FairSamples {
    return {
      bin: this.#bin.subarray(0, this.#rows),
      entity: this.#entity.subarray(0, this.#rows),
      service: this.#service.subarray(0, this.#rows),
      entitled: this.#entitled.subarray(0, this.#rows),
      demand: this.#demand.subarray(0, this.#rows),
    };
  }
}

function twice<A extends Float64Array | Int32Array>(column: A): A {
  const wider = new (column.constructor as new (length: number) => A)(column.length * 2);
  wider.set(column);
  return wider;
}
