import type { KnownHole } from "../../../lib/trace/quality.ts";
import type { PageLayout, StampBounds } from "../../../lib/trace/ring_buffer.ts";
import { CpuCursor } from "../../../lib/trace/tracefs/cpu_cursor.ts";
import { indexPages } from "../../../lib/trace/tracefs/page_index.ts";
import { memoryPages } from "../../../lib/trace/tracefs/page_store.ts";

/** All rows of one CPU's pages. */
export interface WalkedPages {
  readonly length: number;
  readonly ids: readonly number[];
  readonly ts: readonly number[];
  /** Byte of the pages at which each payload begins; the id is looked at there. */
  readonly found: readonly number[];
  readonly sizes: readonly number[];
  readonly holes: readonly KnownHole[];
}

/** Options of {@linkcode walkPages}. */
export interface WalkPagesOptions {
  readonly cpu?: number;
  readonly bounds?: StampBounds;
  /** Whether the pages' stamps are looked at before, as is done where they are not in order. Default true. */
  readonly indexed?: boolean;
  /** 1 for each id that is known. */
  readonly known: Uint8Array;
  /** Bytes that a record must have, by its id. Default: any. */
  readonly least?: Uint32Array;
  /** Whether there are rows for lost events. Default true. */
  readonly losses?: boolean;
  /** Tick that is 0. Default: that of the first page that fits. */
  readonly epoch?: bigint;
}

/** Walks one CPU's pages from front to back. */
export function walkPages(bytes: Uint8Array, layout: PageLayout, options: WalkPagesOptions): WalkedPages {
  const { cpu = 0, bounds, indexed = true, known, least = new Uint32Array(0x1_0000) } = options;
  const store = memoryPages([{ cpu, bytes }]);
  using reader = store.open();
  const index = indexPages(reader, store, 0, layout, bounds);
  const first = index.good.indexOf(1);
  const epoch = options.epoch ?? (first < 0 ? 0n : index.stamps[first]!);
  const indices = indexed ? [index] : undefined;
  const walk = {
    store,
    layout,
    bounds,
    epoch,
    wanted: known,
    least,
    losses: options.losses ?? true,
    indices,
  };
  const cursor = new CpuCursor(walk, reader, 0);
  const ids: number[] = [];
  const ts: number[] = [];
  const found: number[] = [];
  const sizes: number[] = [];
  while (cursor.next()) {
    for (let row = cursor.row; row < cursor.end; row++) {
      ids.push(cursor.records.ids[row]!);
      ts.push(cursor.records.ts[row]!);
      found.push(cursor.block.view.getUint16(cursor.records.at[row]!, layout.littleEndian));
      sizes.push(cursor.records.sizes[row]!);
      const end = cursor.records.at[row]! + (ids.at(-1) === 0 ? 0 : sizes.at(-1)!);
      if (end > cursor.block.view.byteLength) throw new Error(`row ${ids.length - 1} lies outside`);
    }
  }
  return { length: ids.length, ids, ts, found, sizes, holes: cursor.holes };
}
