import type { SchedStream } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { cpuOccupancy, type CpuSlices } from "./cpu_occupancy.ts";
import { type SegmentTable, segmentTable } from "./thread_segments.ts";

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
  const { tids, start, from } = table;
  let slices: readonly CpuSlices[] | undefined;
  return {
    table,
    get occupancy() {
      return slices ??= cpuOccupancy(stream);
    },
    find(tid) {
      let low = 0;
      let high = tids.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (tids[middle]! < tid) low = middle + 1;
        else high = middle;
      }
      return tids[low] === tid ? low : -1;
    },
    at(k, time) {
      let low = start[k]!;
      let high = start[k + 1]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (from[middle]! <= time) low = middle + 1;
        else high = middle;
      }
      return low - 1;
    },
  };
}
