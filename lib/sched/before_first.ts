import { Kind } from "../trace/stream.ts";
import type { Trace } from "../trace/trace.ts";
import { Doing, type SegmentTable } from "./thread_segments.ts";

/**
 * What each thread of `table` (by its number) did from the trace's start to its first segment, as {@linkcode Doing}: `Gone` where it was not
 * made yet. Who is woken slept until then; since when is known only where nothing of the trace is missing before.
 */
export function beforeFirst(trace: Trace, table: SegmentTable): (k: number) => number {
  const { kind } = trace.stream;
  const { holes } = trace.quality;
  const complete = holes.length === 0 ? Infinity : holes.column("from")[0]!;
  return (k) => {
    const first = table.start[k]!;
    if (first === table.start[k + 1]!) return Doing.Unknown;
    const doing = table.doing[first]!;
    if (doing === Doing.Gone) return Doing.Gone;
    if (doing !== Doing.Woken) return Doing.Unknown;
    if (kind[table.event[first]!] === Kind.WakeupNew) return Doing.Gone;
    return table.from[first]! <= complete ? Doing.Asleep : Doing.Unknown;
  };
}
