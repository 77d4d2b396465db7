import type { ByteSource } from "../byte_source.ts";
import type { Section } from "./header.ts";
import { Inflater } from "./inflate.ts";

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
  HeaderAttr: 64,
  TracingData: 66,
  FinishedRound: 68,
  IdIndex: 69,
  AuxTrace: 71,
  HeaderFeature: 80,
  Compressed: 81,
  Compressed2: 83,
} as const;

/** Where records are: parts that follow one another, and what makes those of a foreign byte order this machine's. */
export interface RecordParts {
  readonly parts: readonly { readonly source: ByteSource; readonly data: Section }[];
  /** Brings the whole record at word `at` into this machine's byte order, in place; undefined where it is in it. */
  readonly swap?: SwapRecord | undefined;
}

/** See {@linkcode RecordParts.swap}. The record's head is swapped already. */
export type SwapRecord = (i32: Int32Array, at: number, type: number, words: number) => void;

/**
 * Calls `visit` for every record, in the order of the parts, through one buffer that is used again and again. Compressed
 * records are not visited, but the records in them are; each part is a compressed stream of its own.
 *
 * Where a record's size makes no sense, goes on at the next place from which four records in a row do; what lies
 * between is returned as damage, and so are a last record that is cut, and what cannot be decompressed.
 *
 * With `skim`, records that it takes are not visited.
 */
export function walkRecords(records: RecordParts, visit: Visit, skim?: Skim): Damage[] {
  return records.parts.flatMap((_, part) => {
    const steps = walkSteps(records, part, visit, skim);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  });
}

/**
 * The same for one part, block by block: after each it yields the byte of the file up to which all records were visited. Its
 * result is the damage. To end it early, call `return`.
 */
export function walkSteps(
  records: RecordParts,
  part: number,
  visit: Visit,
  skim?: Skim,
): Generator<number, Damage[], undefined> {
  const { source, data } = records.parts[part]!;
  // What is to be swapped must be seen one by one.
  const skimmed = records.swap === undefined ? skim : undefined;
  return new Walk(data, visit, skimmed, records.swap).steps(source);
}

class Walk {
  readonly damage: Damage[];
  readonly #visit: Visit;
  readonly #skim: Skim | undefined;
  readonly #swap: SwapRecord | undefined;
  readonly #end: number;
  readonly #buffer = new Uint8Array(BUFFER + LARGEST_RECORD);
  readonly #i32 = new Int32Array(this.#buffer.buffer);
  /** Whether the records come out of compressed ones. Positions are then those of the compressed record. */
  readonly #inner: boolean;
  /** Byte of the file at the buffer's start. */
  #position: number;
  /** Bytes in the buffer. */
  #filled = 0;
  #badFrom = -1;
  #inflated: { walk: Walk; inflater: Inflater } | undefined;
  /** Byte of the file of the compressed record that is being taken apart. */
  #inflating = 0;
  /** Whether records may begin at any byte, as they do after compressed ones. */
  #unaligned = false;
  /** Whether the last call of `#block` ended before the buffer did. */
  #again = false;

  constructor(
    data: Section,
    visit: Visit,
    skim: Skim | undefined,
    swap: SwapRecord | undefined,
    damage?: Damage[],
  ) {
    this.#visit = visit;
    this.#skim = skim;
    this.#swap = swap;
    this.#end = data.offset + data.size;
    this.#position = data.offset;
    this.#inner = damage !== undefined;
    this.damage = damage ?? [];
  }

