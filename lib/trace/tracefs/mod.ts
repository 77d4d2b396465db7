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
import { CpuPages, type RingBufferRecords, type StampBounds } from "../ring_buffer.ts";
import { Trace, type TraceClock } from "../trace.ts";
import { assemble, lostWithoutPlace } from "./assemble.ts";
import { directoryNames, readFormats, readLayout } from "./layouts.ts";
import { type CaptureMeta, META_FILE, readMeta } from "./meta.ts";
import { parseSavedNames, parseSavedProcesses } from "./saved_lists.ts";
import { ticksToNs } from "./ticks.ts";

export { ticksToNs } from "./ticks.ts";

/** Options of {@linkcode open}. */
export interface OpenTracefsOptions {
  /** Ends the reading with its reason; looked at between CPUs. Default: none. */
  signal?: AbortSignal;
  /** Called with the bytes read so far and in all. Default: nothing is called. */
  onProgress?: (done: number, total: number) => void;
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
  const { signal, onProgress } = options;
  const meta = await readMeta(path);
  const layout = await readLayout(path, meta.littleEndian);
  const formats = await readFormats(path);
  const bounds = stampBounds(meta);
  const files = await cpuFiles(path);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const pages = await Promise.all(files.map(async ({ cpu, file, size }) => {
    const bytes = await readWhole(file, size);
    onProgress?.(done += size, total);
    return new CpuPages(cpu, bytes, layout, bounds);
  }));
  signal?.throwIfAborted();
  const hz = meta.tscHz;
  const { firstTick, cpus, stream, counts, holes, decode } = assemble({
    pages,
    formats,
    processes: parseSavedProcesses(new TextDecoder().decode(await readIfThere(`${path}/saved_tgids`))),
    littleEndian: meta.littleEndian,
    emptyAt: BigInt(meta.started.clock),
    ...(hz === undefined ? {} : { inNanoseconds: (records) => inNanoseconds(records, hz) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const losses = meta.stats.map(({ cpu, overrun, commitOverrun, droppedEvents, entries }) => ({
    cpu,
    overrun,
    unseen: commitOverrun + droppedEvents + entries,
  }));
  return new Trace({
    format: "tracefs",
    path,
    epoch: hz === undefined ? firstTick : ticksToNs(firstTick, hz),
    clock: clockOf(meta),
    host: meta.host,
    topology: meta.topology,
    stream,
    formats,
    counts,
    holes: [...holes, ...lostWithoutPlace(losses, cpus)],
    savedNames: parseSavedNames(await readIfThere(`${path}/saved_cmdlines`)),
    decode,
  });
}

async function cpuFiles(path: string): Promise<{ cpu: number; file: string; size: number }[]> {
  const files = [];
  for (const name of await directoryNames(`${path}/per_cpu`)) {
    const cpu = Number(/^cpu(\d{1,5})\.raw$/.exec(name)?.[1] ?? NaN);
    if (!(cpu < 0x1_0000)) continue;
    const file = `${path}/per_cpu/${name}`;
    files.push({ cpu, file, size: (await Deno.stat(file)).size });
  }
  return files.sort((x, y) => x.cpu - y.cpu);
}

/** Reads a file of known size into one array; `Deno.readFile` grows and copies. */
async function readWhole(path: string, size: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(size);
  let done = 0;
  while (done < size) {
    const n = await file.read(bytes.subarray(done));
    if (n === null) break;
    done += n;
  }
  return bytes.subarray(0, done);
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

/** Ticks since the epoch to whole nanoseconds since the epoch. */
function inNanoseconds(records: RingBufferRecords, hz: number): RingBufferRecords {
  const scale = 1e9 / hz;
  const { ts, length } = records;
  for (let i = 0; i < length; i++) ts[i] = Math.round(ts[i]! * scale);
  const holes = records.holes.map((hole) => ({
    ...hole,
    from: Math.round(hole.from * scale),
    to: Math.round(hole.to * scale),
  }));
  return { ...records, holes };
}
