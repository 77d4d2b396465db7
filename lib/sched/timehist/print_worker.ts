import { chunkColumns, type ChunkMessage, type SharedChunks, takeChunk } from "../../trace/row_chunks.ts";
import { Kind } from "../../trace/stream.ts";
import { type RowColumns, StreamBuilder } from "../../trace/stream_builder.ts";
import { ByteWriter } from "./byte_writer.ts";
import { RunLines } from "./run_lines.ts";
import { writeHeader } from "./timehist_header.ts";
import { RunTracker } from "./track_runs.ts";
import { makeRunRows, type RunFilter, type TrackedRuns } from "./tracked_runs.ts";
import { printable } from "./utf8.ts";

/** The first message: what to print, and where its rows will lie. */
export interface PrintStart {
  readonly chunks: SharedChunks;
  readonly filter: RunFilter;
  /** ns of the clock that the rows' stamps are relative to. */
  readonly base: bigint;
  readonly state: boolean;
}

/** Rows that are handed over, and names that they are the first to have. */
export type NamedChunk = ChunkMessage & { readonly names: readonly string[] };

/** The answer to the last message, "end". */
export interface PrintAnswer {
  readonly tracked: TrackedRuns;
  /** First and last stamp. */
  readonly from: number;
  readonly to: number;
  /** Whether the reader of stdout is gone. */
  readonly brokenPipe: boolean;
}

/** What is used of a worker's global scope, whose types a library may not ask for. */
interface WorkerScope {
  onmessage: (event: MessageEvent<PrintStart | NamedChunk | "end">) => void;
  postMessage(message: unknown): void;
  close(): void;
}

const self = globalThis as unknown as WorkerScope;

/** Rows that are followed at a time, so that their runs stay in the processor's cache until they are printed. */
const PIECE = 1 << 13;

let tracker: RunTracker;
let builder: StreamBuilder;
let lines: RunLines;
let columns: RowColumns[] = [];
let taken: Int32Array<SharedArrayBuffer>;
let brokenPipe = false;
const names: string[] = [];
const runs = makeRunRows(PIECE);
const order = new Uint32Array(PIECE);
const nameOf = new Int32Array(PIECE);
let switches = 0;

const out = new ByteWriter((block) => {
  if (brokenPipe) return;
  try {
    for (let at = 0; at < block.length;) at += Deno.stdout.writeSync(block.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    brokenPipe = true;
  }
});

self.onmessage = ({ data }) => {
  if (data === "end") {
    builder.drain();
    out.flush();
    const { start, end } = builder.finish();
    const answer: PrintAnswer = { tracked: tracker.finish(), from: start, to: end, brokenPipe };
    self.postMessage(answer);
    self.close();
  } else if ("filter" in data) {
    tracker = new RunTracker(data.filter, runs);
    builder = new StreamBuilder(1 << 18, { sink: print });
    lines = new RunLines(out, data.base, data.state, names);
    columns = data.chunks.memory.map(chunkColumns);
    taken = data.chunks.taken;
    writeHeader(out, { state: data.state }, 0);
  } else {
    for (const name of data.names) names.push(printable(name));
    takeChunk(columns, data, builder);
    Atomics.store(taken, data.chunk, 0);
    Atomics.notify(taken, data.chunk);
    if (data.settled !== undefined) builder.settle(data.settled);
  }
};

function print(rows: RowColumns, inTime: Uint32Array | undefined, count: number): void {
  for (let from = 0; from < count; from += PIECE) {
    const size = Math.min(PIECE, count - from);
    for (let i = 0; i < size; i++) order[i] = inTime === undefined ? from + i : inTime[from + i]!;
    printPiece(rows, size);
  }
}

function printPiece(rows: RowColumns, count: number): void {
  const { kind, ts, cpu, pid, tid, a } = rows;
  const first = switches;
  for (let step = 0; step < count; step++) {
    const i = order[step]!;
    if (kind[i] !== Kind.Switch) continue;
    nameOf[switches++ - first] = tid[i]!;
    // The tracker believes the recorder's process only if the record was made by the thread that switches.
    tid[i] = pid[i]! >= 0 ? a[i]! : ~a[i]!;
  }
  runs.length = 0;
  tracker.take(rows, order, count);
  let run = 0;
  let row = first;
  for (let step = 0; step < count; step++) {
    const i = order[step]!;
    const what = kind[i];
    if (what === Kind.Switch) {
      if (run < runs.length && runs.switchRow[run] === row) lines.run(runs, run++, nameOf[row - first]!);
      row++;
    } else if (what === Kind.Lost) lines.lost(ts[i]!, cpu[i]!, a[i]! >>> 0);
  }
}
