/** Numbers of native/include/agent_protocol.h, which says what each means. */
export const MAGIC = "schedscope-agent";
/** Name of the virtio-serial port. */
export const AGENT_PORT = "org.schedscope.agent";
/** Version of the protocol. */
export const VERSION = 1;
/** Bytes of a frame's head. */
export const HEAD = 9;
/** Most bytes of a payload. */
export const MAX_PAYLOAD = 1 << 20;

/** Types of frames that the host sends. */
export const Ask = {
  Hello: 1,
  Exec: 2,
  Push: 3,
  Pull: 4,
  List: 5,
  Input: 6,
  End: 7,
  Signal: 8,
  Cancel: 9,
  Credit: 10,
  Clock: 11,
  Power: 12,
} as const;

/** Types of frames that the agent sends. */
export const Answer = {
  Hello: 0x81,
  Started: 0x82,
  Stdout: 0x83,
  Stderr: 0x84,
  Exit: 0x85,
  Data: 0x86,
  Done: 0x87,
  Credit: 0x88,
  Clock: 0x89,
  Error: 0x8a,
  Bye: 0x8b,
} as const;

const encoder = new TextEncoder();

/** Writes a payload field by field. */
export class PayloadWriter {
  readonly #parts: Uint8Array[] = [];

  u16(value: number): this {
    return this.#add(2, (view) => view.setUint16(0, value, true));
  }

  u32(value: number): this {
    return this.#add(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number | bigint): this {
    return this.#add(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  /** A text and the NUL that ends it. Throws `TypeError` where `what` holds a NUL itself. */
  text(text: string, what: string): this {
    if (text.includes("\0")) {
      throw new TypeError(`Expected ${what} without a NUL character but found ${JSON.stringify(text)}`);
    }
    this.#parts.push(encoder.encode(`${text}\0`));
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** All that was written. */
  done(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #add(size: number, write: (view: DataView) => void): this {
    const bytes = new Uint8Array(size);
    write(new DataView(bytes.buffer));
    this.#parts.push(bytes);
    return this;
  }
}

/** Reads a payload field by field; throws `RangeError` where it ends too early. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#move(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#move(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#move(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#move(8), true);
  }

  raw(size: number): Uint8Array {
    const at = this.#move(size);
    return this.#bytes.subarray(at, at + size);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("a text has no end");
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  #move(size: number): number {
    if (this.left < size) throw new RangeError(`${size} bytes are expected where ${this.left} are left`);
    this.#at += size;
    return this.#at - size;
  }
}

/** A frame's head. */
export function frameHead(type: number, id: number, size: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(HEAD);
  const view = new DataView(head.buffer);
  view.setUint32(0, size, true);
  head[4] = type;
  view.setUint32(5, id, true);
  return head;
}

/** Takes a stream of bytes apart into frames. */
export class FrameReader {
  #buffer = new Uint8Array(MAX_PAYLOAD + HEAD + (256 << 10));
  #from = 0;
  #to = 0;
  /** Until this was found all is skipped: an answer to HELLO as it must begin after its length. */
  #awaited: Uint8Array | undefined;

  /** `nonce` is that of the HELLO whose answer is waited for first. */
  constructor(nonce: Uint8Array) {
    this.#awaited = new PayloadWriter().raw(Uint8Array.of(Answer.Hello)).u32(0)
      .raw(encoder.encode(MAGIC)).raw(nonce).done();
  }

  /** Where the next bytes are to be put; what was put is told to {@linkcode FrameReader.take}. */
  get room(): Uint8Array<ArrayBuffer> {
    if (this.#from > 0 && this.#buffer.length - this.#to < 256 << 10) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    return this.#buffer.subarray(this.#to);
  }

  /** Calls `frame` for each frame that is whole with the `size` bytes; its payload is valid only during the call. */
  take(size: number, frame: (type: number, id: number, payload: Uint8Array<ArrayBuffer>) => void): void {
    this.#to += size;
    if (this.#awaited !== undefined && !this.#find(this.#awaited)) return;
    const view = new DataView(this.#buffer.buffer);
    while (this.#to - this.#from >= HEAD) {
      const at = this.#from;
      const length = view.getUint32(at, true);
      if (length > MAX_PAYLOAD) {
        throw new RangeError(`a frame of ${length} bytes where at most ${MAX_PAYLOAD} are allowed`);
      }
      if (this.#to - at < HEAD + length) return;
      this.#from = at + HEAD + length;
      frame(
        this.#buffer[at + 4]!,
        view.getUint32(at + 5, true),
        this.#buffer.subarray(at + HEAD, this.#from),
      );
    }
    if (this.#from === this.#to) this.#from = this.#to = 0;
  }

  #find(pattern: Uint8Array): boolean {
    for (let at = this.#from + 4; at + pattern.length <= this.#to; at++) {
      if (pattern.every((byte, i) => this.#buffer[at + i] === byte)) {
        this.#from = at - 4;
        this.#awaited = undefined;
        return true;
      }
    }
    this.#from = Math.max(this.#from, this.#to - pattern.length - 3);
    return false;
  }
}
