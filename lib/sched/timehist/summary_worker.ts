/// <reference lib="deno.worker" />
import { chunkColumns, type ChunkMessage, type SharedChunks } from "../../trace/row_chunks.ts";
import type { RowColumns } from "../../trace/stream_builder.ts";
import { type RunFilter, RunTracker, type TrackedRuns } from "./track_runs.ts";

/** The first message: what to sum up, and where its rows will lie. */
export interface StartMessage {
  readonly chunks: SharedChunks;
  readonly filter: RunFilter;
}

declare const self: DedicatedWorkerGlobalScope;

let tracker: RunTracker;
let columns: RowColumns[] = [];
let taken: Int32Array<SharedArrayBuffer>;

// Answers the last message, "end", with the TrackedRuns.
self.onmessage = ({ data }: MessageEvent<StartMessage | ChunkMessage | "end">) => {
  if (data === "end") {
    const tracked: TrackedRuns = tracker.finish();
    self.postMessage(tracked);
    self.close();
  } else if ("filter" in data) {
    tracker = new RunTracker(data.filter);
    columns = data.chunks.memory.map(chunkColumns);
    taken = data.chunks.taken;
  } else {
    tracker.take(columns[data.chunk]!, undefined, data.rows);
    Atomics.store(taken, data.chunk, 0);
    Atomics.notify(taken, data.chunk);
  }
};
