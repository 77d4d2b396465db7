import { firstAbove } from "../trace/time_order.ts";
import type { DictColumn } from "../frame/column.ts";
import type { Trace } from "../trace/trace.ts";
import { interrupts } from "./interrupts.ts";

/** A stretch that an interrupt took: `row` is that of {@linkcode interrupts}. */
export type TakeInterrupt = (kind: "irq" | "softirq", ns: number, row: number) => void;

/** Interrupts nest at most a few deep: so many rows back are enough to find all that a time lies in. */
const DEEPEST = 8;

/** What interrupts took of stretches of CPUs' time. */
export class InterruptTimes {
  /** The name of each interrupt, by row. */
  readonly names: DictColumn;
  readonly #ts: Float64Array;
  readonly #dur: Float64Array;
  readonly #kind: ArrayLike<number>;
  readonly #softirq: number;
  readonly #range = new Map<number, { from: number; to: number }>();

  /** Takes the interrupts that `trace` has recorded; it may have none. */
  constructor(trace: Trace) {
    const slices = interrupts(trace);
    this.names = slices.column("name");
    this.#ts = slices.column("ts");
    this.#dur = slices.column("dur");
    const kind = slices.column("kind");
    this.#kind = kind.codes;
    this.#softirq = kind.dictionary.indexOf("softirq");
    slices.column("cpu").forEach((cpu, row) => {
      const range = this.#range.get(cpu);
      if (range === undefined) this.#range.set(cpu, { from: row, to: row + 1 });
      else range.to = row + 1;
    });
  }

  /**
   * Calls `take` for what interrupts took of `cpu` in [from, to), and returns what they left, ns. A hard interrupt that comes during a
   * softirq counts as irq: it is taken off the softirq's time, which `take` then gets as a negative number.
   */
  within(cpu: number, from: number, to: number, take: TakeInterrupt): number {
    const range = this.#range.get(cpu);
    let left = to - from;
    if (range === undefined) return left;
    const ts = this.#ts;
    let irqUntil = from;
    let softUntil = from;
    for (let i = this.#first(range, from); i < range.to && ts[i]! < to; i++) {
      const soft = this.#kind[i] === this.#softirq;
      const b = Math.min(to, ts[i]! + this.#dur[i]!);
      const a = Math.max(ts[i]!, soft ? softUntil : irqUntil, from);
      if (b <= a) continue;
      if (soft) {
        softUntil = b;
        take("softirq", b - a, i);
      } else {
        irqUntil = b;
        const within = Math.max(0, Math.min(b, softUntil) - a);
        if (within > 0) take("softirq", -within, -1);
        left += within;
        take("irq", b - a, i);
      }
      left -= b - a;
    }
    return left;
  }

  /** The innermost interrupt that `cpu` handled at `time`, ends included: its row; -1 where none was. */
  at(cpu: number, time: number): number {
    const range = this.#range.get(cpu);
    if (range === undefined) return -1;
    const from = firstAbove(this.#ts, range.from, range.to, time);
    for (let row = from - 1; row >= Math.max(range.from, from - DEEPEST); row--) {
      if (this.#ts[row]! + this.#dur[row]! >= time) return row;
    }
    return -1;
  }

  /** First row of `range` that may reach past `time`. */
  #first(range: { from: number; to: number }, time: number): number {
    const from = firstAbove(this.#ts, range.from, range.to, time);
    let first = Math.max(range.from, from - DEEPEST);
    while (first < from && this.#ts[first]! + this.#dur[first]! <= time) first++;
    return first;
  }
}
