import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import { writeArrow } from "../../frame/to_arrow.ts";
import { TraceOutputError } from "../errors.ts";
import { withFile } from "../write/output.ts";
import { ROW_GROUP, writeParquet } from "./parquet.ts";

/** How a table is written. `arrow` is an Arrow IPC file. */
export type TableFormat = "arrow" | "parquet" | "csv";

/** The formats of {@linkcode writeTable}. */
export const TABLE_FORMATS: readonly TableFormat[] = ["arrow", "parquet", "csv"];

/** Options of {@linkcode writeTable}. */
export interface WriteTableOptions {
  /** How it is written. Default `arrow`. */
  format?: TableFormat;
  /** What goes into the file beside the rows (CSV has no place for it). Default: none. */
  metadata?: Readonly<Record<string, string>>;
  /** Ends the writing with its reason; looked at between groups of rows. Default: none. */
  signal?: AbortSignal | undefined;
}

/** The version of schedscope that wrote a file is in its metadata by this name. */
const VERSION_KEY = "schedscope.version";

/**
 * Writes one table to `output`: the path of a file, `-` for standard output, or a function that takes the bytes.
 *
 * Numbers keep their type; `ts` and all durations are DOUBLE ns, so no stamp is rounded. Text is encoded by dictionary, in CSV a
 * missing number (NaN) is empty. A file appears whole or not at all: it is written beside its place and then takes it, and what
 * was there stays until then. Throws {@linkcode TraceOutputError} where it cannot be written (a full disk), what
 * Deno throws where it cannot be opened, and the signal's reason.
 */
export async function writeTable(
  frame: Frame<Columns>,
  output: string | ((bytes: Uint8Array) => void),
  options: WriteTableOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  if (typeof output === "function") return await writeRows(frame, output, options);
  if (output === "-") return await writeRows(frame, writeTo(Deno.stdout, "standard output"), options);
  await withFile(output, options.signal, async (file) => {
    await writeRows(frame, writeTo(file, output), options);
    if ((await file.stat()).isFile) await file.sync();
  });
}

/** Writes one table to a new file at `path`, which is on the disk when this returns. */
export async function writeFile(
  frame: Frame<Columns>,
  path: string,
  options: WriteTableOptions,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await writeRows(frame, writeTo(file, path), options);
  // A file system that notices only later that it is full says so here.
  await file.sync();
}

async function writeRows(
  frame: Frame<Columns>,
  write: (bytes: Uint8Array) => void,
  options: WriteTableOptions,
): Promise<void> {
  const { format = "arrow", signal } = options;
  const { default: config } = await import("../../../deno.json", { with: { type: "json" } });
  const metadata = { [VERSION_KEY]: config.version, ...options.metadata };
  switch (format) {
    case "parquet":
      return await writeParquet(frame, write, metadata, signal);
    case "csv":
      return await writeCsv(frame, write, signal);
    case "arrow": {
      const columns = Object.fromEntries(frame.names.map((name) => [name, frame.column(name)]));
      return writeArrow(columns, frame.length, write, { format: "file", batchRows: ROW_GROUP, metadata });
    }
    default:
      throw new RangeError(`Expected one of ${TABLE_FORMATS.join(", ")} but found ${JSON.stringify(format)}`);
  }
}

/** Rows whose text is in memory at a time. */
const CSV_ROWS = 32_768;

async function writeCsv(
  frame: Frame<Columns>,
  write: (bytes: Uint8Array) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const encoder = new TextEncoder();
  for (let from = 0; from === 0 || from < frame.length; from += CSV_ROWS) {
    signal?.throwIfAborted();
    write(encoder.encode(frame.slice(from, from + CSV_ROWS).toCSV({ header: from === 0 })));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** A function that writes to the file `to`, called `name`: at once, as the writer of Parquet wants it. */
function writeTo(to: { writeSync(bytes: Uint8Array): number }, name: string): (bytes: Uint8Array) => void {
  return (all) => {
    // Files do not take bytes that are shared between threads, as those of a stream may be.
    const bytes = all.buffer instanceof SharedArrayBuffer ? new Uint8Array(all) : all;
    try {
      for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
    } catch (cause) {
      throw new TraceOutputError(name, cause);
    }
  };
}
