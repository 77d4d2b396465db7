/**
 * perf.data files: header, features, one pass over the records for the scheduler's events, and the rest on demand.
 *
 * @module
 */
import { type ByteSource, fileSource, readExactly } from "../byte_source.ts";
import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import type { EventFormat } from "../event_format.ts";
import { TraceFormatError } from "../errors.ts";
import type { KnownHole } from "../quality.ts";
import { QualityTracker } from "../quality_tracker.ts";
import { RowBlocks } from "../row_blocks.ts";
import { Trace } from "../trace.ts";
import { type SchedStream, STREAM_EVENTS } from "../stream.ts";
import type { ScanRequest } from "../scan.ts";
import { type RowBuffer, StreamBuilder } from "../stream_builder.ts";
import { type TraceWindow, windowBounds } from "../window.ts";
import { recordSwapper } from "./byte_order.ts";
import { decodeEvent } from "./decode.ts";
import { Feature, readFeatures } from "./features.ts";
import { findEpoch, findStart } from "./find_window.ts";
import { readFormatsFrom } from "./formats_from.ts";
import { MAGIC, type PerfHeader, readHeader } from "./header.ts";
import { layOut, type Layouts } from "./layout.ts";
import { loadInflater } from "./inflate.ts";
import { guestsOf, type MachineAttrs, partByMachine, readGuestIds } from "./id_index.ts";
import { readParallel, threadsFor } from "./parallel.ts";
import { isPipe, readPipeHeader } from "./pipe.ts";
import { readRecords, type Records } from "./read_stream.ts";
import { scanEvent } from "./scan_event.ts";
import { findBase } from "./stamp.ts";
import { parseTracingData } from "./tracing_data.ts";
import type { RecordParts } from "./walk.ts";

/** Whether a file that begins with `head` is a perf.data, of either byte order. */
export function sniff(head: Uint8Array): boolean {
  const magic = String.fromCharCode(...head.subarray(0, 8));
  return magic === MAGIC || magic === [...MAGIC].reverse().join("");
}

/** Options of {@linkcode open} and {@linkcode read}. */
export interface OpenPerfDataOptions {
  /**
   * Where the events' formats are taken from if the recorder died before it wrote them: `machine` for this machine's
   * tracefs, or the path of a tracefs or of another perf.data. It must be of the machine, and the boot, that recorded.
   * Default: none, and a recording without formats is refused.
   */
  formatsFrom?: string | undefined;
  /** Threads that read a large file together. Default: as many as pay. */
  workers?: number | undefined;
  /** Ends the opening with its reason, looked at where other threads are waited for. Default: none. */
  signal?: AbortSignal | undefined;
  /** Only what is needed for this part of the recording is read; what is read may be more than it. Default: all is read. */
  window?: TraceWindow | undefined;
  /** Events are counted and their quality is assessed, but the stream is made when it is first asked for. Default false. */
  lazy?: boolean | undefined;
  /**
   * Process, on the host, of the guest whose events are read instead of the host's; `trace.guests` has those there are. Its rows
   * have the guest's CPUs. Default: the host.
   */
  guest?: number | undefined;
}

/** Whether the directory at `path` is a recording of `perf record --threads`. */
export function isDirectoryRecording(path: string): boolean {
  try {
    const head = readExactly(fileSource(`${path}/data`), 0, 8, "the header of perf.data");
    return sniff(head);
  } catch {
    return false;
  }
}

/**
 * Reads the perf.data at `path`: a file, as perf wrote it or as it came out of its pipe, or the directory that
 * `perf record --threads` makes.
 *
 * Throws {@linkcode TraceFormatError} where the header, the attributes or the event formats cannot be read. Damage among
 * the records (a cut tail, bytes that are no records, pieces that cannot be decompressed) becomes holes of the trace's
 * quality.
 */
export async function open(path: string, options: OpenPerfDataOptions = {}): Promise<Trace> {
  if (!(await Deno.stat(path)).isDirectory) return await read(fileSource(path), options);
  return await readParts(path, fileSource(`${path}/data`), dataFiles(path), options);
}

