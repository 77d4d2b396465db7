import type { CpuCursor } from "./cpu_cursor.ts";

/**
 * Goes over the rows of all cursors in one order in time, in runs of rows that follow each other on one CPU. Equal stamps keep
 * the order of the cursors, and on a CPU the order of its rows.
 *
 * A binary heap of the CPUs' next rows: n rows of k CPUs cost n log k compares, one where a CPU's run goes on.
 */
export class MergedCursors {
  /** The run's CPU; of its records, rows {@linkcode MergedCursors.from} to {@linkcode MergedCursors.to}. */
  cursor: CpuCursor;
  from = 0;
  to = 0;
  readonly #cursors: readonly CpuCursor[];
  readonly #heads: Float64Array;
  readonly #heap: number[] = [];

  /** Loads the first page of each. There must be one cursor at least. */
  constructor(cursors: readonly CpuCursor[]) {
    this.#cursors = cursors;
    this.cursor = cursors[0]!;
    this.#heads = new Float64Array(cursors.length);
    for (let i = 0; i < cursors.length; i++) {
      const cursor = cursors[i]!;
      if (!cursor.next()) continue;
      this.#heads[i] = cursor.records.ts[cursor.row]!;
      this.#heap.push(i);
    }
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at);
    this.cursor = cursors[this.#heap[0] ?? 0]!;
  }

  /** Goes on to the next run; false where there is none. What the last one was is not to be looked at any more. */
  next(): boolean {
    const heap = this.#heap;
    const heads = this.#heads;
    if (heap.length === 0) return false;
    // The run before ended here: its CPU has to find its place again.
    if (this.to > 0) {
      const last = this.cursor;
      if (last.row < last.end || last.next()) heads[heap[0]!] = last.records.ts[last.row]!;
      else {
        const moved = heap.pop()!;
        if (heap.length === 0) return false;
        heap[0] = moved;
      }
      this.#sink(0);
    }
    const first = heap[0]!;
    const cursor = this.#cursors[first]!;
    // Its rows come first up to those of the CPU that is second.
    let second = heap.length > 1 ? heap[1]! : -1;
    if (heap.length > 2 && this.#less(heap[2]!, second)) second = heap[2]!;
    const bound = second < 0 ? Infinity : heads[second]!;
    const { end, row: from, records: { ts } } = cursor;
    let row = from + 1;
    if (second < 0) row = end;
    else if (first < second) { while (row < end && ts[row]! <= bound) row++; }
    else while (row < end && ts[row]! < bound) row++;
    cursor.row = row;
    this.cursor = cursor;
    this.from = from;
    this.to = row;
    return true;
  }

  #less(x: number, y: number): boolean {
    const heads = this.#heads;
    return heads[x]! < heads[y]! || (heads[x] === heads[y] && x < y);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moving = heap[from]!;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#less(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#less(heap[child]!, moving)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moving;
  }
}
