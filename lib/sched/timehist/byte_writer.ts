/** Takes blocks of finished bytes; a block is used again after the call. */
export type ByteSink = (block: Uint8Array) => void;

const BLOCK = 1 << 20;
/** No single piece that is written is longer. */
const SLACK = 1 << 12;

/**
 * Writes text as bytes into a large block, digit by digit and without a string for each line, and hands full blocks to a
 * sink.
 *
 * Names are given as byte strings: one UTF-16 unit (0 to 255) for each byte, so that widths and cuts count bytes as C does.
 */
export class ByteWriter {
  readonly #sink: ByteSink;
  readonly #block = new Uint8Array(BLOCK + SLACK);
  #at = 0;

  /** Makes a writer that hands its blocks to `sink`. */
  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Hands over what is not yet handed over. */
  flush(): void {
    if (this.#at === 0) return;
    const at = this.#at;
    this.#at = 0;
    this.#sink(this.#block.subarray(0, at));
  }

  /** The block that is being written; there is always room for 4096 bytes from {@linkcode ByteWriter.at} on. */
  get block(): Uint8Array {
    return this.#block;
  }

  /** Where the next byte goes. Who writes into the block says by {@linkcode ByteWriter.advance} how far. */
  get at(): number {
    return this.#at;
  }

  /** The block is written up to byte `at`. */
  advance(at: number): void {
    this.#at = at;
    if (at >= BLOCK) this.flush();
  }

  /** Writes a byte string. */
  text(bytes: string): void {
    const n = bytes.length;
    if (n > SLACK) {
      for (let i = 0; i < n; i += SLACK) this.text(bytes.slice(i, i + SLACK));
      return;
    }
    const block = this.#block;
    let at = this.#at;
    for (let i = 0; i < n; i++) block[at++] = bytes.charCodeAt(i);
    this.#at = at;
    if (at >= BLOCK) this.flush();
  }

  /** Writes a byte string, filled with blanks on its right up to `width` bytes. */
  left(bytes: string, width: number): void {
    this.text(bytes);
    this.blanks(width - bytes.length);
  }

  /** Writes a byte string, filled with blanks on its left up to `width` bytes. */
  right(bytes: string, width: number): void {
    this.blanks(width - bytes.length);
    this.text(bytes);
  }

  /** Writes `count` blanks; none where it is negative. */
  blanks(count: number): void {
    for (let rest = count; rest > 0; rest -= SLACK) {
      this.#block.fill(0x20, this.#at, this.#at += Math.min(rest, SLACK));
      if (this.#at >= BLOCK) this.flush();
    }
  }

  /** Writes one byte. */
  byte(code: number): void {
    this.#block[this.#at++] = code;
    if (this.#at >= BLOCK) this.flush();
  }

  /** Writes a non-negative integer below 2^53, filled on its left with `fill` (a byte) up to `width` digits. */
  integer(value: number, width = 0, fill = 0x20): void {
    const block = this.#block;
    let digits = 1;
    for (let limit = 10; value >= limit && digits < 16; limit *= 10) digits++;
    let at = this.#at;
    for (let i = digits; i < width; i++) block[at++] = fill;
    this.#at = at += digits;
    let rest = value;
    while (rest > 0x7fffffff) {
      const upper = Math.floor(rest / 10);
      block[--at] = 0x30 + (rest - upper * 10);
      rest = upper;
      digits--;
    }
    for (let low = rest | 0; digits > 0; digits--) {
      const upper = (low / 10) | 0;
      block[--at] = 0x30 + (low - upper * 10);
      low = upper;
    }
    if (this.#at >= BLOCK) this.flush();
  }

  /** Writes `ns` as milliseconds and microseconds, both cut and not rounded: `%*lu.%03lu`. */
  milliseconds(ns: number, width: number): void {
    const us = Math.floor(ns / 1000);
    const ms = Math.floor(us / 1000);
    this.integer(ms, width);
    this.byte(0x2e);
    this.integer(us - ms * 1000, 3, 0x30);
  }
}
