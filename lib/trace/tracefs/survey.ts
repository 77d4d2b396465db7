import type { EventFormat } from "../event_format.ts";
import { type CpuChain, type KnownHole, type Quality, qualityOf } from "../quality.ts";
import { Kind } from "../stream.ts";
import type { CpuCursor } from "./cpu_cursor.ts";
import { LOST_ID } from "./page_records.ts";
import { integerAt, type RowReaders } from "./row_readers.ts";

/** What one pass over the pages finds: all that is to be known of a recording before its events are wanted. */
export interface Survey {
  /** Records by event. */
  readonly counts: ReadonlyMap<string, number>;
  /** Rows of the stream. */
  readonly rows: number;
  /** First and last stamp of these. */
  readonly span: { readonly from: number; readonly to: number };
  /** Stamp of the last record of any event. */
  readonly end: number;
  /** Whether there is something behind the window. */
  readonly more: boolean;
  /** Damage in the pages, CPU by CPU. */
  readonly damage: readonly KnownHole[];
  /** By place of the CPU: its last stamp, and the lost events that its pages tell of. */
  readonly cpus: readonly { readonly last: number; readonly lost: number }[];
  /** What `assessQuality` would say of the stream and of `known`. */
  quality(known: readonly KnownHole[]): Quality;
}

/** A hole that becomes known when a row is read; `at` is the stamp of that. */
interface FoundHole {
  readonly hole: KnownHole;
  /** Whether it begins where the recording does. */
  readonly first: boolean;
}

/** Goes over all rows of `cursors`, CPU by CPU. */
export function survey(
  cursors: readonly CpuCursor[],
  formats: ReadonlyMap<string, EventFormat>,
  readers: RowReaders,
  littleEndian: boolean,
): Survey {
  const byId = new Float64Array(0x1_0000);
  const found: FoundHole[] = [];
  const chains: CpuChain[] = [];
  const cpus: { last: number; lost: number }[] = [];
  let rows = 0;
  let from = Infinity;
  let to = -Infinity;
  let end = 0;
  for (const cursor of cursors) {
    const seen = surveyCpu(cursor, byId, readers, littleEndian, found);
    if (seen.chain.switches > 0) chains.push(seen.chain);
    cpus.push({ last: seen.last, lost: seen.lost });
    rows += seen.rows;
    if (seen.rows > 0) {
      from = Math.min(from, seen.from);
      to = Math.max(to, seen.to);
    }
    end = Math.max(end, seen.last);
  }
  const counts = new Map<string, number>();
  for (const { name, id } of formats.values()) if (byId[id]! > 0) counts.set(name, byId[id]!);
  const span = rows === 0 ? { from: 0, to: 0 } : { from, to };
  return {
    counts,
    rows,
    span,
    end,
    more: cursors.some(({ more }) => more),
    damage: cursors.flatMap(({ holes }) => holes),
    cpus,
    quality(known) {
      // In the order in which the stream tells of them: by time, equal stamps in the order of the CPUs.
      const told = found.toSorted((x, y) => x.hole.to - y.hole.to);
      const holes = told.map(({ hole, first }) => first ? { ...hole, from: span.from } : hole);
      return qualityOf([...known, ...holes], chains, span.to - span.from);
    },
  };
}

function surveyCpu(
  cursor: CpuCursor,
  byId: Float64Array,
  { kinds, a, c }: RowReaders,
  littleEndian: boolean,
  found: FoundHole[],
) {
  const { cpu, records, block } = cursor;
  const { ids, ts, at, sizes } = records;
  let rows = 0;
  let lost = 0;
  let from = Infinity;
  /** Stamps of the last row of the stream, and of the last switch. */
  let recorded = NaN;
  let switched = NaN;
  let switches = 0;
  let breaks = 0;
  let missing = 0;
  let next = 0;
  let last = 0;
  while (cursor.next()) {
    const { row, end } = cursor;
    for (let i = row; i < end; i++) {
      const id = ids[i]!;
      byId[id]!++;
      const kind = kinds[id]!;
      if (kind === 0) continue;
      const t = ts[i]!;
      if (kind === Kind.Switch) {
        const start = at[i]!;
        const previous = integerAt(block, start, a[id]!, littleEndian);
        if (switches > 0 && previous !== next) {
          breaks++;
          missing += t - switched;
          found.push({ hole: { kind: "chain", cpu, from: switched, to: t, lost: 0 }, first: false });
        }
        switches++;
        next = integerAt(block, start, c[id]!, littleEndian);
        switched = t;
      } else if (id === LOST_ID) {
        const count = sizes[i]!;
        lost += count;
        const hole = {
          kind: "lost",
          cpu,
          from: recorded,
          to: t,
          lost: Math.min(count, 0x7fff_ffff),
        } as const;
        found.push({ hole, first: Number.isNaN(recorded) });
      }
      if (rows++ === 0) from = t;
      recorded = t;
    }
    last = ts[end - 1]!;
  }
  const chain: CpuChain = { cpu, switches, breaks, missing };
  return { chain, rows, lost, from, to: recorded, last };
}
