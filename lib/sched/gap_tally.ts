import { CAUSE, GAP_CAUSES } from "./gap_cause.ts";

/** Causes of which it is kept who took how much. */
const BLAMED = [CAUSE.preempted, CAUSE.queued, CAUSE["forced idle"], CAUSE.migrated];
const SLOT = new Int8Array(GAP_CAUSES.length).fill(-1);
BLAMED.forEach((cause, slot) => SLOT[cause] = slot);

/** Who took the most of a gap. */
export interface Culprit {
  /** Switch (row of `trace.switches`) that put it on the CPU. */
  readonly row: number;
  readonly cpu: number;
}

/** ns of a gap by cause, and by who was in the way. Used for one gap after another. */
export class GapTally {
  readonly parts = new Float64Array(GAP_CAUSES.length);
  readonly cpuOf = new Int32Array(GAP_CAUSES.length).fill(-1);
  readonly #threads: number;
  /** By slot of the cause and number of the thread: its ns, and where it began. */
  readonly #ns: Float64Array;
  readonly #row: Uint32Array;
  readonly #cpu: Int32Array;
  readonly #touched: number[] = [];
  /** By interrupt's name and whether it is a softirq. */
  readonly #interrupts = [new Map<string, number>(), new Map<string, number>()];

  /** For traces with `threads` threads, numbered from 0 on. */
  constructor(threads: number) {
    this.#threads = threads;
    this.#ns = new Float64Array(threads * BLAMED.length);
    this.#row = new Uint32Array(threads * BLAMED.length);
    this.#cpu = new Int32Array(threads * BLAMED.length);
  }

  reset(): void {
    this.parts.fill(0);
    this.cpuOf.fill(-1);
    for (const at of this.#touched) this.#ns[at] = 0;
    this.#touched.length = 0;
    for (const names of this.#interrupts) names.clear();
  }

  /** Adds `ns` of `cause` on `cpu`. */
  add(cause: number, ns: number, cpu: number): void {
    if (ns <= 0) return;
    this.parts[cause]! += ns;
    this.cpuOf[cause] = cpu;
  }

  /** Adds `ns` of `cause`, by the thread numbered `who`, whom switch `row` put on `cpu`. */
  blame(cause: number, ns: number, who: number, row: number, cpu: number): void {
    if (ns <= 0) return;
    this.parts[cause]! += ns;
    this.cpuOf[cause] = cpu;
    const at = SLOT[cause]! * this.#threads + who;
    if (this.#ns[at] === 0) {
      this.#touched.push(at);
      this.#row[at] = row;
      this.#cpu[at] = cpu;
    }
    this.#ns[at]! += ns;
  }

  /** Adds `ns` (or takes them back, where negative) of an interrupt. */
  interrupt(kind: "irq" | "softirq", ns: number, name: string, cpu: number): void {
    const cause = CAUSE[kind];
    this.parts[cause]! += ns;
    this.cpuOf[cause] = cpu;
    if (ns <= 0) return;
    const names = this.#interrupts[kind === "irq" ? 0 : 1]!;
    names.set(name, (names.get(name) ?? 0) + ns);
  }

  /** Who took the most of `cause`; undefined where nobody is known. */
  worst(cause: number): Culprit | undefined {
    const slot = SLOT[cause]!;
    if (slot < 0) return undefined;
    let worst = -1;
    for (const at of this.#touched) {
      if (Math.floor(at / this.#threads) === slot && (worst < 0 || this.#ns[at]! > this.#ns[worst]!)) {
        worst = at;
      }
    }
    return worst < 0 ? undefined : { row: this.#row[worst]!, cpu: this.#cpu[worst]! };
  }

  /** The interrupt that took the most; empty without one. */
  worstInterrupt(kind: "irq" | "softirq"): string {
    let worst = "";
    let most = 0;
    for (const [name, ns] of this.#interrupts[kind === "irq" ? 0 : 1]!) {
      if (ns > most) [worst, most] = [name, ns];
    }
    return worst;
  }

  /** Puts the rounding error of the additions into the largest part, so that the parts add up to `total` exactly. */
  settle(total: number): void {
    const largest = this.largest();
    let sum = 0;
    for (const part of this.parts) sum += part;
    this.parts[largest]! += total - sum;
  }

  /** The cause with the most ns. */
  largest(): number {
    let largest = 0;
    for (let i = 1; i < this.parts.length; i++) if (this.parts[i]! > this.parts[largest]!) largest = i;
    return largest;
  }
}
