import { moveColumns, type RowColumns } from "./stream_builder.ts";

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

/** Rows that were handed over. */
export interface ChunkMessage {
  /** Which chunk. */
  readonly chunk: number;
  /** How many rows are in it. */
  readonly rows: number;
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

/** Hands rows in time order to another thread, chunk by chunk. */
export class ChunkWriter {
  readonly #columns: readonly RowColumns[];
  readonly #taken: Int32Array<SharedArrayBuffer>;
  readonly #send: (message: ChunkMessage) => void;
  /** Whether the other thread does not take rows any more: it has not seen them all. */
  stalled = false;
  #chunk = 0;

  /** Writes into `chunks` and tells by `send` what is ready. */
  constructor(chunks: SharedChunks, send: (message: ChunkMessage) => void) {
    this.#columns = chunks.memory.map(chunkColumns);
    this.#taken = chunks.taken;
    this.#send = send;
  }

  /** A {@linkcode RowSink}. Waits while all chunks are taken, but not for ever. */
  take(rows: RowColumns, order: Uint32Array | undefined, count: number): void {
    for (let from = 0; from < count && !this.stalled; from += CHUNK_ROWS) {
      const to = Math.min(count, from + CHUNK_ROWS);
      const chunk = this.#chunk;
      if (Atomics.wait(this.#taken, chunk, 1, PATIENCE) === "timed-out") {
        this.stalled = true;
        return;
      }
      Atomics.store(this.#taken, chunk, 1);
      moveColumns(rows, order, from, to, this.#columns[chunk]!, 0);
      this.#send({ chunk, rows: to - from });
      this.#chunk = (chunk + 1) % this.#columns.length;
    }
  }
}
