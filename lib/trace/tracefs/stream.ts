import { Kind, type SchedStream } from "../stream.ts";
import type { CpuCursor } from "./cpu_cursor.ts";
import { MergedCursors } from "./merge_cursors.ts";
import { integerAt, type RowReaders } from "./row_readers.ts";

/** Builds the scheduler's stream, of `length` rows at most, out of the records of all CPUs. */
export function makeStream(
  cursors: readonly CpuCursor[],
  readers: RowReaders,
  length: number,
  processes: ReadonlyMap<number, number>,
  littleEndian: boolean,
): SchedStream {
  const out: SchedStream = {
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
  if (cursors.length === 0) return out;
  const merged = new MergedCursors(cursors);
  for (let row = 0; merged.next();) {
    row = fillRows(out, row, merged.cursor, merged.from, merged.to, readers, processOf, littleEndian);
  }
  return out;
}

/** Fills the rows from `row` on with those of `cursor` that become some; returns the row after them. */
function fillRows(
  out: SchedStream,
  row: number,
  { cpu, block, records: { ids, ts, at, sizes } }: CpuCursor,
  from: number,
  to: number,
  { kinds, a, b, c, tid: tidAt }: RowReaders,
  processOf: Int32Array,
  littleEndian: boolean,
): number {
  for (let i = from; i < to; i++) {
    const id = ids[i]!;
    const kind = kinds[id]!;
    if (kind === 0) continue;
    out.kind[row] = kind;
    out.ts[row] = ts[i]!;
    out.cpu[row] = cpu;
    if (kind === Kind.Lost) {
      out.pid[row] = -1;
      out.tid[row] = -1;
      out.a[row++] = Math.min(sizes[i]!, 0x7fff_ffff);
      continue;
    }
    const start = at[i]!;
    const tid = integerAt(block, start, tidAt, littleEndian);
    out.tid[row] = tid;
    out.pid[row] = tid >= 0 && tid < processOf.length ? processOf[tid]! : -1;
    out.a[row] = integerAt(block, start, a[id]!, littleEndian);
    out.b[row] = integerAt(block, start, b[id]!, littleEndian);
    out.c[row++] = integerAt(block, start, c[id]!, littleEndian);
  }
  return row;
}

/** Process of each thread id, -1 where it is not known. */
function processTable(processes: ReadonlyMap<number, number>): Int32Array {
  let top = 0;
  for (const tid of processes.keys()) if (tid > top && tid <= 0x40_0000) top = tid;
  const table = new Int32Array(top + 1).fill(-1);
  for (const [tid, pid] of processes) if (tid <= top) table[tid] = pid;
  return table;
}
