import { chunkColumns, type ChunkMessage, type SharedChunks, takeChunk } from "../../trace/row_chunks.ts";
import { type RowColumns, StreamBuilder } from "../../trace/stream_builder.ts";
import { RunTracker } from "./track_runs.ts";
import type { RunFilter, TrackedRuns } from "./tracked_runs.ts";

/** The first message: what to sum up, and where its rows will lie. */
export interface StartMessage {
  readonly chunks: SharedChunks;
  readonly filter: RunFilter;
}

/** The answer to the last message, "end". */
export interface Answer {
  readonly tracked: TrackedRuns;
  /** First and last stamp. */
  readonly start: number;
  readonly end: number;
  /** Whether rows came out of order, so that the sum is not right. */
  readonly disordered: boolean;
}

/** What is used of a worker's global scope, whose types a library may not ask for. */
interface WorkerScope {
  onmessage: (event: MessageEvent<StartMessage | ChunkMessage | "end">) => void;
  postMessage(message: unknown): void;
  close(): void;
}

const self = globalThis as unknown as WorkerScope;

let tracker: RunTracker;
let builder: StreamBuilder;
let columns: RowColumns[] = [];
let taken: Int32Array<SharedArrayBuffer>;

self.onmessage = ({ data }) => {
  if (data === "end") {
    const disordered = !builder.drain();
    const { start, end } = builder.finish();
    const answer: Answer = { tracked: tracker.finish(), start, end, disordered };
    self.postMessage(answer);
    self.close();
  } else if ("filter" in data) {
    tracker = new RunTracker(data.filter);
    builder = new StreamBuilder(1 << 18, { sink: (rows, order, count) => tracker.take(rows, order, count) });
    columns = data.chunks.memory.map(chunkColumns);
    taken = data.chunks.taken;
  } else {
    takeChunk(columns, data, builder);
    Atomics.store(taken, data.chunk, 0);
    Atomics.notify(taken, data.chunk);
    if (data.settled !== undefined) builder.settle(data.settled);
  }
};
