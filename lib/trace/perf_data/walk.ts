import type { ByteSource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import type { Section } from "./header.ts";

/** Takes the record at word `at` of `i32`: its type, its misc bits and its size in words. */
export type Visit = (i32: Int32Array, at: number, type: number, misc: number, words: number) => void;

/**
 * Takes records from word `at` on that it can take faster, up to word `limit`, and returns the word of the first that it
 * did not take.
 */
export type Skim = (i32: Int32Array, at: number, limit: number) => number;

/** A stretch of the file in which no record could be made out. */
export interface Damage {
  readonly kind: "corrupt" | "truncated";
  /** Bytes of the file. */
  readonly from: number;
  readonly to: number;
}

/** Bytes that are read at a time: few enough to stay in the processor's cache until they are parsed. */
const BUFFER = 1 << 16;
const LARGEST_RECORD = 1 << 16;

/** PERF_RECORD_* that the reader treats apart. */
export const RecordType = {
  Mmap: 1,
  Lost: 2,
  Comm: 3,
  Exit: 4,
  Fork: 7,
  Sample: 9,
  LostSamples: 13,
  /** Types from here on are the tool's and not the kernel's. */
  FirstOfTool: 64,
  FinishedRound: 68,
  AuxTrace: 71,
  Compressed: 81,
  Compressed2: 83,
} as const;

/**
 * Calls `visit` for every record of `data`, in the order of the file, through one buffer that is used again and again.
 *
 * Where a record's size makes no sense, goes on at the next place from which four records in a row do; what lies
 * between is returned as damage, and so is a last record that is cut. Throws {@linkcode TraceFormatError} on
 * compressed records.
 *
 * With `skim`, records that it takes are not visited.
 */
export function walkRecords(source: ByteSource, data: Section, visit: Visit, skim?: Skim): Damage[] {
  return new Walk(source, data, visit, skim).run();
}

class Walk {
  readonly #source: ByteSource;
  readonly #visit: Visit;
  readonly #skim: Skim | undefined;
  readonly #end: number;
  readonly #buffer = new Uint8Array(BUFFER + LARGEST_RECORD);
  readonly #i32 = new Int32Array(this.#buffer.buffer);
  readonly #damage: Damage[] = [];
  /** Byte of the file at the buffer's start. */
  #position: number;
  /** Bytes in the buffer. */
  #filled = 0;
  #badFrom = -1;

  constructor(source: ByteSource, data: Section, visit: Visit, skim: Skim | undefined) {
    this.#source = source;
    this.#visit = visit;
    this.#skim = skim;
    this.#end = data.offset + data.size;
    this.#position = data.offset;
  }

  run(): Damage[] {
    const buffer = this.#buffer;
    using reader = this.#source.open();
    for (;;) {
      const filled = this.#filled;
      const want = Math.min(buffer.length - filled, this.#end - this.#position - filled);
      if (want > 0) {
        const got = reader.read(buffer.subarray(filled, filled + want), this.#position + filled);
        if (got < want) throw new Error(`${this.#source.name} became shorter while it was read`);
        this.#filled += got;
      }
      const last = this.#position + this.#filled >= this.#end;
      const at = this.#block(last);
      if (last) return this.#finish(at);
      const done = at * 4;
      buffer.copyWithin(0, done, this.#filled);
      this.#position += done;
      this.#filled -= done;
    }
  }

  #finish(at: number): Damage[] {
    const rest = this.#position + Math.min(at * 4, this.#filled);
    if (this.#badFrom >= 0) this.#damage.push({ kind: "truncated", from: this.#badFrom, to: this.#end });
    else if (rest < this.#end) this.#damage.push({ kind: "truncated", from: rest, to: this.#end });
    return this.#damage;
  }

  /**
   * Goes over the records of the buffer; returns the word up to which they are done. A function of its own, called for
   * each block, so that the compiler makes fast code of it once and keeps that.
   */
  #block(last: boolean): number {
    const i32 = this.#i32;
    const visit = this.#visit;
    const skim = this.#skim;
    const limit = this.#filled >> 2;
    let at = 0;
    while (at + 2 <= limit) {
      if (skim !== undefined && this.#badFrom < 0) {
        at = skim(i32, at, limit);
        if (at + 2 > limit) break;
      }
      const type = i32[at]!;
      const word = i32[at + 1]!;
      const words = word >>> 18;
      if (this.#badFrom >= 0) {
        if (!last && at + RESYNC_WORDS > limit) break;
        if (!looksLikeRecords(i32, at, limit, last)) {
          at += 2;
          continue;
        }
        this.#damage.push({ kind: "corrupt", from: this.#badFrom, to: this.#position + at * 4 });
        this.#badFrom = -1;
      }
      if (words < 2 || (word >>> 16 & 7) !== 0) {
        this.#badFrom = this.#position + at * 4;
        at += 2;
        continue;
      }
      if (at + words > limit) {
        if (!last) break;
        // The last record reaches past the end: cut, unless its size is the damage and more records follow.
        this.#badFrom = this.#position + at * 4;
        at += 2;
        continue;
      }
      if (type === RecordType.AuxTrace) {
        const skip = words * 4 + (words >= 4 ? (i32[at + 2]! >>> 0) + i32[at + 3]! * 2 ** 32 : 0);
        if (skip > 0 && this.#position + at * 4 + skip <= this.#end && at * 4 + skip > this.#filled) {
          this.#position += at * 4 + skip;
          this.#filled = 0;
          return 0;
        }
        at += skip >> 2;
        continue;
      }
      if (type === RecordType.Compressed || type === RecordType.Compressed2) {
        throw new TraceFormatError(
          this.#source.name,
          this.#position + at * 4,
          "records that are not compressed (record without -z)",
          "a zstd-compressed record",
        );
      }
      visit(i32, at, type, word & 0xffff, words);
      at += words;
    }
    return at;
  }
}

const RESYNC_RECORDS = 4;
const RESYNC_WORDS = RESYNC_RECORDS * (LARGEST_RECORD >> 2) / 8;

/** Whether plausible records begin at `at`: known types, sizes that lead from one to the next. */
function looksLikeRecords(i32: Int32Array, at: number, limit: number, last: boolean): boolean {
  for (let i = 0; i < RESYNC_RECORDS; i++) {
    if (at === limit) return last && i > 0;
    if (at + 2 > limit) return false;
    const type = i32[at]!;
    const word = i32[at + 1]!;
    const words = word >>> 18;
    const known = (type >= 1 && type <= 21) || (type >= 64 && type <= 84);
    if (!known || words < 2 || (word >>> 16 & 7) !== 0 || words > 2048 || at + words > limit) return false;
    at += words;
  }
  return true;
}
