import { firstAbove } from "../trace/time_order.ts";
import type { SchedStream } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { cpuOccupancy, type CpuSlices } from "./cpu_occupancy.ts";
import { type SegmentTable, segmentTable, threadAt } from "./thread_segments.ts";

/** What every thread did and who ran on every CPU, to be asked at any place. */
export interface ThreadLives {
  /** Segments of all threads. */
  readonly table: SegmentTable;
  /** By CPU who ran there. */
  readonly occupancy: readonly CpuSlices[];
  /** Place of a thread in the table; -1 where the trace does not have it. */
  find(tid: number): number;
  /** The row of the table that spans `time` in the life of thread `k`; `start[k] - 1` before its first. */
  at(k: number, time: number): number;
}

/** Kept as long as there is memory: who asks for one path or chain often asks for the next. */
const LIVES = new WeakMap<SchedStream, WeakRef<ThreadLives>>();

/** The lives of the threads of `trace`, a whole recording or the context of a window. */
export function threadLives(trace: Trace): ThreadLives {
  const { stream } = trace;
  let lives = LIVES.get(stream)?.deref();
  if (lives === undefined) LIVES.set(stream, new WeakRef(lives = livesOf(stream)));
  return lives;
}

function livesOf(stream: SchedStream): ThreadLives {
  const table = segmentTable(stream);
  const { start, from } = table;
  let slices: readonly CpuSlices[] | undefined;
  return {
    table,
    get occupancy() {
      return slices ??= cpuOccupancy(stream);
    },
    find(tid) {
      return threadAt(table, tid);
    },
    at(k, time) {
      return firstAbove(from, start[k]!, start[k + 1]!, time) - 1;
    },
  };
}
