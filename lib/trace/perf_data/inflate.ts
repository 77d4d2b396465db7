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
/**
 * The decoder moves its whole window for each block. Bytes so moved for each byte of input, and in all at least: what
 * `perf record -z22` (a window of 128 MiB) needs, and not much more.
 */
const MAX_MOVED_RATIO = 65536;
const FREE_MOVED = 2 ** 33;
const FRAME_MAGIC = 0xfd2fb528;

/**
 * Decompresses the pieces of one zstd stream, of which each continues the one before.
 *
 * Memory is bounded by the window (128 MiB) and one block (128 KiB), the output by 256 times the input, and the time by
 * both. What exceeds the bounds is refused like what is no zstd.
 */
export class Inflater {
  readonly #take: (bytes: Uint8Array) => void;
  #decoder: Decompress | undefined;
  /** Whether a piece could not be decompressed, and what continues it cannot be either. */
  #lost = false;
  #taken = 0;
  #given = 0;
  #moved = 0;

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
      if (this.#lost && !startsFrame(piece)) return "the rest of a stream whose beginning is damaged";
      this.#decoder = new Decoder((bytes) => this.#block(bytes));
      this.#lost = false;
    }
    this.#taken += piece.length;
    try {
      // The decoder may keep what it is given, and the caller's buffer is used again.
      this.#decoder.push(piece.slice());
      return undefined;
    } catch (error) {
      this.#decoder = undefined;
      this.#lost = true;
      return error instanceof Error ? error.message : String(error);
    }
  }

  #block(bytes: Uint8Array): void {
    const window = (this.#decoder as unknown as { s?: { e?: number } }).s?.e ?? Infinity;
    this.#given += bytes.length;
    this.#moved += window;
    if (
      window > MAX_WINDOW || this.#given > FREE_BYTES + MAX_RATIO * this.#taken ||
      this.#moved > FREE_MOVED + MAX_MOVED_RATIO * this.#taken
    ) {
      throw new RangeError(
        `Refused zstd data: ${this.#taken} bytes make more than ${this.#given} (window ${window})`,
      );
    }
    this.#take(bytes);
  }
}

function startsFrame(piece: Uint8Array<ArrayBuffer>): boolean {
  return piece.length >= 4 &&
    new DataView(piece.buffer, piece.byteOffset).getUint32(0, true) === FRAME_MAGIC;
}
