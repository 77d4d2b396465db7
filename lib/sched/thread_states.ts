import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import type { Trace } from "../trace/trace.ts";
import { segmentAt, threadSegments } from "./thread_segments.ts";
import { withinSpan } from "./within_span.ts";

/** What a thread was doing, in words; by the numbers of `Doing`. */
const STATES = ["unknown", "running", "runnable", "runnable", "sleeping"] as const;

/** Columns of {@linkcode threadStates}. */
export type ThreadStateColumns = {
  /** Start, ns since the epoch. */
  ts: Float64Array;
  /** ns. */
  dur: Float64Array;
  state: DictColumn<"unknown" | "running" | "runnable" | "sleeping">;
  /** CPU that it ran on or was queued on; -1 unknown. */
  cpu: Int32Array;
};

/** Options of {@linkcode threadStates}. */
export interface ThreadStatesOptions {
  /** Only what lies after this, ns since the epoch. Default: the trace's first event. */
  from?: number;
  /** Only what lies before this, ns since the epoch. Default: the trace's last event. */
  to?: number;
}

/** The life of thread `tid` in states that follow one another: running, runnable, sleeping. Needs `sched:sched_switch`. */
export function threadStates(
  trace: Trace,
  tid: number,
  options: ThreadStatesOptions = {},
): Frame<ThreadStateColumns> {
  if (trace.context !== undefined) return threadStates(trace.context, tid, withinSpan(trace, options));
  trace.requireEvent("threadStates", "sched:sched_switch");
  const { from = trace.span.from, to = trace.span.to } = options;
  const segments = threadSegments(trace.stream, [tid]).get(tid);
  const rows: number[] = [];
  if (segments !== undefined) {
    for (
      let i = Math.max(0, segmentAt(segments, from));
      i < segments.from.length && segments.from[i]! < to;
      i++
    ) {
      if ((segments.from[i + 1] ?? Infinity) > from) rows.push(i);
    }
  }
  const start = (i: number) => Math.max(from, segments!.from[i]!);
  return new Frame<ThreadStateColumns>({
    ts: Float64Array.from(rows, start),
    dur: Float64Array.from(rows, (i) => Math.min(to, segments!.from[i + 1] ?? Infinity) - start(i)),
    state: new DictColumn(
      Uint8Array.from(rows, (i) => segments!.hidden[i] === 1 ? 0 : segments!.doing[i]!),
      STATES,
    ),
    cpu: Int32Array.from(rows, (i) => segments!.cpu[i]!),
  });
}
