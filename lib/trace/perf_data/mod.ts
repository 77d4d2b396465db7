/**
 * perf.data files: header, features, one pass over the records for the scheduler's events, and the rest on demand.
 *
 * @module
 */
import { type ByteSource, fileSource, readExactly } from "../byte_source.ts";
import type { EventFormat } from "../event_format.ts";
import { TraceFormatError } from "../errors.ts";
import type { KnownHole } from "../quality.ts";
import { Trace } from "../trace.ts";
import type { RowSink } from "../stream_builder.ts";
import { decodeEvent } from "./decode.ts";
import { Feature, readFeatures } from "./features.ts";
import { MAGIC, readHeader } from "./header.ts";
import { layOut } from "./layout.ts";
import { readRecords } from "./read_stream.ts";
import { parseTracingData } from "./tracing_data.ts";

/** Whether a file that begins with `head` is a perf.data, of either byte order. */
export function sniff(head: Uint8Array): boolean {
  const magic = String.fromCharCode(...head.subarray(0, 8));
  return magic === MAGIC || magic === [...MAGIC].reverse().join("");
}

/**
 * Reads the perf.data file at `path`.
 *
 * Throws {@linkcode TraceFormatError} where the header, the attributes or the event formats cannot be read. Damage among
 * the records (a cut tail, bytes that are no records) becomes holes of the trace's quality.
 */
export function open(path: string): Trace {
  return read(fileSource(path));
}

/** The same as {@linkcode open} for any source of bytes. */
export function read(source: ByteSource): Trace {
  return readInto(source, undefined)!.trace;
}

/** What {@linkcode scan} gives. */
export interface ScannedTrace {
  /** The trace, but that its stream has no rows. */
  readonly trace: Trace;
  /** Stamps of the first and the last row, as the sink saw them; the trace's epoch is at `start`. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the file at `path` and hands the rows of its stream to `sink` as they come, in time order, without keeping them: for
 * an analysis that goes over them once, in half the time. Records without a stamp come first, with the stamp -Infinity.
 *
 * Returns undefined where some of the records were written late, out of order, so that the sink did not see them all; use
 * {@linkcode open} then. Throws as that does.
 */
export function scan(path: string, sink: RowSink): ScannedTrace | undefined {
  return readInto(fileSource(path), sink);
}

function readInto(source: ByteSource, sink: RowSink | undefined): ScannedTrace | undefined {
  const header = readHeader(source);
  const tracing = header.features.get(Feature.TracingData);
  let formats: ReadonlyMap<number, EventFormat> = new Map();
  if (tracing !== undefined) {
    try {
      formats = parseTracingData(readExactly(source, tracing.offset, tracing.size, "TRACING_DATA")).formats;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TraceFormatError(
        source.name,
        tracing.offset,
        "the formats of the recorded events",
        error.message,
        {
          cause: error,
        },
      );
    }
  } else if (header.attrs.some((attr) => attr.type === 2)) {
    throw new TraceFormatError(
      source.name,
      header.data.offset + header.data.size,
      "a TRACING_DATA section with the formats of the recorded events",
      header.unfinished ? "none: the recorder died before it wrote the end of the file" : "none",
    );
  }
  const layouts = layOut(header.attrs, formats);
  const records = readRecords(source, header.data, layouts, sink);
  if (sink !== undefined && !records.builder.drain()) return undefined;
  const { stream, start, end } = records.builder.finish();
  const epoch = records.base + BigInt(start);
  const features = readFeatures(source, header);
  const counts = new Map<string, number>();
  layouts.all.forEach((layout, i) => {
    if (layout.event === undefined) return;
    counts.set(layout.event, (counts.get(layout.event) ?? 0) + records.counts[i]!);
  });
  const to = end - start;
  const holes: KnownHole[] = records.damage.map((damage) => ({
    kind: damage.kind,
    cpu: -1,
    from: damage.kind === "truncated" ? to : 0,
    to,
    lost: 0,
    offset: damage.from,
  }));
  if (header.unfinished) {
    holes.push({ kind: "truncated", cpu: -1, from: to, to, lost: 0, offset: source.size });
  }
  if (records.malformed > 0) holes.push({ kind: "corrupt", cpu: -1, from: 0, to, lost: records.malformed });
  if (records.lostSamples > 0) holes.push({ kind: "lost", cpu: -1, from: 0, to, lost: records.lostSamples });
  const trace = new Trace({
    format: "perf.data",
    path: source.name,
    epoch,
    clock: features.clock,
    host: features.host,
    topology: features.topology,
    stream,
    formats: new Map([...formats.values()].map((format) => [format.name, format])),
    counts,
    holes,
    savedNames: new Map(),
    decode: (event, fields, exact) => decodeEvent(source, header.data, layouts, epoch, event, fields, exact),
  });
  return { trace, start, end };
}
