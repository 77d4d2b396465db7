import { TextTable } from "../text_table.ts";

/** Largest pid that Linux gives (PID_MAX_LIMIT). */
const MOST = 4 * 1024 * 1024;

/** What each thread was called last, for traces whose lines have `<...>` where the recorder did not know. */
export class ThreadNames {
  readonly #table = new TextTable();
  /** Code of each thread's name, and one more; 0 where there is none. */
  #codes = new Int32Array(1 << 12);

  /** Thread `tid` is called `bytes[from, to)`. Not where that is a stand-in, or `only` where it has no name yet. */
  set(tid: number, bytes: Uint8Array, from: number, to: number, onlyNew: boolean): void {
    if (tid <= 0 || tid >= MOST || to <= from) return;
    if (tid >= this.#codes.length) this.#grow(tid);
    const code = this.#codes[tid]!;
    if (code !== 0 && (onlyNew || this.#table.is(code - 1, bytes, from, to))) return;
    if (bytes[from] === 0x3c && to - from === 5 && bytes[from + 1] === 0x2e) return;
    if (bytes[from] === 0x3a && to - from > 1 && bytes[from + 1]! >= 0x30 && bytes[from + 1]! <= 0x39) return;
    this.#codes[tid] = this.#table.add(bytes, from, to) + 1;
  }

  /** The names by tid. */
  names(): Map<number, string> {
    const tids: number[] = [];
    this.#codes.forEach((code, tid) => {
      if (code !== 0) tids.push(tid);
    });
    const column = this.#table.column(Uint32Array.from(tids, (tid) => this.#codes[tid]! - 1));
    return new Map(tids.map((tid, i) => [tid, column.at(i)]));
  }

  #grow(tid: number): void {
    const wider = new Int32Array(Math.min(MOST, Math.max(tid + 1, this.#codes.length * 2)));
    wider.set(this.#codes);
    this.#codes = wider;
  }
}