/** The same as {@linkcode open} for any source of bytes. */
export async function read(source: ByteSource, options: OpenPerfDataOptions = {}): Promise<Trace> {
  return await readParts(source.name, source, [], options);
}

async function readParts(
  path: string,
  source: ByteSource,
  more: readonly ByteSource[],
  options: OpenPerfDataOptions,
): Promise<Trace> {
  if (options.window !== undefined) {
    const trace = await readWindow(path, source, more, options, options.window);
    if (trace !== undefined) return trace;
  }
  if (options.lazy === true) {
    const trace = await survey(path, source, more, options);
    if (trace !== undefined) return trace;
  }
  const prepared = await prepare(path, source, more, options);
  const { parts, layouts } = prepared;
  const bytes = parts.parts.reduce((sum, { data }) => sum + data.size, 0);
  // Rows that a round may have before more room is made; what is not used costs nothing.
  const expected = bytes / BYTES_PER_ROW;
  const makeBuilder = () => new StreamBuilder(Math.min(1 << 20, expected), { expected });
  let builder = makeBuilder();
  let records: Records<StreamBuilder> | undefined;
  const threads = prepared.plain && source.isFile === true ? threadsFor(bytes, options.workers) : 1;
  if (threads > 1) {
    const { machines, formats } = prepared;
    records = await readParallel(parts, layouts, machines.attrs, formats, builder, threads);
    options.signal?.throwIfAborted();
    if (records === undefined) builder = makeBuilder();
  }
  records ??= readRecords(parts, layouts, builder);
  const { stream, start, end } = builder.finish();
  return makeTrace(prepared, parts, records, stream, records.base + BigInt(start), end - start);
}

/** Bytes of a record with its raw data, roughly. */
const BYTES_PER_ROW = 64;

/** The records of a directory: perf writes one file for each of its threads. */
function dataFiles(path: string): ByteSource[] {
  const numbers: number[] = [];
  for (const entry of Deno.readDirSync(path)) {
    const number = /^data\.(\d+)$/.exec(entry.name)?.[1];
    if (number !== undefined && entry.isFile) numbers.push(Number(number));
  }
  return numbers.sort((x, y) => x - y).map((number) => fileSource(`${path}/data.${number}`));
}

/**
 * Reads the file at `path` and puts the rows of its stream into `rows` as they come, for an analysis that goes over them
 * once and needs not keep them. The trace's stream has no rows, and its epoch is the stamp 0 of `rows`, not the first.
 *
 * Where `rows.disordered` is set afterwards, some of the records were written late, out of order. Throws as
 * {@linkcode open} does.
 */
export async function scan(
  path: string,
  rows: RowBuffer,
  options: OpenPerfDataOptions = {},
): Promise<Trace> {
  const prepared = await prepare(path, fileSource(path), [], options);
  const records = readRecords(prepared.parts, prepared.layouts, rows);
  return traceOfScan(prepared, records, rows.comms);
}

/** A recording whose rows were handed on: its stream has none, but the names of threads. */
export function traceOfScan(
  prepared: Prepared,
  records: Records<RowBuffer>,
  comms: readonly string[],
): Trace {
  const stream = { ...new StreamBuilder(0).finish().stream, comms };
  return makeTrace(prepared, prepared.parts, records, stream, records.base, 0);
}

/** The samples of one event of a perf.data, batch by batch: see `scanTrace`. */
export async function* scanBatches(
  source: ByteSource,
  request: ScanRequest,
  options: OpenPerfDataOptions = {},
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const more = isDirectoryRecording(request.path) ? dataFiles(request.path) : [];
  const prepared = await prepare(request.path, source, more, options);
  const { header, layouts, parts } = prepared;
  // Where there is no row of the scheduler's, the first stamp is as good.
  const epoch = findEpoch(parts, layouts);
  const { from, to } = windowBounds(request.window ?? {}, epoch);
  const [first, ...others] = parts.parts;
  const { data } = first!;
  const offset = prepared.plain && from > 0
    ? findStart(source, header, layouts, epoch + BigInt(Math.floor(from)))
    : data.offset;
  const section = { offset, size: data.offset + data.size - offset };
  const records = { ...parts, parts: [{ source, data: section }, ...others] };
  const origin = { base: findBase(parts, layouts), epoch };
  yield* scanEvent({ records, layouts, origin, from, to }, request);
}

