import type { Columns } from "../frame/column.ts";
import type { Frame } from "../frame/frame.ts";
import type { ByteSource } from "./byte_source.ts";
import { openTrace, type OpenTraceOptions, type TraceFormat, traceFormat } from "./open.ts";
import type { Trace } from "./trace.ts";
import type { TraceWindow } from "./window.ts";

/** Options of {@linkcode scanTrace}. */
export interface ScanTraceOptions
  extends Pick<OpenTraceOptions, "formatsFrom" | "guest" | "instance" | "maxUnpacked"> {
  /** The event, `system:name`. */
  event: string;
  /** Its fields that are wanted. `ts` and `cpu` are always there. Default: `common_pid` and all of its own. */
  columns?: readonly string[];
  /** Only what was recorded then. Default: all. */
  window?: Omit<TraceWindow, "lead">;
  /** Rows of a batch; the last one may have fewer. Default 65536. */
  batchRows?: number;
  /** Ends the scan with its reason, looked at between two batches. Default: none. */
  signal?: AbortSignal;
}

/** What a format's own scan is asked for: {@linkcode ScanTraceOptions} with its defaults filled in. */
export interface ScanRequest {
  /** What was asked for: the source's file, or the directory that it is in (`perf record --threads`). */
  readonly path: string;
  readonly event: string;
  /** Fields, `ts` and `cpu` not among them; undefined = `common_pid` and all that are the event's own. */
  readonly columns: readonly string[] | undefined;
  /** Both ends belong to it; undefined = all. */
  readonly window: Omit<TraceWindow, "lead"> | undefined;
  readonly batchRows: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A format's own scan: batches of `batchRows` rows with the columns `ts` (ns since the whole recording's epoch), `cpu`, and
 * the fields, in bounded memory. Throws RangeError where the recording has no such event or field.
 */
export type ScanFormat = (
  source: ByteSource,
  request: ScanRequest,
  options: OpenTraceOptions,
) => AsyncGenerator<Frame<Columns>, void, undefined>;

const BATCH_ROWS = 65536;

/**
 * Reads one event of the recording at `path` batch by batch, so that recordings larger than memory can be gone through: no
 * more than a batch and what is not yet in order is kept.
 *
 * Each batch is a frame with `ts` (ns since the epoch), `cpu` and the fields as `trace.event` has them; dictionaries are
 * each batch's own. Rows come in the order of time where the recorder wrote nothing late, which is known of perf.data as its
 * rounds of reading end; a record that was written later than that (`stream.late` of a full open tells of such) comes
 * when it is read. Where nothing bounds how late records may be (`perf record --threads`, a recording of one round), the
 * order holds as far as 128 MiB of waiting rows allow. The batches' memory is not used again: they may be kept.
 *
 * perf.data, trace.dat and tracefs captures are read so, and formats with a scan of their own; of others, and of what is packed
 * or comes from standard input, all is opened first, and memory is bounded by that.
 *
 * Throws what `openTrace` throws, and RangeError where the recording has no such event or field.
 *
 * @example
 * ```ts ignore
 * import { scanTrace } from "@schedscope/schedscope/trace";
 *
 * let longest = 0;
 * const options = { event: "sched:sched_stat_wait", columns: ["delay"] };
 * for await (const batch of scanTrace("perf.data", options)) {
 *   for (const delay of batch.column("delay") as Float64Array) longest = Math.max(longest, delay);
 * }
 * ```
 */
export async function* scanTrace(
  path: string,
  options: ScanTraceOptions,
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const { event, columns, window, batchRows = BATCH_ROWS, signal } = options;
  if (!Number.isInteger(batchRows) || batchRows < 1) {
    throw new RangeError(`Expected batchRows to be an integer greater than 0 but found ${batchRows}`);
  }
  signal?.throwIfAborted();
  const fields = columns?.filter((name) => name !== "ts" && name !== "cpu");
  const request: ScanRequest = { path, event, columns: fields, window, batchRows, signal };
  const found: { source: ByteSource; format: TraceFormat } | undefined = await traceFormat(path);
  if (found?.format.scan !== undefined) {
    yield* found.format.scan(found.source, request, options);
    return;
  }
  if (found === undefined && path !== "-" && (await Deno.stat(path)).isDirectory) {
    yield* (await import("./tracefs/mod.ts")).scan(path, request);
    return;
  }
  const { formatsFrom, guest, instance, maxUnpacked } = options;
  const trace = await openTrace(path, {
    ...(formatsFrom === undefined ? {} : { formatsFrom }),
    ...(guest === undefined ? {} : { guest }),
    ...(instance === undefined ? {} : { instance }),
    ...(maxUnpacked === undefined ? {} : { maxUnpacked }),
    ...(window === undefined ? {} : { window: { ...window, lead: 0 } }),
    ...(signal === undefined ? {} : { signal }),
  });
  yield* batchesOf(trace, request);
}

/** The rows of an open trace in batches, for formats that cannot do better. */
function* batchesOf(trace: Trace, request: ScanRequest): Generator<Frame<Columns>, void, undefined> {
  const { event, columns, batchRows, signal } = request;
  const all = trace.event(event);
  const names = columns === undefined ? all.names : ["ts", "cpu", ...columns];
  const frame = all.select(...names);
  for (const name of names) frame.column(name); // a field that is not there is told before the first batch
  for (let at = 0; at < frame.length; at += batchRows) {
    signal?.throwIfAborted();
    yield frame.slice(at, Math.min(frame.length, at + batchRows));
  }
}
