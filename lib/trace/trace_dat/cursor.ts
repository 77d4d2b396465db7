import type { ByteReader } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import { printable } from "./printable.ts";

/** Bytes that are read at once. */
const WINDOW = 1 << 16;

/** Where a {@linkcode Cursor} reads. */
export interface CursorRange {
  /** What messages call the input. */
  readonly name: string;
  readonly littleEndian: boolean;
  /** First byte. */
  readonly from: number;
  /** Byte after the last one. */
  readonly to: number;
  /** Byte of the file that messages name instead, where the bytes were unpacked from there. */
  readonly packedAt?: number;
}

/**
 * Reads numbers, strings and bytes one after another. Every size is held against what is left before anything is
 * allocated; what does not fit is a {@linkcode TraceFormatError} that names the byte.
 */
export class Cursor {
  /** Next byte. */
  at: number;
  /** Byte after the last one. */
  readonly end: number;
  readonly #reader: ByteReader;
  readonly #range: CursorRange;
  #window = new Uint8Array();
  #view = new DataView(this.#window.buffer);
  #windowAt = 0;

  constructor(reader: ByteReader, range: CursorRange) {
    this.#reader = reader;
    this.#range = range;
    this.at = range.from;
    this.end = range.to;
  }

  /** Byte order of the numbers. */
  get littleEndian(): boolean {
    return this.#range.littleEndian;
  }

  /** Bytes up to the end. */
  get left(): number {
    return this.end - this.at;
  }

  /** The byte that messages name. */
  get where(): number {
    return this.#range.packedAt ?? this.at;
  }

  /** Throws what was expected here and what was found. */
  fail(expected: string, found: string, options?: ErrorOptions): never {
    throw new TraceFormatError(this.#range.name, this.where, printable(expected), printable(found), options);
  }

  u8(what: string): number {
    return this.#number(1, what, (view, at) => view.getUint8(at));
  }

  u16(what: string): number {
    return this.#number(2, what, (view, at) => view.getUint16(at, this.#range.littleEndian));
  }

  u32(what: string): number {
    return this.#number(4, what, (view, at) => view.getUint32(at, this.#range.littleEndian));
  }

  u64(what: string): bigint {
    return this.#number(8, what, (view, at) => view.getBigUint64(at, this.#range.littleEndian));
  }

  /** A u64 that is the size of something that follows: no more than `most` and than what is left. */
  size(what: string, most = Infinity): number {
    const begin = this.at;
    const size = this.u64(`the size of ${what}`);
    return this.#bounded(size, begin, what, most);
  }

  /** The same of 4 bytes. */
  size32(what: string, most = Infinity): number {
    const begin = this.at;
    const size = this.u32(`the size of ${what}`);
    return this.#bounded(BigInt(size), begin, what, most);
  }

  /** The next `size` bytes, as a copy. */
  bytes(size: number, what: string): Uint8Array<ArrayBuffer> {
    if (size > this.left || size < 0) this.fail(`${what} of ${size} bytes`, `${this.left} bytes to the end`);
    if (size <= WINDOW) {
      const from = this.#load(size, what);
      return this.#window.slice(from, from + size);
    }
    const bytes = new Uint8Array(size);
    if (this.#reader.read(bytes, this.at) !== size) this.fail(what, "the end of the file");
    this.at += size;
    return bytes;
  }

  /** Goes on `size` bytes. */
  skip(size: number, what: string): void {
    if (size > this.left) this.fail(`${what} of ${size} bytes`, `${this.left} bytes to the end`);
    this.at += size;
  }

  /** A text up to its NUL, of at most `most` bytes. */
  string(what: string, most = 4096): string {
    const begin = this.at;
    const size = Math.min(most, this.left);
    const bytes = this.bytes(size, what);
    const end = bytes.indexOf(0);
    this.at = begin;
    if (end < 0) this.fail(`${what} that ends with a NUL`, `none in ${size} bytes`);
    this.at = begin + end + 1;
    return new TextDecoder().decode(bytes.subarray(0, end));
  }

  /** Expects `text` here. */
  expect(text: string): void {
    const begin = this.at;
    const size = Math.min(text.length, this.left);
    const found = new TextDecoder("latin1").decode(this.bytes(size, JSON.stringify(text)));
    if (found === text) return;
    this.at = begin;
    this.fail(JSON.stringify(text), JSON.stringify(found));
  }

  #bounded(size: bigint, begin: number, what: string, most: number): number {
    const limit = Math.min(this.left, most);
    if (size <= BigInt(limit)) return Number(size);
    this.at = begin;
    return this.fail(`${what} of at most ${limit} bytes`, `a size of ${size}`);
  }

  #number<T>(size: number, what: string, get: (view: DataView, at: number) => T): T {
    if (size > this.left) this.fail(what, `${this.left} bytes to the end`);
    const from = this.#load(size, what);
    return get(this.#view, from);
  }

  /** Makes sure that the next `size` bytes are in the window and passes them; where they lie in it. */
  #load(size: number, what: string): number {
    const from = this.at - this.#windowAt;
    if (from < 0 || from + size > this.#window.length) {
      const window = new Uint8Array(Math.min(Math.max(size, WINDOW), this.left));
      const got = this.#reader.read(window, this.at);
      if (got < size) this.fail(what, "the end of the file");
      this.#window = window.subarray(0, got);
      this.#view = new DataView(window.buffer, 0, got);
      this.#windowAt = this.at;
    }
    const found = this.at - this.#windowAt;
    this.at += size;
    return found;
  }
}
