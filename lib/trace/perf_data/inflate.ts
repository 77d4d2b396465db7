/** The decoder of `node:zlib` without its stream: the part of Node's binding that is used, in Deno as in Node. */
interface ZstdStream {
  readonly _handle: {
    onerror: (message: string) => void;
    /** Decompresses at once: flush flag, input, its offset and length, output, its offset and length. */
    writeSync(
      flush: number,
      input: Uint8Array,
      from: number,
      length: number,
      output: Uint8Array,
      at: number,
      room: number,
    ): void;
    close(): void;
  };
  /** After a write: bytes of the output and of the input that were not used. */
  readonly _writeState: Uint32Array;
}

let makeStream: (() => ZstdStream) | undefined;

/**
 * Loads the decoder, which few recordings need. Without it an {@linkcode Inflater} refuses what it is given.
 *
 * It is the runtime's own, zstd itself: decoders in JavaScript are ten times slower, and some damaged frames keep them for ever.
 * `node:zlib` offers it as a stream, which is asynchronous; records are read synchronously, so its handle is used, as Node's own
 * synchronous functions do. Throws an Error where the runtime has none.
 */
export async function loadInflater(): Promise<void> {
  if (makeStream !== undefined) return;
  const { constants, createZstdDecompress } = await import("node:zlib");
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
  const make = () => createZstdDecompress({ params }) as unknown as ZstdStream;
  if (typeof make()._handle?.writeSync !== "function") {
    throw new Error("This runtime's node:zlib cannot decompress zstd at once: use Deno 2.9");
  }
  makeStream = make;
}

/** Largest window that a frame may ask for: zstd's own default limit, 128 MiB. */
const MAX_WINDOW_LOG = 27;
/** Scheduler records shrink to a twelfth; what claims to have shrunk to less than a 256th is no recording. */
const MAX_RATIO = 256;
const FREE_BYTES = 1 << 24;
/** Pieces in a row that cannot be decompressed: what follows is not looked at. */
const MAX_LOST = 64;
/** Bytes that come out at a time. */
const BLOCK = 1 << 17;
const FRAME_MAGIC = 0xfd2fb528;

/**
 * Decompresses the pieces of one zstd stream, of which each continues the one before.
 *
 * Memory is bounded by the window (128 MiB at most), the output by 256 times the input, and the time by both. What
 * exceeds the bounds is refused like what is no zstd.
 */
export class Inflater {
  readonly #take: (bytes: Uint8Array) => void;
  readonly #block = new Uint8Array(BLOCK);
  #stream: ZstdStream | undefined;
  #error = "";
  /** Whether a piece could not be decompressed, and what continues it cannot be either. */
  #lost = false;
  #taken = 0;
  #given = 0;
  #losses = 0;

  /** `take` gets what comes out, in parts of at most 128 KiB, whose memory is used again. */
  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
  }

  /**
   * Decompresses the next piece. Returns why it could not, and then ignores all pieces up to the next that begins a frame;
   * undefined where it could.
   */
  push(piece: Uint8Array<ArrayBuffer>): string | undefined {
    if (this.#stream === undefined) {
      if (makeStream === undefined) return "compressed data where the file announces none";
      if (this.#losses > MAX_LOST || this.#lost && !startsFrame(piece)) {
        return "the rest of a stream whose beginning is damaged";
      }
      this.#stream = makeStream();
      this.#stream._handle.onerror = (message) => this.#error = message;
      this.#lost = false;
      this.#error = "";
    }
    this.#taken += piece.length;
    const why = this.#inflate(this.#stream, piece);
    if (why === undefined) {
      this.#losses = 0;
      return undefined;
    }
    this.#stream._handle.close();
    this.#stream = undefined;
    this.#lost = true;
    this.#losses++;
    return why;
  }

  #inflate({ _handle, _writeState }: ZstdStream, piece: Uint8Array): string | undefined {
    const block = this.#block;
    // Pieces that end a frame are followed by the next frame, so that input may be left where output is not full.
    for (let at = 0, more = true; more;) {
      try {
        _handle.writeSync(0, piece, at, piece.length - at, block, 0, BLOCK);
      } catch (error) { // as Deno has it; Node calls onerror
        return error instanceof Error ? error.message : String(error);
      }
      if (this.#error !== "") return this.#error;
      const size = BLOCK - _writeState[0]!;
      const left = _writeState[1]!;
      const stuck = size === 0 && left === piece.length - at;
      at = piece.length - left;
      this.#given += size;
      if (this.#given > FREE_BYTES + MAX_RATIO * this.#taken) {
        return `Refused zstd data: ${this.#taken} bytes make more than ${this.#given}`;
      }
      if (size > 0) this.#take(block.subarray(0, size));
      more = !stuck && (size === BLOCK || left > 0);
    }
    return undefined;
  }
}

function startsFrame(piece: Uint8Array<ArrayBuffer>): boolean {
  return piece.length >= 4 &&
    new DataView(piece.buffer, piece.byteOffset).getUint32(0, true) === FRAME_MAGIC;
}
