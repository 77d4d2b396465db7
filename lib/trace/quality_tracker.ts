import { type CpuChain, type KnownHole, type Quality, qualityOf } from "./quality.ts";
import { Kind } from "./stream.ts";
import type { RowColumns } from "./stream_builder.ts";

/**
 * Finds what is missing from rows that come piece by piece: losses that were recorded, and switches whose prev_pid is not the
 * next_pid of their CPU's switch before. The rows of each CPU must come in the order of time; those of different CPUs need not.
 */
export class QualityTracker {
  /** Whether the rows of each CPU came in the order of time so far. */
  inOrder = true;
  /** Stamp of the first row; Infinity before it. */
  from = Infinity;
  /** Stamp of the last row; -Infinity before it. */
  to = -Infinity;
  readonly #holes: KnownHole[] = [];
  /** Stamp of each CPU's last row. */
  readonly #recorded = new Float64Array(65536).fill(NaN);
  #switches = new Int32Array(16);
  #breaks = new Int32Array(16);
  #missing = new Float64Array(16);
  #next = new Int32Array(16);
  #last = new Float64Array(16);

  /** Takes rows 0 to `count` of `rows`. Rows without a stamp (-Infinity) are passed over. */
  take(rows: RowColumns, count: number): void {
    const { kind, ts, cpu, a, c } = rows;
    const recorded = this.#recorded;
    for (let i = 0; i < count; i++) {
      const on = cpu[i]!;
      const t = ts[i]!;
      if (t === -Infinity) continue;
      const before = recorded[on]!;
      if (t < before) this.inOrder = false;
      if (t < this.from) this.from = t;
      if (t > this.to) this.to = t;
      const what = kind[i]!;
      recorded[on] = t;
      if (what === Kind.Switch) {
        if (on >= this.#switches.length) this.#widen(on);
        if (this.#switches[on]! > 0 && this.#next[on] !== a[i]) this.#broken(on, t);
        this.#switches[on]!++;
        this.#next[on] = c[i]!;
        this.#last[on] = t;
      } else if (what === Kind.Lost) {
        // The record was written when there was room again: what is missing lies after the CPU's last record.
        this.#holes.push({
          kind: "lost",
          cpu: on,
          from: before === before ? before : -Infinity,
          to: t,
          lost: a[i]! >>> 0,
        });
      }
    }
  }

  /** The quality, with stamps relative to `origin` (by default as they came) and the holes that are known otherwise. */
  finish(known: readonly KnownHole[], origin = 0): Quality {
    // Each CPU's holes came in the order of time; as of all CPUs they are found where they end.
    const found = this.#holes.toSorted((x, y) => x.to - y.to).map((hole) => ({
      ...hole,
      from: Math.max(hole.from, this.from) - origin,
      to: hole.to - origin,
    }));
    const chains: CpuChain[] = [];
    this.#switches.forEach((switches, cpu) => {
      if (switches === 0) return;
      chains.push({ cpu, switches, breaks: this.#breaks[cpu]!, missing: this.#missing[cpu]! });
    });
    return qualityOf([...known, ...found], chains, this.to > this.from ? this.to - this.from : 0);
  }

  #broken(on: number, t: number): void {
    this.#breaks[on]!++;
    this.#missing[on]! += t - this.#last[on]!;
    this.#holes.push({ kind: "chain", cpu: on, from: this.#last[on]!, to: t, lost: 0 });
  }

  #widen(cpu: number): void {
    const cpus = Math.max(cpu + 1, this.#switches.length * 2);
    this.#switches = widened(this.#switches, cpus);
    this.#breaks = widened(this.#breaks, cpus);
    this.#missing = widened(this.#missing, cpus);
    this.#next = widened(this.#next, cpus);
    this.#last = widened(this.#last, cpus);
  }
}

function widened<A extends Int32Array | Float64Array>(column: A, length: number): A {
  const out = new (column.constructor as new (length: number) => A)(length);
  out.set(column);
  return out;
}
