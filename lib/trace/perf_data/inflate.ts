import type { Decompress } from "fzstd";

let Decoder: typeof Decompress | undefined;

/** Loads the decoder, which few recordings need. Without it an {@linkcode Inflater} refuses what it is given. */
export async function loadInflater(): Promise<void> {
  Decoder ??= (await import("fzstd")).Decompress;
}

/** Largest window that a frame may ask for: zstd's own default limit. */
const MAX_WINDOW = 1 << 27;
/** Scheduler records shrink to a twelfth; what claims to have shrunk to less than a 256th is no recording. */
const MAX_RATIO = 256;
const FREE_BYTES = 1 << 24;
/** Room for a window is made for each frame: bytes of it for each byte of input, and in all at least. */
const MAX_WINDOWS_RATIO = 8192;
const FREE_WINDOWS = 2 ** 33;
/** Pieces in a row that cannot be decompressed: what follows is not looked at. */
const MAX_LOST = 64;
/** Most bytes that come out of a block. */
const BLOCK = 1 << 17;
const FRAME_MAGIC = 0xfd2fb528;

/**
 * Decompresses the pieces of one zstd stream, of which each continues the one before.
 *
 * Memory is bounded by twice the window (128 MiB at most), the output by 256 times the input, and the time by both. What
 * exceeds the bounds is refused like what is no zstd.
 */
export class Inflater {
  readonly #take: (bytes: Uint8Array) => void;
  #decoder: Decompress | undefined;
  #window: SlidingWindow | undefined;
  /** Whether a piece could not be decompressed, and what continues it cannot be either. */
  #lost = false;
  #taken = 0;
  #given = 0;
  #windows = 0;
  #losses = 0;

  /** `take` gets what comes out, in parts of at most 128 KiB. */
  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
  }

  /**
   * Decompresses the next piece. Returns why it could not, and then ignores all pieces up to the next that begins a frame;
   * undefined where it could.
   */
  push(piece: Uint8Array<ArrayBuffer>): string | undefined {
    if (this.#decoder === undefined) {
      if (Decoder === undefined) return "compressed data where the file announces none";
      if (this.#losses > MAX_LOST || this.#lost && !startsFrame(piece)) {
        return "the rest of a stream whose beginning is damaged";
      }
      this.#decoder = new Decoder((bytes) => this.#block(bytes));
      this.#lost = false;
    }
    this.#taken += piece.length;
    try {
      // The decoder may keep what it is given, and the caller's buffer is used again.
      this.#decoder.push(piece.slice());
      this.#losses = 0;
      return undefined;
    } catch (error) {
      this.#decoder = undefined;
      this.#window = undefined;
      this.#lost = true;
      this.#losses++;
      return error instanceof Error ? error.message : String(error);
    }
  }

  #block(bytes: Uint8Array): void {
    const { s: frame } = this.#decoder as unknown as { s: DecoderFrame };
    this.#given += bytes.length;
    if (this.#window?.frame !== frame) {
      this.#windows += frame.e;
      this.#window = frame.e > MAX_WINDOW ? undefined : new SlidingWindow(frame);
    }
    const { length } = bytes;
    if (
      this.#window === undefined || length > BLOCK || this.#given > FREE_BYTES + MAX_RATIO * this.#taken ||
      this.#windows > FREE_WINDOWS + MAX_WINDOWS_RATIO * this.#taken
    ) {
      throw new RangeError(`Refused zstd data: ${this.#taken} bytes make more than ${this.#given}`);
    }
    this.#window.add(bytes);
    this.#take(bytes);
  }
}

function startsFrame(piece: Uint8Array<ArrayBuffer>): boolean {
  return piece.length >= 4 &&
    new DataView(piece.buffer, piece.byteOffset).getUint32(0, true) === FRAME_MAGIC;
}

/** What the decoder (fzstd 0.1.1) knows of the frame that it is at; its names are one letter long. */
interface DecoderFrame {
  /** What came out before: byte `w[e - d]` came `d` bytes ago. */
  w: Uint8Array;
  /** The frame's window in bytes, which is where `w` ends. */
  e: number;
  /** Byte of the input at which the next block begins: the first that the decoder asks for when it comes to a block. */
  b: number;
}

/**
 * The last bytes that came out of a frame. The decoder by itself moves all of its window for each block, which for the 128 MiB
 * of `perf record -z22` is a thousand times what there is to decode. Here blocks are put behind one another, and the window
 * is moved when it has gone past as many bytes as it has.
 */
class SlidingWindow {
  readonly frame: DecoderFrame;
  readonly #size: number;
  #bytes: Uint8Array;
  #end = 0;

  constructor(frame: DecoderFrame) {
    this.frame = frame;
    this.#size = frame.e;
    this.#bytes = new Uint8Array(Math.min(2 * frame.e, 1 << 20) + BLOCK);
    let next = frame.b;
    Object.defineProperty(frame, "b", {
      get: () => {
        frame.w = this.#bytes;
        frame.e = this.#end;
        return next;
      },
      set: (at: number) => next = at,
    });
  }

  /** Takes a block. What the decoder would do with it after that, it does to an array of no account. */
  add(block: Uint8Array): void {
    if (this.#end + block.length > this.#bytes.length) this.#makeRoom();
    this.#bytes.set(block, this.#end);
    this.#end += block.length;
    this.frame.w = NOWHERE;
  }

  #makeRoom(): void {
    const most = 2 * this.#size + BLOCK;
    const kept = Math.min(this.#size, this.#end);
    const last = this.#bytes.subarray(this.#end - kept, this.#end);
    if (this.#bytes.length < most) {
      const wider = new Uint8Array(Math.min(most, 2 * this.#bytes.length));
      wider.set(last);
      this.#bytes = wider;
    } else this.#bytes.set(last);
    this.#end = kept;
  }
}

const NOWHERE = new Uint8Array(BLOCK);
