import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import { type ByteSource, fileSource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import { type EventFormat, parseEventFormat } from "../event_format.ts";
import type { KnownHole } from "../quality.ts";
import { type PageLayout, parseHeaderPage } from "../ring_buffer.ts";
import type { ScanRequest } from "../scan.ts";
import { STREAM_EVENTS } from "../stream.ts";
import { Trace, type TraceClock, type TraceHost } from "../trace.ts";
import { checkFields } from "../tracefs/layouts.ts";
import { type CpuLosses, lostWithoutPlace, PageRecording } from "../tracefs/page_recording.ts";
import { parseSavedNames } from "../tracefs/saved_lists.ts";
import type { TraceWindow } from "../window.ts";
import type { TraceDatBuffer, TraceDatFacts } from "./facts.ts";
import { MAGIC, readTraceDatFile, type TraceDatFile } from "./file.ts";
import { findPages, type TraceDatPages } from "./pages.ts";
import { printable } from "./printable.ts";
import { peerStamp } from "./peer_clock.ts";
import { recordingBounds, stampsToNs, ticksToNs, tscToNs } from "./stamps.ts";

/** Options of {@linkcode open}. */
export interface OpenTraceDatOptions {
  /**
   * Which buffer (tracefs instance) to read; `""` is the main one. Default: the main one, or where that is empty the
   * first that has events.
   */
  instance?: string;
  /** Ends the reading with its reason; looked at before it. Default: none. */
  signal?: AbortSignal;
  /** Only the pages that can hold something of it are read; its lead is looked at too. Default: all. */
  window?: TraceWindow;
  /** Only these events are read, `system:name`. Default: all. */
  events?: readonly string[];
  /**
   * Whether stamps are those of the peer's clock (of the host, in a guest's file): `TIME_SHIFT` is applied, as `trace-cmd report`
   * does where it is given both files. Default false; true changes nothing where the file has no `TIME_SHIFT`.
   */
  onPeerClock?: boolean;
}

/** Whether a file that begins with `head` is a trace.dat. */
export function sniff(head: Uint8Array): boolean {
  return head.length >= MAGIC.length && [...MAGIC].every((char, i) => head[i] === char.charCodeAt(0));
}

/** What the file at `path` says of itself; its pages are not read. Throws `TraceFormatError` where it is no trace.dat. */
export function readTraceDatFacts(path: string): TraceDatFacts {
  return readTraceDatFile(fileSource(path)).facts;
}

/**
 * Reads the trace.dat at `path`.
 *
 * Stamps are those that `trace-cmd report -t` prints: `TSC2NSEC` and `OFFSET` are applied. `TIME_SHIFT` is not (the trace
 * stays on its own machine's clock) unless `onPeerClock` asks for it. `DATE` becomes `clock.wallOffset`.
 *
 * Damaged, missing or cut pages become holes of the trace. Throws `TraceFormatError` where the file is no trace.dat,
 * something ahead of its pages makes no sense, or it holds the text of a latency tracer; `RangeError` where there is
 * no such instance.
 */
export async function open(path: string, options: OpenTraceDatOptions = {}): Promise<Trace> {
  return await read(fileSource(path), options);
}

/** As {@linkcode open}, of bytes that need not be a file. */
// deno-lint-ignore require-await -- what is thrown becomes a rejection
export async function read(source: ByteSource, options: OpenTraceDatOptions = {}): Promise<Trace> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { file, buffer, formats, store, recording, scaled } = prepare(source, options);
  const { facts } = file;
  const { survey } = recording;
  const damage = survey.damage.map((hole): KnownHole => {
    const list = store.cpus.findIndex(({ cpu }) => cpu === hole.cpu);
    return hole.offset === undefined ? hole : { ...hole, offset: store.fileOffset(list, hole.offset) };
  });
  const cut = store.cuts.flatMap((own, list): KnownHole[] => {
    if (own === undefined) return [];
    const at = survey.cpus[list]!.last;
    return [{ kind: own.kind, cpu: store.cpus[list]!.cpu, from: at, to: at, lost: 0, offset: own.offset }];
  });
  const holes = [...damage, ...cut, ...lostWithoutPlace(cpuLosses(facts, buffer.name), store, survey)];
  return new Trace({
    format: "trace.dat",
    path: source.name,
    epoch: recording.epoch,
    clock: clockOf(facts, buffer, scaled),
    host: hostOf(facts),
    topology: { packages: [], cores: [] },
    stream: () => recording.stream(),
    formats,
    counts: survey.counts,
    holes,
    savedNames: parseSavedNames(file.savedNames),
    span: recording.span,
    quality: () => survey.quality(holes),
    decode: (event, fields, exact) => recording.decode(event, fields, exact),
  });
}

/** One event of a trace.dat batch by batch; see `scanTrace`. */
export async function* scan(
  source: ByteSource,
  request: ScanRequest,
  options: OpenTraceDatOptions = {},
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const { window } = request;
  const own = { ...options, ...(window === undefined ? {} : { window: { ...window, lead: 0 } }) };
  yield* prepare(source, own).recording.scan(request);
}