  *steps(source: ByteSource): Generator<number, Damage[], undefined> {
    const buffer = this.#buffer;
    using reader = source.open();
    for (;;) {
      const filled = this.#filled;
      const want = Math.min(buffer.length - filled, this.#end - this.#position - filled);
      if (want > 0) {
        const got = reader.read(buffer.subarray(filled, filled + want), this.#position + filled);
        if (got < want) throw new Error(`${source.name} became shorter while it was read`);
        this.#filled += got;
      }
      const last = this.#position + this.#filled >= this.#end;
      this.#again = false;
      const done = this.#block(last);
      if (last && !this.#again) {
        this.#finish(done);
        return this.damage;
      }
      this.#shift(done);
      yield this.#position;
    }
  }

  /** Takes the next bytes that came out of the compressed record at byte `position` of the file. */
  #accept(bytes: Uint8Array, position: number): void {
    this.#position = position;
    for (let done = 0; done < bytes.length;) {
      const part = bytes.subarray(done, done + this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      do {
        this.#again = false;
        this.#shift(this.#block(false));
      } while (this.#again);
    }
  }

  #shift(done: number): void {
    this.#buffer.copyWithin(0, done, this.#filled);
    if (!this.#inner) this.#position += done;
    this.#filled -= done;
  }

  #finish(done: number): void {
    const rest = this.#where(Math.min(done, this.#filled));
    const inner = this.#inflated?.walk;
    if (inner !== undefined && (inner.#badFrom >= 0 || inner.#filled > 0)) {
      const from = inner.#badFrom >= 0 ? inner.#badFrom : inner.#position;
      this.damage.push({ kind: "truncated", from, to: this.#end });
    }
    if (this.#badFrom >= 0) this.damage.push({ kind: "truncated", from: this.#badFrom, to: this.#end });
    else if (rest < this.#end) this.damage.push({ kind: "truncated", from: rest, to: this.#end });
  }

  /** Byte of the file at byte `at` of the buffer. */
  #where(at: number): number {
    return this.#inner ? this.#position : this.#position + at;
  }

  /** Takes the records out of the compressed record of `size` bytes at word `at`. */
  #inflate(at: number, type: number, size: number): void {
    const from = at * 4 + (type === RecordType.Compressed2 ? 16 : 8);
    const to = at * 4 + size;
    const length = type === RecordType.Compressed2 && size >= 16 ? this.#number(at + 2) : Infinity;
    const piece = this.#buffer.subarray(Math.min(from, to), Math.min(from + length, to));
    if (this.#inflated === undefined) {
      const walk = new Walk({ offset: 0, size: 0 }, this.#visit, this.#skim, this.#swap, this.damage);
      const inflater = new Inflater((bytes) => walk.#accept(bytes, this.#inflating));
      this.#inflated = { walk, inflater };
    }
    this.#inflating = this.#where(at * 4);
    const why = this.#inflated.inflater.push(piece);
    if (why === undefined) return;
    this.damage.push({ kind: "corrupt", from: this.#inflating, to: this.#inflating + size });
    // A record that was cut here will not be continued.
    this.#inflated.walk.#filled = 0;
    this.#inflated.walk.#badFrom = -1;
  }

  /** The u64 at word `at`. */
  #number(at: number): number {
    const first = this.#i32[at]!;
    const second = this.#i32[at + 1]!;
    return this.#swap === undefined
      ? (first >>> 0) + (second >>> 0) * 2 ** 32
      : (swap32(second) >>> 0) + (swap32(first) >>> 0) * 2 ** 32;
  }

  /** Bytes after the record at word `at` that belong to it and are not in its size. */
  #trailing(at: number, type: number, words: number): number {
    if (words < 4) return 0;
    if (type === RecordType.AuxTrace) return this.#number(at + 2);
    const size = this.#i32[at + 2]!;
    return Math.ceil(((this.#swap === undefined ? size : swap32(size)) >>> 0) / 8) * 8;
  }

  /** Goes on `bytes` after byte `from` of the buffer, as far as the file reaches; returns the bytes that are done. */
  #skipTo(from: number, bytes: number): number {
    const to = from + bytes;
    this.#again = true;
    if (to <= this.#filled) return to;
    if (this.#inner || this.#position + to > this.#end) {
      this.#badFrom = this.#where(from);
      return from;
    }
    this.#position += to;
    this.#filled = 0;
    return 0;
  }

  /**
   * Goes over the records of the buffer; returns the bytes up to which they are done. A function of its own, called for
   * each block, so that the compiler makes fast code of it once and keeps that.
   */
  #block(last: boolean): number {
    const i32 = this.#i32;
    const visit = this.#visit;
    const skim = this.#skim;
    const swap = this.#swap;
    const limit = this.#filled >> 2;
    let at = 0;
    while (at + 2 <= limit) {
      if (this.#badFrom >= 0) {
        const found = findRecords(
          this.#buffer,
          at * 4,
          this.#filled,
          last,
          swap !== undefined,
          this.#unaligned,
        );
        if (found < 0) {
          return Math.max(at * 4, (last ? this.#filled : this.#filled - keptFor(this.#unaligned)) & ~7);
        }
        this.damage.push({ kind: "corrupt", from: this.#badFrom, to: this.#where(found) });
        this.#badFrom = -1;
        this.#again = true;
        return found;
      }
      if (skim !== undefined) {
        at = skim(i32, at, limit);
        if (at + 2 > limit) break;
      }
      const type = swap === undefined ? i32[at]! : swap32(i32[at]!);
      const word = swap === undefined ? i32[at + 1]! : swapHead(i32[at + 1]!);
      const words = word >>> 18;
      if (isOfAnySize(type) && !this.#inner) {
        // What follows is not aligned.
        const size = word >>> 16;
        if (size >= 8 && at * 4 + size <= this.#filled) {
          this.#unaligned = true;
          this.#again = true;
          if (type !== RecordType.HeaderFeature) this.#inflate(at, type, size);
          return at * 4 + size;
        }
        if (size >= 8 && !last) break;
        this.#badFrom = this.#where(at * 4);
        at += 2;
        continue;
      }
      if (words < 2 || (word >>> 16 & 7) !== 0) {
        this.#badFrom = this.#where(at * 4);
        at += 2;
        continue;
      }
      if (at + words > limit) {
        if (!last) break;
        // The last record reaches past the end: cut, unless its size is the damage and more records follow.
        this.#badFrom = this.#where(at * 4);
        at += 2;
        continue;
      }
      if (type === RecordType.AuxTrace || type === RecordType.TracingData) {
        return this.#skipTo((at + words) * 4, this.#trailing(at, type, words));
      }
      if (swap !== undefined) {
        i32[at] = type;
        i32[at + 1] = word;
        swap(i32, at, type, words);
      }
      visit(i32, at, type, word & 0xffff, words);
      at += words;
    }
    return at * 4;
  }
}

const RESYNC_RECORDS = 4;
/** Bytes that are kept to tell whether records begin in them. */
function keptFor(unaligned: boolean): number {
  return RESYNC_RECORDS * LARGEST_RECORD / 8 + (unaligned ? LARGEST_RECORD : 0);
}

/** The first byte from `from` on at which plausible records begin; -1 where there is none. */
function findRecords(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  filled: number,
  last: boolean,
  foreign: boolean,
  unaligned: boolean,
): number {
  const view = new DataView(bytes.buffer);
  const end = last ? filled : filled - keptFor(unaligned);
  for (let at = from; at + 8 <= end; at += unaligned ? 1 : 8) {
    if (looksLikeRecords(view, at, filled, last, foreign)) return at;
  }
  return -1;
}

/** Whether the size of a record of `type` need not be a multiple of 8: it is that of its data. */
function isOfAnySize(type: number): boolean {
  return type === RecordType.Compressed || type === RecordType.Compressed2 ||
    type === RecordType.HeaderFeature;
}

/** Whether plausible records begin at `at`: known types, sizes that lead from one to the next. */
function looksLikeRecords(
  view: DataView,
  at: number,
  filled: number,
  last: boolean,
  foreign: boolean,
): boolean {
  for (let i = 0; i < RESYNC_RECORDS; i++) {
    if (at === filled) return last && i > 0;
    if (at + 8 > filled) return false;
    const type = view.getUint32(at, !foreign);
    const size = view.getUint16(at + 6, !foreign);
    const odd = isOfAnySize(type);
    const known = (type >= 1 && type <= 21) || (type >= 64 && type <= 84);
    if (!known || size < 8 || (size & 7) !== 0 && !odd) return false;
    // Of a large record there may be less in the buffer than it holds.
    if (odd && at + size > filled) return i > 0;
    if ((size > 8192 && !odd) || at + size > filled) return false;
    at += size;
  }
  return true;
}

/** A word in the other byte order. */
export function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** The second word of a record's head, u16 misc and u16 size, in the other byte order. */
function swapHead(word: number): number {
  const swapped = swap32(word);
  return (swapped << 16) | (swapped >>> 16);
}
