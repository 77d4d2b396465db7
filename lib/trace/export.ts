import type { Columns } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import type { TraceTrack } from "./perfetto/write_tracks.ts";
import type { Trace } from "./trace.ts";
import type { TraceOutput } from "./write/output.ts";

/** What {@linkcode exportTrace} can make. */
export type ExportFormat = "arrow" | "parquet" | "csv" | "ftrace" | "trace.dat" | "perfetto" | "jsonl";

/** The formats of {@linkcode exportTrace}. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  "arrow",
  "parquet",
  "csv",
  "ftrace",
  "trace.dat",
  "perfetto",
  "jsonl",
];

/** Whether a format is a set of tables: a directory, or a file for one of them. */
export function isTableFormat(format: ExportFormat): format is "arrow" | "parquet" | "csv" {
  return format === "arrow" || format === "parquet" || format === "csv";
}

/** Options of {@linkcode exportTrace}. */
export interface ExportTraceOptions {
  /** For Perfetto: lines of one's own, such as `gapTracks(gaps(trace))`. Default: none; the trace's holes have one. */
  tracks?: readonly TraceTrack[];
  /** For tables: tables of one's own beside those of `tablesOf(trace)`, by name. Default: none. */
  more?: Readonly<Record<string, Frame<Columns>>>;
  /** For tables: only these, by name. Default: all. */
  tables?: readonly string[];
  /** For tables: writes the one table in `tables` to the file `output` (`-` is standard output). Default: a directory of all. */
  single?: boolean;
  /** For Parquet: the machine's name in the partition `host=`. Default: the trace's. */
  host?: string;
  /** For Parquet: the run's name in the partition `run=`. Default: the name of the trace's file. */
  run?: string;
  /** For ftrace text: stamps with nine digits, as `trace-cmd report -t` has them. Default: six, as the kernel prints. */
  nanoseconds?: boolean;
  /** Ends the writing with its reason; nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/**
 * Writes `trace` as `format`:
 *
 * | format | output | read by |
 * | --- | --- | --- |
 * | `perfetto` | a file | ui.perfetto.dev, trace_processor, `openTrace` |
 * | `trace.dat` | a file (version 6) | `trace-cmd report`, KernelShark, `openTrace` |
 * | `ftrace` | text, also `-` | whatever reads the kernel's `trace` file |
 * | `jsonl` | text, also `-` | jq and scripts: an object for each event, in order of time |
 * | `arrow`, `csv` | a directory, a file for each table of `tablesOf(trace)` | pandas, polars, DuckDB |
 * | `parquet` | a directory, partitioned by host and run | DuckDB, Spark, pyarrow, `schedscope/duckdb` |
 *
 * What is written appears whole or not at all: on a full disk, a missing permission, an interrupt nothing is left, and what was
 * there is as it was. Throws what the writer throws, and a RangeError where the output does not fit the format.
 */
export async function exportTrace(
  trace: Trace,
  format: ExportFormat,
  output: TraceOutput,
  options: ExportTraceOptions = {},
): Promise<void> {
  const { tracks = [], nanoseconds = false, signal } = options;
  signal?.throwIfAborted();
  if (isTableFormat(format)) return await exportTables(trace, format, output, options);
  switch (format) {
    case "perfetto": {
      const { writePerfetto } = await import("./perfetto/write.ts");
      return await writePerfetto(trace, output, { tracks, ...(signal === undefined ? {} : { signal }) });
    }
    case "trace.dat": {
      const { writeTraceDat } = await import("./trace_dat/write.ts");
      return await writeTraceDat(trace, inFile(output, format), signal === undefined ? {} : { signal });
    }
    case "ftrace": {
      const { writeFtraceText } = await import("./write/ftrace_text.ts");
      return await writeFtraceText(trace, output, {
        nanoseconds,
        ...(signal === undefined ? {} : { signal }),
      });
    }
    case "jsonl": {
      const { writeJsonLines } = await import("./write/json_lines.ts");
      return await writeJsonLines(trace, output, signal === undefined ? {} : { signal });
    }
    default:
      throw new RangeError(
        `Expected one of ${EXPORT_FORMATS.join(", ")} but found ${JSON.stringify(format)}`,
      );
  }
}

async function exportTables(
  trace: Trace,
  format: "arrow" | "parquet" | "csv",
  output: TraceOutput,
  options: ExportTraceOptions,
): Promise<void> {
  const { more = {}, tables: names, single = false, host, run, signal } = options;
  const { tablesOf } = await import("./tables.ts");
  const { writeDataSet, writeTable } = await import("./data_set/mod.ts");
  const tables = tablesOf(trace, more);
  const path = inFile(output, format);
  if (single) {
    const [name, ...others] = names ?? [...tables.keys()];
    if (name === undefined || others.length > 0) {
      throw new RangeError(
        `Expected one table for the file ${path} but found: ${[...names ?? tables.keys()].join(", ")}`,
      );
    }
    return await writeTable(tables.get(name), path, { format, metadata: tables.metadata, signal });
  }
  await writeDataSet(tables, path, {
    format,
    signal,
    ...(names === undefined ? {} : { tables: names }),
    ...(host === undefined ? {} : { host }),
    ...(run === undefined ? {} : { run }),
  });
}

function inFile(output: TraceOutput, format: ExportFormat): string {
  if (typeof output === "string") return output;
  throw new RangeError(`${format} is written to a path, not to a stream`);
}

/** `trace` as a Perfetto protobuf in memory, for `perfettoButton`; options as of {@linkcode exportTrace}. */
export async function perfettoBytes(
  trace: Trace,
  options: Pick<ExportTraceOptions, "tracks" | "signal"> = {},
): Promise<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const [bytes] = await Promise.all([
    new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>).bytes(),
    exportTrace(trace, "perfetto", writable, options),
  ]);
  return bytes;
}
