import { TraceFormatError } from "./errors.ts";
import * as perfData from "./perf_data/mod.ts";
import type { Trace } from "./trace.ts";

/** Options of {@linkcode openTrace}. */
export interface OpenTraceOptions {
  /** Ends the opening early with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Opens a recording: a perf.data file, or the directory that `schedscope record` makes from tracefs. The content decides
 * which, not the name.
 *
 * Damage (lost events, a cut tail, bytes that make no sense) does not stop it: see `trace.quality`. Throws
 * {@linkcode TraceFormatError} where the input is no trace at all, and what Deno throws where it cannot be read.
 */
export async function openTrace(path: string, options: OpenTraceOptions = {}): Promise<Trace> {
  options.signal?.throwIfAborted();
  const info = await Deno.stat(path);
  if (info.isDirectory) {
    const tracefs = await import("./tracefs/mod.ts");
    return await tracefs.open(path);
  }
  const head = new Uint8Array(16);
  const file = await Deno.open(path, { read: true });
  const got = await file.read(head).finally(() => file.close()) ?? 0;
  if (perfData.sniff(head.subarray(0, got))) return perfData.open(path);
  const found = got === 0
    ? "an empty file"
    : JSON.stringify(new TextDecoder("latin1").decode(head.subarray(0, got)));
  throw new TraceFormatError(path, 0, "perf.data (PERFILE2), or a directory of tracefs pages", found);
}
