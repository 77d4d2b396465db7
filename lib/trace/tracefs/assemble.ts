import type { Column } from "../../frame/column.ts";
import { fieldSink } from "../decode_field.ts";
import { type EventFormat, fieldOf } from "../event_format.ts";
import { mergeByTime } from "../merge_by_time.ts";
import type { KnownHole } from "../quality.ts";
import { type CpuPages, LOST_ID, type RingBufferRecords } from "../ring_buffer.ts";
import type { SchedStream } from "../stream.ts";
import type { TraceParts } from "../trace.ts";
import { type CpuRecords, makeStream } from "./stream.ts";

/** Pages of all CPUs, and what is needed to understand them. */
export interface PageSet {
  readonly pages: readonly CpuPages[];
  readonly formats: ReadonlyMap<string, EventFormat>;
  /** Process of each thread that is known. */
  readonly processes: ReadonlyMap<number, number>;
  readonly littleEndian: boolean;
  /** Tick that is ts = 0 where there is no page. */
  readonly emptyAt: bigint;
  /** Turns ticks since `firstTick` into ns since that; where absent they are ns. May write into what it is given. */
  readonly inNanoseconds?: (records: RingBufferRecords, firstTick: bigint) => RingBufferRecords;
  /** Ends the work with its reason; looked at between CPUs. */
  readonly signal?: AbortSignal;
}

/** What {@linkcode assemble} makes of pages. */
export interface AssembledPages {
  /** Tick that is ts = 0: the first page's stamp. */
  readonly firstTick: bigint;
  /** Each CPU's records, in the order of `pages`. */
  readonly cpus: readonly CpuRecords[];
  readonly stream: SchedStream;
  readonly counts: Map<string, number>;
  /** Damage found in the pages. */
  readonly holes: readonly KnownHole[];
  readonly decode: TraceParts["decode"];
}

/** Walks all pages, merges the CPUs by time and makes what a `Trace` consists of. */
export function assemble(set: PageSet): AssembledPages {
  const { pages, formats, littleEndian, inNanoseconds, signal } = set;
  const known = new Uint8Array(0x1_0000);
  for (const { id } of formats.values()) if (id > LOST_ID && id < known.length) known[id] = 1;
  const firstTick = pages.reduce<bigint | undefined>((least, { firstStamp }) => {
    return firstStamp === undefined || (least !== undefined && least <= firstStamp) ? least : firstStamp;
  }, undefined) ?? set.emptyAt;
  const cpus = pages.map((each): CpuRecords => {
    signal?.throwIfAborted();
    const records = each.walk(firstTick, known);
    return {
      pages: each,
      records: inNanoseconds === undefined ? records : inNanoseconds(records, firstTick),
    };
  });
  const order = mergeByTime(cpus.map(({ records }) => records));
  return {
    firstTick,
    cpus,
    stream: makeStream(cpus, order, formats.values(), set.processes, littleEndian),
    counts: countEvents(cpus, formats),
    holes: cpus.flatMap(({ records }) => records.holes),
    decode: (event, fields, exact) => decode(cpus, formats, littleEndian, event, fields, exact),
  };
}

/** Losses that a CPU's counters tell. */
export interface CpuLosses {
  readonly cpu: number;
  /** Events that were overwritten; the pages may tell of some of them. */
  readonly overrun: number;
  /** Events lost that no page tells of. */
  readonly unseen: number;
}

/** Events that the CPUs' counters have as lost and no page tells of: somewhere in the recording. */
export function lostWithoutPlace(counters: readonly CpuLosses[], cpus: readonly CpuRecords[]): KnownHole[] {
  const holes: KnownHole[] = [];
  let end = 0;
  for (const { records } of cpus) {
    if (records.length > 0) end = Math.max(end, records.ts[records.length - 1]!);
  }
  for (const { cpu, overrun, unseen } of counters) {
    const records = cpus.find(({ pages }) => pages.cpu === cpu)?.records;
    let placed = 0;
    for (let i = 0; i < (records?.length ?? 0); i++) {
      if (records!.ids[i] === LOST_ID) placed += records!.sizes[i]!;
    }
    const lost = Math.max(0, overrun - placed) + unseen;
    if (lost > 0) holes.push({ kind: "lost", cpu, from: 0, to: end, lost });
  }
  return holes;
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