/** The layouts by id of the events that the file of `header` recorded. */
function readFormats(
  source: ByteSource,
  header: PerfHeader,
  options: OpenPerfDataOptions,
): ReadonlyMap<number, EventFormat> {
  const tracing = header.features.get(Feature.TracingData);
  if (tracing !== undefined) {
    try {
      return parseTracingData(readExactly(source, tracing.offset, tracing.size, "TRACING_DATA")).formats;
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const expected = "the formats of the recorded events";
      throw new TraceFormatError(source.name, tracing.offset, expected, cause.message, { cause });
    }
  }
  const tracepoints = header.attrs.filter((attr) => attr.type === 2).map((attr) => Number(attr.config));
  if (tracepoints.length === 0) return new Map();
  if (options.formatsFrom !== undefined) {
    return readFormatsFrom(options.formatsFrom, new Set(tracepoints));
  }
  throw new TraceFormatError(
    source.name,
    header.data.offset + header.data.size,
    "a TRACING_DATA section with the formats of the recorded events",
    (header.unfinished ? "none: the recorder died before it wrote the end of the file" : "none") +
      "; where the machine that recorded still runs, open it with formatsFrom: its tracefs (there: " +
      '"machine"), or another perf.data that it made since it was started',
  );
}

/** What is known of a recording before its records are read. */
export interface Prepared {
  readonly path: string;
  readonly source: ByteSource;
  readonly header: PerfHeader;
  readonly formats: ReadonlyMap<number, EventFormat>;
  readonly machines: MachineAttrs;
  /** Which guest is read; undefined = the host. */
  readonly guest: number | undefined;
  readonly layouts: Layouts;
  readonly parts: RecordParts;
  /** Whether the records lie in one file as they are: neither compressed nor of another byte order. */
  readonly plain: boolean;
}

/** Reads all of the recording that is not its records. */
export async function prepare(
  path: string,
  source: ByteSource,
  more: readonly ByteSource[],
  options: OpenPerfDataOptions,
): Promise<Prepared> {
  const pipe = isPipe(source);
  const header = pipe ? readPipeHeader(source) : readHeader(source);
  // A recorder that died has not said whether it compresses.
  const packed = header.unfinished || header.features.has(Feature.Compressed);
  if (packed) await loadInflater();
  const formats = readFormats(source, header, options);
  const pieces = [
    { source, data: header.data },
    ...more.map((part) => ({ source: part, data: { offset: 0, size: part.size } })),
  ];
  const machines = partByMachine(header.attrs, readGuestIds({ parts: pieces }, header), options.guest);
  const layouts = layOut(machines.attrs, formats);
  const parts: RecordParts = {
    parts: pieces,
    swap: header.littleEndian ? undefined : recordSwapper(layouts),
  };
  const plain = !pipe && !packed && more.length === 0 && header.littleEndian;
  return { path, source, header, formats, machines, guest: options.guest, layouts, parts, plain };
}

/**
 * Goes over the records and keeps none. undefined where the records of a CPU are not in the order of time, so that they must
 * be sorted before it can be said what is missing.
 */
async function survey(
  path: string,
  source: ByteSource,
  more: readonly ByteSource[],
  options: OpenPerfDataOptions,
): Promise<Trace | undefined> {
  const prepared = await prepare(path, source, more, options);
  const { parts, layouts } = prepared;
  const tracker = new QualityTracker();
  const rows = new RowBlocks((columns, count) => tracker.take(columns, count));
  const records = readRecords(parts, layouts, rows);
  rows.flush();
  if (!tracker.inOrder) return undefined;
  const start = tracker.from === Infinity ? 0 : tracker.from;
  const stream = () => {
    const builder = new StreamBuilder(1 << 16);
    readRecords(parts, layouts, builder);
    return builder.finish().stream;
  };
  const epoch = records.base + BigInt(start);
  const to = Math.max(0, tracker.to - start);
  return makeTrace(prepared, parts, records, stream, epoch, to, { tracker, start });
}

