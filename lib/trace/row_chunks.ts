import { FixedRows } from "./fixed_rows.ts";
import { moveColumns, type RowColumns, type StreamBuilder } from "./stream_builder.ts";

/** Rows of one chunk: few enough that a chunk stays in the processor's cache from one thread to the other. */
const CHUNK_ROWS = 1 << 15;
const CHUNKS = 8;
const ROW_BYTES = 31;
/** A thread that took no chunk for so long (ms) is taken for dead. */
const PATIENCE = 10_000;

/** The memory that two threads hand rows over in. */
export interface SharedChunks {
  readonly memory: readonly SharedArrayBuffer[];
  /** For each chunk 0 = free, 1 = taken. */
  readonly taken: Int32Array<SharedArrayBuffer>;
}

/** Rows that are handed over, in the order of the file. */
export interface ChunkMessage {
  /** Which chunk. */
  readonly chunk: number;
  /** How many rows are in it. */
  readonly rows: number;
  /** No row with this stamp or less comes after them; undefined where nothing is known of that. */
  readonly settled?: number;
}

/** Makes memory for the rows that are under way. */
export function makeSharedChunks(): SharedChunks {
  return {
    memory: Array.from({ length: CHUNKS }, () => new SharedArrayBuffer(CHUNK_ROWS * ROW_BYTES)),
    taken: new Int32Array(new SharedArrayBuffer(CHUNKS * 4)),
  };
}

/** The columns that lie in a chunk's memory. */
export function chunkColumns(memory: SharedArrayBuffer): RowColumns {
  const n = CHUNK_ROWS;
  return {
    ts: new Float64Array(memory, 0, n),
    pid: new Int32Array(memory, n * 8, n),
    tid: new Int32Array(memory, n * 12, n),
    a: new Int32Array(memory, n * 16, n),
    b: new Int32Array(memory, n * 20, n),
    c: new Int32Array(memory, n * 24, n),
    cpu: new Uint16Array(memory, n * 28, n),
    kind: new Uint8Array(memory, n * 30, n),
  };
}

/**
 * A reader's rows, written straight into memory that another thread takes them out of, chunk by chunk, in the order of the
 * file. That thread sorts them: it is told up to where they are settled.
 */
export class ChunkRows extends FixedRows {
  /** Whether the other thread does not take rows any more: it has not seen them all. */
  stalled = false;
  readonly #columns: readonly RowColumns[];
  readonly #taken: Int32Array<SharedArrayBuffer>;
  readonly #send: (message: ChunkMessage) => void;
  #chunk = 0;

  /** Writes into `chunks` and tells by `send` what is ready. */
  constructor(chunks: SharedChunks, send: (message: ChunkMessage) => void) {
    const columns = chunks.memory.map(chunkColumns);
    super(columns[0]!);
    this.#columns = columns;
    this.#taken = chunks.taken;
    this.#send = send;
  }

  /** Hands the chunk over and goes on in the next one, when it is free; but does not wait for ever. */
  protected override pass(settled?: number): void {
    if (this.stalled) {
      this.length = 0;
      return;
    }
    const chunk = this.#chunk;
    Atomics.store(this.#taken, chunk, 1);
    this.#send(settled === undefined ? { chunk, rows: this.length } : { chunk, rows: this.length, settled });
    this.#chunk = (chunk + 1) % this.#columns.length;
    this.length = 0;
    if (Atomics.wait(this.#taken, this.#chunk, 1, PATIENCE) === "timed-out") this.stalled = true;
    this.writeTo(this.#columns[this.#chunk]!);
  }
}

/** Appends a chunk's rows to `builder` and settles them, in the thread that takes them. */
export function takeChunk(
  chunks: readonly RowColumns[],
  message: ChunkMessage,
  builder: StreamBuilder,
): void {
  builder.reserve(message.rows);
  moveColumns(chunks[message.chunk]!, undefined, 0, message.rows, builder, builder.length);
  builder.length += message.rows;
}
