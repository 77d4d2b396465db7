import type { EventFormat } from "../event_format.ts";
import type { MergedOrder } from "../merge_by_time.ts";
import { type CpuPages, LOST_ID, type RingBufferRecords } from "../ring_buffer.ts";
import { Kind, type SchedStream, STREAM_EVENTS } from "../stream.ts";

/** One CPU of a capture: its bytes, and where the records lie in them. */
export interface CpuRecords {
  readonly pages: CpuPages;
  /** `ts` in ns since the epoch. */
  readonly records: RingBufferRecords;
}

/** How to read the integers of one event that becomes a row. */
interface RowReader {
  readonly kind: number;
  /** Byte and size of each of the fields a, b, c; size 0 where the event has no such field. */
  readonly offsets: readonly [number, number, number];
  readonly sizes: readonly [number, number, number];
  readonly signs: readonly [boolean, boolean, boolean];
  /** Bytes that a record must have. */
  readonly room: number;
}

/** Builds the scheduler's stream of a capture, in `order`. */
export function makeStream(
  cpus: readonly CpuRecords[],
  order: MergedOrder,
  formats: Iterable<EventFormat>,
  processes: ReadonlyMap<number, number>,
  littleEndian: boolean,
): SchedStream {
  const readers: (RowReader | undefined)[] = [];
  let pidAt = 4;
  for (const format of formats) {
    pidAt = format.fields.find((field) => field.name === "common_pid")?.offset ?? pidAt;
    readers[format.id] = rowReader(format);
  }
  const { rows, length } = outputRows(cpus, order, readers);
  const out: StreamArrays = {
    length,
    kind: new Uint8Array(length),
    ts: new Float64Array(length),
    cpu: new Uint16Array(length),
    pid: new Int32Array(length),
    tid: new Int32Array(length),
    a: new Int32Array(length),
    b: new Int32Array(length),
    c: new Int32Array(length),
    comms: [],
  };
  const processOf = processTable(processes);
  cpus.forEach((cpu, i) => fillRows(out, cpu, rows[i]!, readers, pidAt, processOf, littleEndian));
  return out;
}

/** A stream whose columns are still to be filled. */
type StreamArrays = SchedStream & { readonly comms: string[] };

/** For each CPU the row of the stream that each of its records becomes; -1 for records that become none. */
function outputRows(
  cpus: readonly CpuRecords[],
  order: MergedOrder,
  readers: readonly (RowReader | undefined)[],
): { rows: Int32Array[]; length: number } {
  const room = new Uint32Array(0x1_0000).fill(0xffff_ffff);
  for (let id = 0; id < readers.length; id++) room[id] = readers[id]?.room ?? 0xffff_ffff;
  room[LOST_ID] = 0;
  const rows = cpus.map(({ records }) => {
    const kept = new Int32Array(records.length);
    const { ids, sizes } = records;
    for (let i = 0; i < kept.length; i++) kept[i] = sizes[i]! >= room[ids[i]!]! ? 0 : -1;
    return kept;
  });
  let length = 0;
  const { list, row } = order;
  for (let i = 0; i < list.length; i++) {
    const own = rows[list[i]!]!;
    if (own[row[i]!] === 0) own[row[i]!] = length++;
  }
  return { rows, length };
}

/** Fills the rows of one CPU: its bytes are read from front to back. */
function fillRows(
  out: StreamArrays,
  { pages, records }: CpuRecords,
  rows: Int32Array,
  readers: readonly (RowReader | undefined)[],
  pidAt: number,
  processOf: Int32Array,
  littleEndian: boolean,
): void {
  const { view, cpu } = pages;
  const { ids, ts, at, sizes } = records;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row < 0) continue;
    out.ts[row] = ts[i]!;
    out.cpu[row] = cpu;
    const reader = readers[ids[i]!];
    if (reader === undefined) {
      out.kind[row] = Kind.Lost;
      out.pid[row] = -1;
      out.tid[row] = -1;
      out.a[row] = Math.min(sizes[i]!, 0x7fff_ffff);
      continue;
    }
    const start = at[i]! * 4;
    const tid = view.getInt32(start + pidAt, littleEndian);
    out.kind[row] = reader.kind;
    out.tid[row] = tid;
    out.pid[row] = tid >= 0 && tid < processOf.length ? processOf[tid]! : -1;
    const { offsets, sizes: widths, signs } = reader;
    out.a[row] = integer(view, start + offsets[0], widths[0], signs[0], littleEndian);
    out.b[row] = integer(view, start + offsets[1], widths[1], signs[1], littleEndian);
    out.c[row] = integer(view, start + offsets[2], widths[2], signs[2], littleEndian);
  }
}

function rowReader(format: EventFormat): RowReader | undefined {
  const row = STREAM_EVENTS[format.name];
  if (row === undefined) return undefined;
  const found = [0, 1, 2].map((i) => format.fields.find((field) => field.name === row.fields[i]));
  const pick = <T>(of: (i: number) => T): [T, T, T] => [of(0), of(1), of(2)];
  return {
    kind: row.kind,
    offsets: pick((i) => found[i]?.offset ?? 0),
    sizes: pick((i) => found[i]?.size ?? 0),
    signs: pick((i) => found[i]?.signed ?? false),
    room: Math.max(8, ...found.map((field) => field === undefined ? 0 : field.offset + field.size)),
  };
}

/** An integer's low 32 bits. */
function integer(view: DataView, at: number, size: number, signed: boolean, littleEndian: boolean): number {
  if (size === 4) return view.getInt32(at, littleEndian);
  if (size === 8) return view.getInt32(littleEndian ? at : at + 4, littleEndian);
  if (size === 1) return signed ? view.getInt8(at) : view.getUint8(at);
  if (size === 2) return signed ? view.getInt16(at, littleEndian) : view.getUint16(at, littleEndian);
  return 0;
}

/** Process of each thread id, -1 where it is not known. */
function processTable(processes: ReadonlyMap<number, number>): Int32Array {
  let top = 0;
  for (const tid of processes.keys()) if (tid > top && tid <= 0x40_0000) top = tid;
  const table = new Int32Array(top + 1).fill(-1);
  for (const [tid, pid] of processes) if (tid <= top) table[tid] = pid;
  return table;
}