/**
 * Reads what is needed for `window`. undefined where it must be cut out of the whole: where the records that were read have
 * some that were written later than the rounds allow, so that others may be anywhere.
 */
async function readWindow(
  path: string,
  source: ByteSource,
  more: readonly ByteSource[],
  options: OpenPerfDataOptions,
  window: TraceWindow,
): Promise<Trace | undefined> {
  const prepared = await prepare(path, source, more, options);
  const { header, layouts, plain } = prepared;
  const epoch = findEpoch(prepared.parts, layouts);
  const { lead, to } = windowBounds(window, epoch);
  const from = plain && lead > 0
    ? findStart(source, header, layouts, epoch + BigInt(Math.floor(lead)))
    : undefined;
  const [first, ...others] = prepared.parts.parts;
  const offset = from ?? first!.data.offset;
  const section = { offset, size: first!.data.offset + first!.data.size - offset };
  const parts = { ...prepared.parts, parts: [{ source, data: section }, ...others] };
  const keptFrom = lead > 0 ? lead : -Infinity;
  const builder = new StreamBuilder(1 << 16, {
    expected: section.size / BYTES_PER_ROW,
    keepFrom: keptFrom,
  });
  const enough = others.length === 0 ? (delivered: number) => delivered > to : undefined;
  const records = readRecords(parts, layouts, builder, { base: epoch, enough });
  const { stream, end } = builder.finish(0);
  if ((stream.late?.length ?? 0) > 0 && (enough !== undefined || from !== undefined)) return undefined;
  // What was read is all that is read again when a column is decoded.
  const read = records.end === undefined ? parts : {
    ...parts,
    parts: [{ source, data: { offset, size: records.end - offset } }],
  };
  return makeTrace(
    prepared,
    read,
    records,
    stream,
    epoch,
    // By its span it is told whether there is more behind it.
    records.end === undefined ? end : records.delivered,
    { keptFrom },
  );
}

function makeTrace(
  prepared: Prepared,
  parts: RecordParts,
  records: Records<RowBuffer>,
  stream: SchedStream | (() => SchedStream),
  epoch: bigint,
  to: number,
  known: { tracker?: QualityTracker; start?: number; keptFrom?: number } = {},
): Trace {
  const { path, source, header, formats, machines, guest, layouts } = prepared;
  const features = readFeatures(source, header);
  const counts = new Map<string, number>();
  layouts.all.forEach((layout, i) => {
    if (layout.event === undefined) return;
    counts.set(layout.event, (counts.get(layout.event) ?? 0) + records.counts[i]!);
  });
  const origin = { base: records.base, epoch };
  if (known.keptFrom !== undefined) countKept(counts, layouts, stream as SchedStream);
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
    path,
    epoch,
    clock: features.clock,
    // What the file says of a machine, it says of the host.
    host: guest === undefined ? features.host : {},
    topology: guest === undefined ? features.topology : { packages: [], cores: [] },
    guests: guestsOf(machines, formats, records.counts),
    ...(guest === undefined ? {} : { guest }),
    stream,
    ...(known.keptFrom === undefined && known.tracker === undefined ? {} : { span: { from: 0, to } }),
    ...(known.tracker === undefined ? {} : { quality: () => known.tracker!.finish(holes, known.start) }),
    formats: new Map([...formats.values()].map((format) => [format.name, format])),
    counts,
    holes,
    savedNames: new Map(),
    decode: (event, fields, exact) =>
      decodeEvent(parts, layouts, origin, event, fields, exact, known.keptFrom),
  });
}

/** Counts in `counts` what of the events that are rows was kept. */
function countKept(counts: Map<string, number>, layouts: Layouts, { kind, length }: SchedStream): void {
  const rows = new Float64Array(256);
  for (let i = 0; i < length; i++) rows[kind[i]!]!++;
  for (const [event, { kind }] of Object.entries(STREAM_EVENTS)) {
    const of = layouts.all.filter((layout) => layout.event === event);
    if (of.length > 0 && of.every((layout) => layout.kind === kind)) counts.set(event, rows[kind]!);
  }
}
