import { DictColumn } from "../frame/column.ts";
import { decodeTaskName } from "./task_name.ts";
import { traceText } from "./trace_text.ts";

/**
 * Numbers byte strings in order of first appearance, without making a JavaScript string for more than the first of each.
 *
 * An open-addressing hash table over the bytes: a column of 1.5 M task names costs a hash and a compare for each row.
 */
export class TextTable {
  #slots = new Int32Array(256).fill(-1);
  #bytes = new Uint8Array(4096);
  #used = 0;
  /** Start of each string in `#bytes`; one more entry than strings. */
  #starts: number[] = [0];
  readonly #hashes: number[] = [];

  /** Number of different strings so far. */
  get size(): number {
    return this.#hashes.length;
  }

  /** The number of the string in `bytes` from `start` up to a NUL byte or `end`. */
  add(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    let stop = start;
    for (; stop < end; stop++) {
      const byte = bytes[stop]!;
      if (byte === 0) break;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    hash ^= hash >>> 15;
    const length = stop - start;
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const code = this.#slots[slot]!;
      if (code < 0) return this.#insert(slot, hash, bytes, start, length);
      if (this.#hashes[code] === hash && this.#equals(code, bytes, start, length)) return code;
    }
  }

  /** Whether the string numbered `code` is the one in `bytes` from `start` to `end`: less work than to look for it. */
  is(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    return code < this.#hashes.length && this.#equals(code, bytes, start, end - start);
  }

  /**
   * The strings with codes pointing at them: safe to print, so that strings that print alike become one, or with
   * `exact` as {@linkcode decodeTaskName} has them, so that the bytes can be had back.
   */
  column(codes: Uint32Array, exact = false): DictColumn {
    const dictionary: string[] = [];
    const index = new Map<string, number>();
    const merged = new Uint32Array(this.size);
    for (let code = 0; code < this.size; code++) {
      const from = this.#starts[code]!;
      const to = this.#starts[code + 1]!;
      const text = exact ? decodeTaskName(this.#bytes.subarray(from, to)) : traceText(this.#bytes, from, to);
      let at = index.get(text);
      if (at === undefined) index.set(text, at = dictionary.push(text) - 1);
      merged[code] = at;
    }
    if (dictionary.length < this.size) {
      for (let i = 0; i < codes.length; i++) {
        codes[i] = merged[codes[i]!]!;
      }
    }
    return new DictColumn(codes, dictionary);
  }

  #equals(code: number, bytes: Uint8Array, start: number, length: number): boolean {
    const from = this.#starts[code]!;
    if (this.#starts[code + 1]! - from !== length) return false;
    const own = this.#bytes;
    for (let i = 0; i < length; i++) if (own[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #insert(slot: number, hash: number, bytes: Uint8Array, start: number, length: number): number {
    if (this.#used + length > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + length));
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes.set(bytes.subarray(start, start + length), this.#used);
    this.#used += length;
    this.#starts.push(this.#used);
    const code = this.#hashes.push(hash) - 1;
    this.#slots[slot] = code;
    if (this.size * 2 > this.#slots.length) this.#grow();
    return code;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let code = 0; code < this.size; code++) {
      let slot = this.#hashes[code]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
    this.#slots = slots;
  }
}
