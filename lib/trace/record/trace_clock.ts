import * as fs from "node:fs";
import process from "node:process";
import type { CaptureMoment } from "../tracefs/meta.ts";

/** Readings of which the one made in the least time counts. */
const SAMPLES = 30;

/** A trace clock's reading and this process's own clock at the same time. */
interface Reading {
  /** Ticks, or ns, of the trace clock. */
  readonly clock: bigint;
  /** ns of `process.hrtime`, which runs as CLOCK_MONOTONIC does, from another start. */
  readonly own: bigint;
}

/**
 * Tells the time by the clocks of a tracefs instance.
 *
 * tracefs itself is the clock: `per_cpu/cpuN/stats` ends with the trace clock's reading, in ticks where it
 * counts ticks and to a microsecond where it counts ns. Of several readings, the one made fastest is taken.
 */
export class InstanceClock implements Disposable {
  readonly #instance: string;
  readonly #stats: number;
  readonly #buffer = new Uint8Array(4096);
  /** CLOCK_MONOTONIC less `process.hrtime`. */
  readonly #monotonic: bigint;
  #first: Reading | undefined;
  #last: Reading | undefined;

  /** Sets the clock of the instance at `path` to `name`, by way of `mono`; its buffer must be empty. */
  constructor(path: string, name: string, cpu: number) {
    this.#instance = path;
    this.#stats = fs.openSync(`${path}/per_cpu/cpu${cpu}/stats`, "r");
    try {
      this.#set("mono");
      const { clock, own } = this.#read();
      this.#monotonic = clock - own;
      if (name !== "mono") this.#set(name);
    } catch (error) {
      fs.closeSync(this.#stats);
      throw error;
    }
  }

  /** This moment by the wall, CLOCK_MONOTONIC and the trace clock. */
  now(): CaptureMoment {
    const reading = this.#read();
    this.#first ??= reading;
    this.#last = reading;
    return {
      wall: String(reading.own + wallLessOwn()),
      mono: String(reading.own + this.#monotonic),
      clock: String(reading.clock),
    };
  }

  /**
   * Ticks in a second of CLOCK_MONOTONIC from the first to the last call of {@linkcode InstanceClock.now}, to a thousandth; good to a
   * few microseconds over the time between the two.
   */
  get hz(): number | undefined {
    const first = this.#first;
    const last = this.#last;
    if (first === undefined || last === undefined || last.own <= first.own) return undefined;
    return Number((last.clock - first.clock) * 1_000_000_000_000n / (last.own - first.own)) / 1000;
  }

  /** Closes what it reads from. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#stats);
  }

  #set(name: string): void {
    Deno.writeTextFileSync(`${this.#instance}/trace_clock`, name, { create: false });
  }

  #read(): Reading {
    let best: Reading | undefined;
    let least = 0n;
    for (let i = 0; i < SAMPLES; i++) {
      const before = process.hrtime.bigint();
      const length = fs.readSync(this.#stats, this.#buffer, 0, this.#buffer.length, 0);
      const after = process.hrtime.bigint();
      if (best !== undefined && after - before >= least) continue;
      least = after - before;
      const text = String.fromCharCode(...this.#buffer.subarray(0, length));
      const match = /^now ts:\s*(\d+)(?:\.(\d{6}))?$/m.exec(text);
      if (match === null) {
        throw new Error(
          `Expected now ts: in ${this.#instance}/per_cpu stats but found ${JSON.stringify(text)}`,
        );
      }
      const clock = match[2] === undefined ? BigInt(match[1]!) : BigInt(match[1]! + match[2]) * 1000n + 500n;
      best = { clock, own: before + (after - before) / 2n };
    }
    return best!;
  }
}

/** Wall-clock time less `process.hrtime`. */
function wallLessOwn(): bigint {
  let best = 0n;
  let least: bigint | undefined;
  for (let i = 0; i < SAMPLES; i++) {
    const before = process.hrtime.bigint();
    const wall = Temporal.Now.instant().epochNanoseconds;
    const after = process.hrtime.bigint();
    if (least !== undefined && after - before >= least) continue;
    least = after - before;
    best = wall - before - least / 2n;
  }
  return best;
}
