import { TraceFormatError } from "./errors.ts";
import type { Trace } from "./trace.ts";

/** Options of {@linkcode openTrace}. */
export interface OpenTraceOptions {
  /** Ends the opening early with the signal's reason. Default: none. */
  signal?: AbortSignal;
}

/** A format that {@linkcode openTrace} knows: how it is told, and its reader, which is loaded when it is needed. */
interface TraceFormat {
  /** What messages call it. */
  readonly name: string;
  /** Whether a file that begins with these bytes is of it. */
  readonly sniff: (head: Uint8Array) => boolean;
  readonly open: (path: string, options: OpenTraceOptions) => Promise<Trace>;
}

/** Bytes that a format may look at. */
const HEAD = 4096;

/** The first that knows the head reads the file: binary formats before texts. */
const FORMATS: readonly TraceFormat[] = [
  {
    name: "perf.data (PERFILE2)",
    sniff: (head) => startsWith(head, "PERFILE2") || startsWith(head, "2ELIFREP"),
    open: async (path) => (await import("./perf_data/mod.ts")).open(path),
  },
];

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
    return await tracefs.open(path, options);
  }
  const head = await readHead(path);
  const format = FORMATS.find((each) => each.sniff(head));
  if (format !== undefined) return await format.open(path, options);
  const found = head.length === 0
    ? "an empty file"
    : JSON.stringify(new TextDecoder("latin1").decode(head.subarray(0, 16)));
  const known = FORMATS.map((each) => each.name).join(", ");
  throw new TraceFormatError(path, 0, `${known}, or a directory of tracefs pages`, found);
}

async function readHead(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path, { read: true });
  const head = new Uint8Array(HEAD);
  let done = 0;
  while (done < HEAD) {
    const n = await file.read(head.subarray(done));
    if (n === null) break;
    done += n;
  }
  return head.subarray(0, done);
}

function startsWith(head: Uint8Array, text: string): boolean {
  return head.length >= text.length && [...text].every((char, i) => head[i] === char.charCodeAt(0));
}