/** Reads all that is ahead of the pages. */
function prepare(source: ByteSource, { instance, window, events, onPeerClock }: OpenTraceDatOptions) {
  const file = readTraceDatFile(source);
  const { facts } = file;
  const buffer = chooseBuffer(facts, instance, source.name);
  const layout = pageLayout(file, buffer, source.name);
  const formats = parseFormats(file, source.name);
  const store: TraceDatPages = findPages(source, buffer, facts.packing, facts.littleEndian);
  const rule = facts.tscToNs;
  const scaled = rule !== undefined && rule.mult > 0 && rule.shift < 64;
  const shift = onPeerClock === true ? facts.timeShift : undefined;
  const stampOf = (tick: bigint, cpu: number) => {
    const shifted = shift === undefined ? tick : peerStamp(tick, shift, cpu);
    return (scaled ? tscToNs(shifted, rule) : shifted) + facts.timeOffset;
  };
  const recording = new PageRecording({
    store,
    layout,
    bounds: recordingBounds(store, layout),
    formats,
    processes: new Map([[0, 0]]),
    emptyAt: 0n,
    stampOf,
    toNs: shift !== undefined
      ? (first, epoch, cpu) => stampsToNs(first, epoch, (tick) => stampOf(tick, cpu))
      : scaled
      ? (first) => ticksToNs(first, rule)
      : undefined,
    window,
    events,
  });
  return { file, buffer, formats, store, recording, scaled };
}

function chooseBuffer(facts: TraceDatFacts, instance: string | undefined, path: string): TraceDatBuffer {
  const { buffers, latency } = facts;
  const list = buffers.map(({ name }) => JSON.stringify(name)).join(", ") || "none";
  if (instance !== undefined) {
    const found = buffers.find(({ name }) => name === instance);
    if (found !== undefined) return found;
    throw new RangeError(printable(`${path} has no instance ${JSON.stringify(instance)}; it has: ${list}`));
  }
  const full = (buffer: TraceDatBuffer) => buffer.cpus.some(({ size }) => size > 0);
  const main = buffers.find(({ name }) => name === "") ?? buffers[0];
  const chosen = main !== undefined && full(main) ? main : buffers.find(full) ?? main;
  if (chosen !== undefined) return chosen;
  throw new TraceFormatError(
    path,
    latency?.offset ?? 0,
    "pages of a ring buffer (flyrecord)",
    latency === undefined ? "no buffer" : `${latency.size} bytes of a latency tracer's text`,
  );
}

function pageLayout({ facts, headerPage }: TraceDatFile, buffer: TraceDatBuffer, path: string): PageLayout {
  try {
    const layout = parseHeaderPage(headerPage.text, facts.littleEndian);
    const size = buffer.pageSize ?? facts.pageSize;
    // The file's own size counts: a buffer of larger pages (buffer_subbuf_size_kb) has the same header_page.
    const sane = size >= layout.dataOffset + 8 && size <= 1 << 24 && (size & (size - 1)) === 0;
    return sane ? { ...layout, size } : layout;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new TraceFormatError(
      path,
      headerPage.offset,
      "the ring buffer's page layout",
      printable(cause.message),
      {
        cause,
      },
    );
  }
}

/**
 * All layouts that make sense. Records of events whose layout does not become holes; but a scheduler event's that makes
 * no sense is an error, as reading on would make wrong numbers.
 */
function parseFormats({ formats }: TraceDatFile, path: string): Map<string, EventFormat> {
  const parsed = new Map<string, EventFormat>();
  for (const { system, text, offset } of formats) {
    try {
      const format = parseEventFormat(text, system);
      checkFields(format);
      parsed.set(format.name, format);
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      const name = /^name:[ \t]*(\S+)/m.exec(text)?.[1];
      if (name !== undefined && STREAM_EVENTS[`${system}:${name}`] === undefined) continue;
      throw new TraceFormatError(path, offset, "the format of an event", printable(cause.message), { cause });
    }
  }
  return parsed;
}

function clockOf(facts: TraceDatFacts, buffer: TraceDatBuffer, scaled: boolean): TraceClock {
  const { tscToNs: rule } = facts;
  return {
    name: buffer.clock ?? facts.clock ?? "local",
    ...(scaled ? { hz: 1e9 * 2 ** rule!.shift / rule!.mult } : {}),
    ...(facts.dateOffset === undefined ? {} : { wallOffset: facts.dateOffset }),
  };
}

function hostOf({ uname, recorder, cpuCount }: TraceDatFacts): TraceHost {
  const [, hostname, release, arch] = uname?.split(" ") ?? [];
  return {
    ...(hostname ? { hostname } : {}),
    ...(release ? { release } : {}),
    ...(arch ? { arch } : {}),
    ...(recorder === undefined ? {} : { recorder }),
    cpusOnline: cpuCount,
  };
}

/** What the texts of `per_cpu/cpuN/stats` tell of losses in the buffer called `name`. */
function cpuLosses({ cpuStats }: TraceDatFacts, name: string): CpuLosses[] {
  return cpuStats.filter(({ buffer }) => buffer === name).flatMap(({ text }) => {
    const field = (key: string) => Number(new RegExp(`^${key}: *(\\d{1,15})$`, "m").exec(text)?.[1] ?? NaN);
    const cpu = field("CPU");
    if (!(cpu < 0x1_0000)) return [];
    const unseen = (field("commit overrun") || 0) + (field("dropped events") || 0);
    return [{ cpu, overrun: field("overrun") || 0, unseen }];
  });
}
