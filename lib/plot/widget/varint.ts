/** Writes whole numbers of at most 2^53 - 1 as LEB128: seven bits a byte, the lowest first. */
export class VarintWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #length = 0;

  /** Adds `value`, a whole number that is not negative. */
  put(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow();
    const bytes = this.#bytes;
    let at = this.#length;
    while (value > 0x7fffffff) {
      bytes[at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    while (value > 127) {
      bytes[at++] = (value & 127) | 128;
      value >>>= 7;
    }
    bytes[at++] = value;
    this.#length = at;
  }

  /** What was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Reads what {@linkcode VarintWriter} wrote. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** Reads `bytes` from their start. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next number. Past the end it is 0. */
  next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++] ?? 0;
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let scale = 128; byte > 127; scale *= 128) {
      byte = bytes[this.#at++] ?? 0;
      value += (byte & 127) * scale;
    }
    return value;
  }
}
