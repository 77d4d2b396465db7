/**
 * Reads the directory that a tracefs recording leaves:
 *
 * ```text
 * NAME.tracefs/
 *   meta.json                      clock, machine, counters; see CaptureMeta
 *   header_page, header_event      the ring buffer's page and record layout, as the kernel tells them
 *   events/SYSTEM/NAME.format      layout of each event that was on, and of trace_marker's
 *   saved_cmdlines, saved_tgids    names and processes of threads, as the kernel remembered them
 *   printk_formats                 format strings that events of trace_printk point to
 *   per_cpu/cpuN.raw               whole pages, as trace_pipe_raw gave them
 *   per_cpu/cpuN.stats             the CPU's counters after the last page
 * ```
 *
 * All but meta.json are verbatim copies of what tracefs holds, so that any other reader can be fed from them.
 *
 * @module
 */
import type { Columns } from "../../frame/column.ts";
import type { Frame } from "../../frame/frame.ts";
import type { StampBounds } from "../ring_buffer.ts";
import type { ScanRequest } from "../scan.ts";
import { Trace, type TraceClock } from "../trace.ts";
import type { TraceWindow } from "../window.ts";
import { directoryNames, readFormats, readLayout } from "./layouts.ts";
import { type CaptureMeta, META_FILE, readMeta } from "./meta.ts";
import { lostWithoutPlace, PageRecording } from "./page_recording.ts";
import { filePages } from "./page_store.ts";
import { parseSavedNames, parseSavedProcesses } from "./saved_lists.ts";
import { ticksToNs } from "./ticks.ts";

export { ticksToNs } from "./ticks.ts";

/** Options of {@linkcode open}. */
export interface OpenTracefsOptions {
  /** Ends the reading with its reason; looked at before the pages are read. Default: none. */
  signal?: AbortSignal;
  /** Only the pages that can hold something of it are read; its lead is looked at too. Default: all. */
  window?: TraceWindow;
  /** Only these events are read, `system:name`. Default: all. */
  events?: readonly string[];
}

/** Whether the directory at `path` is a tracefs capture. Never throws for a path that is something else. */
export async function sniff(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(`${path}/${META_FILE}`)).isFile &&
      (await Deno.readTextFile(`${path}/${META_FILE}`)).includes('"schedscope-tracefs"');
  } catch {
    return false;
  }
}

/**
 * Reads the tracefs capture at `path`.
 *
 * Pages that are damaged or missing become holes of the trace. Throws `TraceFormatError` where the
 * directory is no such capture or its layout texts cannot be read.
 */
export async function open(path: string, options: OpenTracefsOptions = {}): Promise<Trace> {
  const { meta, formats, store, recording } = await prepare(path, options);
  options.signal?.throwIfAborted();
  const { survey } = recording;
  const losses = meta.stats.map(({ cpu, overrun, commitOverrun, droppedEvents, entries }) => ({
    cpu,
    overrun,
    unseen: commitOverrun + droppedEvents + entries,
  }));
  const holes = [...survey.damage, ...lostWithoutPlace(losses, store, survey)];
  return new Trace({
    format: "tracefs",
    path,
    epoch: recording.epoch,
    clock: clockOf(meta),
    host: meta.host,
    topology: meta.topology,
    stream: () => recording.stream(),
    formats,
    counts: survey.counts,
    holes,
    savedNames: parseSavedNames(await readIfThere(`${path}/saved_cmdlines`)),
    span: recording.span,
    quality: () => survey.quality(holes),
    decode: (event, fields, exact) => recording.decode(event, fields, exact),
  });
}

/** One event of the capture at `path` batch by batch; see `scanTrace`. */
export async function* scan(
  path: string,
  request: ScanRequest,
): AsyncGenerator<Frame<Columns>, void, undefined> {
  const { window } = request;
  const { recording } = await prepare(path, window === undefined ? {} : { window: { ...window, lead: 0 } });
  yield* recording.scan(request);
}

/** Reads all that is beside the pages. */
async function prepare(path: string, { window, events }: OpenTracefsOptions) {
  const meta = await readMeta(path);
  const layout = await readLayout(path, meta.littleEndian);
  const formats = await readFormats(path);
  const store = filePages(await cpuFiles(path));
  const hz = meta.tscHz;
  const recording = new PageRecording({
    store,
    layout,
    bounds: stampBounds(meta),
    formats,
    processes: parseSavedProcesses(new TextDecoder().decode(await readIfThere(`${path}/saved_tgids`))),
    emptyAt: BigInt(meta.started.clock),
    stampOf: hz === undefined ? undefined : (tick) => ticksToNs(tick, hz),
    toNs: hz === undefined ? undefined : () => scaledBy(1e9 / hz),
    window,
    events,
  });
  return { meta, formats, store, recording };
}

async function cpuFiles(path: string): Promise<{ cpu: number; path: string }[]> {
  const files = [];
  for (const name of await directoryNames(`${path}/per_cpu`)) {
    const cpu = Number(/^cpu(\d{1,5})\.raw$/.exec(name)?.[1] ?? NaN);
    if (cpu < 0x1_0000) files.push({ cpu, path: `${path}/per_cpu/${name}` });
  }
  return files;
}

async function readIfThere(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

/** Stamps cannot be further than a second from the recording; wider only where clocks are not comparable. */
function stampBounds(meta: CaptureMeta): StampBounds {
  const second = BigInt(Math.ceil(meta.tscHz ?? 1e9));
  const slack = meta.clock === "x86-tsc" && meta.tscHz === undefined ? 10n * second : second;
  const from = BigInt(meta.started.clock) - slack;
  return { from: from < 0n ? 0n : from, to: BigInt(meta.stopped.clock) + slack };
}

function clockOf(meta: CaptureMeta): TraceClock {
  const ticks = BigInt(meta.started.clock);
  const ns = meta.tscHz === undefined ? ticks : ticksToNs(ticks, meta.tscHz);
  return {
    name: meta.clock,
    ...(meta.tscHz === undefined ? {} : { hz: meta.tscHz }),
    wallOffset: BigInt(meta.started.wall) - ns,
  };
}

/** Ticks since the epoch to whole nanoseconds since the epoch, in place. */
function scaledBy(scale: number): (ts: Float64Array, from: number, to: number) => void {
  return (ts, from, to) => {
    for (let i = from; i < to; i++) ts[i] = Math.round(ts[i]! * scale);
  };
}
