/**
 * Traces that were printed: ftrace's `trace` and `trace_pipe`, `trace-cmd report`, `perf script`, `perf sched timehist`.
 *
 * @module
 */
import { type ByteSource, fileSource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import type { Trace } from "../trace.ts";
import { readEvents } from "./read_events.ts";
import { readTimehist } from "./read_timehist.ts";
import { sniff } from "./sniff.ts";

export { sniff, type TextFormat } from "./sniff.ts";

/** Reads the text at `path`. Throws {@linkcode TraceFormatError} where it is none of these. */
export function open(path: string): Trace {
  return read(fileSource(path));
}

/** The same as {@linkcode open} for any source of bytes. */
export function read(source: ByteSource): Trace {
  const head = new Uint8Array(Math.min(65536, source.size));
  {
    using reader = source.open();
    reader.read(head, 0);
  }
  const format = sniff(head);
  if (format === undefined) {
    const wanted = "a line of ftrace, perf script or perf sched timehist";
    throw new TraceFormatError(source.name, 0, wanted, "none in the first 64 KiB");
  }
  return format === "perf sched timehist text" ? readTimehist(source) : readEvents(source, format);
}
