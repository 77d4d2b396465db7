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
import type { SchedStream } from "../stream.ts";
import { type RowBuffer, StreamBuilder } from "../stream_builder.ts";
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
  // Rows that a round may have before more room is made; what is not used costs nothing.
  const expected = source.size / BYTES_PER_ROW;
  const builder = new StreamBuilder(Math.min(1 << 20, expected), { expected });
  return readInto(source, builder, () => builder.finish());
}

/** Bytes of a record with its raw data, roughly. */
const BYTES_PER_ROW = 64;

/**
 * Reads the file at `path` and puts the rows of its stream into `rows` as they come, for an analysis that goes over them
 * once and needs not keep them. The trace's stream has no rows, and its epoch is the stamp 0 of `rows`, not the first.
 *
 * Where `rows.disordered` is set afterwards, some of the records were written late, out of order. Throws as
 * {@linkcode open} does.
 */
export function scan(path: string, rows: RowBuffer): Trace {
  return readInto(fileSource(path), rows, () => {
    const none = new StreamBuilder(0).finish();
    return { ...none, stream: { ...none.stream, comms: rows.comms } };
  });
}

function readInto<B extends RowBuffer>(
  source: ByteSource,
  rows: B,
  finish: () => { stream: SchedStream; start: number; end: number },
): Trace {
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
  const records = readRecords(source, header.data, layouts, rows);
  const { stream, start, end } = finish();
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
  return new Trace({
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
}
