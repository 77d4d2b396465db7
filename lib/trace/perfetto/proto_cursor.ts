/**
 * Goes over the fields of one protobuf message in memory.
 *
 * The library's BinaryReader makes an array for each field and a bigint for each stamp, and throws where this stops: over the
 * events of a trace it took five times as long.
 */
export class ProtoCursor {
  bytes: Uint8Array = new Uint8Array();
  /** Where the next field begins. */
  at = 0;
  end = 0;
  /** Number of the field that {@linkcode ProtoCursor.next} found, and its wire type. */
  field = 0;
  type = 0;
  /** A number's words. */
  low = 0;
  high = 0;
  /** Where the bytes of a field with a length are. */
  from = 0;
  to = 0;
  /** Whether the message stopped making sense at {@linkcode ProtoCursor.at}. */
  broken = false;

  /** Begins with the message in `bytes[from, to)`. */
  reset(bytes: Uint8Array, from: number, to: number): this {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.broken = false;
    return this;
  }

  /** Finds the next field; false at the end, or where it is {@linkcode ProtoCursor.broken}. */
  next(): boolean {
    const start = this.at;
    if (start >= this.end) return false;
    if (!this.varint()) return this.#fail(start);
    const tag = this.low >>> 0;
    if (this.high !== 0 || tag < 8) return this.#fail(start);
    this.field = tag >>> 3;
    this.type = tag & 7;
    switch (this.type) {
      case 0:
        return this.varint() || this.#fail(start);
      case 2: {
        if (!this.varint()) return this.#fail(start);
        const length = this.low >>> 0;
        if (this.high !== 0 || length > this.end - this.at) return this.#fail(start);
        this.from = this.at;
        this.to = this.at += length;
        return true;
      }
      case 1:
      case 5: {
        const size = this.type === 1 ? 8 : 4;
        if (this.at + size > this.end) return this.#fail(start);
        this.low = this.#word(this.at);
        this.high = size === 8 ? this.#word(this.at + 4) : 0;
        this.at += size;
        return true;
      }
      default:
        return this.#fail(start);
    }
  }

  /** Reads a number of up to ten bytes at {@linkcode ProtoCursor.at}; false where there is none. */
  varint(): boolean {
    const { bytes, end } = this;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) return false;
      const byte = bytes[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.at = at;
        this.low = low;
        this.high = high;
        return true;
      }
    }
    return false;
  }

  /** The number as unsigned; exact up to 2^53. */
  get unsigned(): number {
    return (this.high >>> 0) * 2 ** 32 + (this.low >>> 0);
  }

  /** The number as a bigint without a sign. */
  get stamp(): bigint {
    return (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0);
  }

  /** The bytes of a field with a length, as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes.subarray(this.from, this.to));
  }

  #word(at: number): number {
    const { bytes } = this;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  #fail(at: number): false {
    this.at = at;
    this.broken = true;
    return false;
  }
}
