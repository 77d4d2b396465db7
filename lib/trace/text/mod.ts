/**
 * Traces that were printed: ftrace's `trace` and `trace_pipe`, `trace-cmd report`, `perf script`, `perf sched timehist`.
 *
 * @module
 */
import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import { type ByteSource, fileSource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import type { ScanRequest } from "../scan.ts";
import type { Trace } from "../trace.ts";
import type { TraceWindow } from "../window.ts";
import { readEvents } from "./read_events.ts";
import { readTimehist } from "./read_timehist.ts";
import { scanText } from "./scan.ts";
import { sniff, type TextFormat } from "./sniff.ts";

export { sniff, type TextFormat } from "./sniff.ts";

/** Options of {@linkcode open}. */
export interface OpenTextOptions {
  /**
   * Only the lines that can hold something of it are read, where the text is in the order of time; its lead is looked at too.
   * Threads that are only named elsewhere have no name then. Default: all.
   */
  window?: TraceWindow;
}

/** Reads the text at `path`. Throws {@linkcode TraceFormatError} where it is none of these. */
export function open(path: string, options: OpenTextOptions = {}): Trace {
  return read(fileSource(path), options);
}

/** The same as {@linkcode open} for any source of bytes. */
export function read(source: ByteSource, options: OpenTextOptions = {}): Trace {
  const format = formatOf(source);
  return format === "perf sched timehist text" ? readTimehist(source) : readEvents(source, format, options);
}

/** One event of a text batch by batch, in the order of its lines; see `scanTrace`. */
export async function* scan(
  source: ByteSource,
  request: ScanRequest,
): AsyncGenerator<Frame<Columns>, void, undefined> {
  if (formatOf(source) !== "perf sched timehist text") {
    yield* scanText(source, request);
    return;
  }
  // What a line says of a thread is known when those behind it are: all of them are read.
  const { event, columns, window, batchRows, signal } = request;
  const whole = readTimehist(source);
  const all = (window === undefined ? whole : whole.window({ ...window, lead: 0 })).event(event);
  const frame = columns === undefined ? all : all.select("ts", "cpu", ...columns);
  for (let at = 0; at < frame.length; at += batchRows) {
    signal?.throwIfAborted();
    yield frame.slice(at, Math.min(frame.length, at + batchRows));
  }
}

function formatOf(source: ByteSource): TextFormat {
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
  return format;
}
