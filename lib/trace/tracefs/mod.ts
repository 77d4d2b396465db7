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
import type { Column } from "../../frame/column.ts";
import { fieldSink } from "../decode_field.ts";
import { type EventFormat, fieldOf } from "../event_format.ts";
import { mergeByTime } from "../merge_by_time.ts";
import type { KnownHole } from "../quality.ts";
import { CpuPages, LOST_ID, type RingBufferRecords, type StampBounds } from "../ring_buffer.ts";
import { Trace, type TraceClock } from "../trace.ts";
import { type CaptureMeta, META_FILE, readMeta } from "./meta.ts";
import { directoryNames, readFormats, readLayout } from "./layouts.ts";
import { parseSavedNames, parseSavedProcesses } from "./saved_lists.ts";
import { type CpuRecords, makeStream } from "./stream.ts";
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
  const all = await Promise.all(files.map(async ({ cpu, file, size }) => {
    const bytes = await readWhole(file, size);
    onProgress?.(done += size, total);
    return new CpuPages(cpu, bytes, layout, bounds);
  }));
  signal?.throwIfAborted();
  const known = new Uint8Array(0x1_0000);
  for (const { id } of formats.values()) if (id > LOST_ID && id < known.length) known[id] = 1;
  const hz = meta.tscHz;
  const firstTick = all.reduce<bigint | undefined>((least, { firstStamp }) => {
    return firstStamp === undefined || (least !== undefined && least <= firstStamp) ? least : firstStamp;
  }, undefined) ?? BigInt(meta.started.clock);
  const cpus = all.map((pages): CpuRecords => {
    signal?.throwIfAborted();
    const records = pages.walk(firstTick, known);
    return { pages, records: hz === undefined ? records : inNanoseconds(records, hz) };
  });
  const order = mergeByTime(cpus.map(({ records }) => records));
  const processes = parseSavedProcesses(new TextDecoder().decode(await readIfThere(`${path}/saved_tgids`)));
  const stream = makeStream(cpus, order, formats.values(), processes, meta.littleEndian);
  const epoch = hz === undefined ? firstTick : ticksToNs(firstTick, hz);
  return new Trace({
    format: "tracefs",
    path,
    epoch,
    clock: clockOf(meta),
    host: meta.host,
    topology: meta.topology,
    stream,
    formats,
    counts: countEvents(cpus, formats),
    holes: [...cpus.flatMap(({ records }) => records.holes), ...lostWithoutPlace(meta, cpus)],
    savedNames: parseSavedNames(await readIfThere(`${path}/saved_cmdlines`)),
    decode: (event, fields, exact) => decode(cpus, formats, meta.littleEndian, event, fields, exact),
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

function countEvents(
  cpus: readonly CpuRecords[],
  formats: ReadonlyMap<string, EventFormat>,
): Map<string, number> {
  const byId = new Float64Array(0x1_0000);
  for (const { records } of cpus) for (let i = 0; i < records.length; i++) byId[records.ids[i]!]!++;
  const counts = new Map<string, number>();
  for (const { name, id } of formats.values()) if (byId[id]! > 0) counts.set(name, byId[id]!);
  return counts;
}

/** Events that a CPU's counters have as lost and no page tells of: somewhere in the recording. */
function lostWithoutPlace(meta: CaptureMeta, cpus: readonly CpuRecords[]): KnownHole[] {
  const holes: KnownHole[] = [];
  let end = 0;
  for (const { records } of cpus) {
    if (records.length > 0) end = Math.max(end, records.ts[records.length - 1]!);
  }
  for (const { cpu, overrun, commitOverrun, droppedEvents, entries } of meta.stats) {
    const records = cpus.find(({ pages }) => pages.cpu === cpu)?.records;
    let placed = 0;
    for (let i = 0; i < (records?.length ?? 0); i++) {
      if (records!.ids[i] === LOST_ID) placed += records!.sizes[i]!;
    }
    const lost = Math.max(0, overrun - placed) + commitOverrun + droppedEvents + entries;
    if (lost > 0) holes.push({ kind: "lost", cpu, from: 0, to: end, lost });
  }
  return holes;
}

function decode(
  cpus: readonly CpuRecords[],
  formats: ReadonlyMap<string, EventFormat>,
  littleEndian: boolean,
  event: string,
  fields: readonly string[],
  exact = false,
): Record<string, Column> {
  const format = formats.get(event);
  if (format === undefined) throw new RangeError(`The trace has no event ${JSON.stringify(event)}`);
  const parts = cpus.map(({ records }) => rowsWithId(records, format.id));
  const order = mergeByTime(parts);
  const rows = order.list.length;
  const columns: Record<string, Column> = {};
  for (const name of fields) {
    if (name === "ts") {
      const ts = new Float64Array(rows);
      for (let i = 0; i < rows; i++) ts[i] = parts[order.list[i]!]!.ts[order.row[i]!]!;
      columns[name] = ts;
      continue;
    }
    if (name === "cpu" && fieldOf(format, "cpu") === undefined) {
      columns[name] = Uint16Array.from(order.list, (list) => cpus[list]!.pages.cpu);
      continue;
    }
    const field = fieldOf(format, name);
    if (field === undefined) {
      const known = format.fields.map((each) => each.name).join(", ");
      throw new RangeError(`${event} has no field ${JSON.stringify(name)}; it has: ts, cpu, ${known}`);
    }
    const sink = fieldSink(field, rows, littleEndian, exact);
    for (let i = 0; i < rows; i++) {
      const { pages, records } = cpus[order.list[i]!]!;
      const at = parts[order.list[i]!]!.rows[order.row[i]!]!;
      sink.set(i, pages.view, records.at[at]! * 4, records.sizes[at]!);
    }
    columns[name] = sink.finish();
  }
  return columns;
}

function rowsWithId(
  records: RingBufferRecords,
  id: number,
): { ts: Float64Array; rows: Uint32Array; length: number } {
  let length = 0;
  for (let i = 0; i < records.length; i++) if (records.ids[i] === id) length++;
  const ts = new Float64Array(length);
  const rows = new Uint32Array(length);
  for (let i = 0, out = 0; i < records.length; i++) {
    if (records.ids[i] !== id) continue;
    ts[out] = records.ts[i]!;
    rows[out++] = i;
  }
  return { ts, rows, length };
}
