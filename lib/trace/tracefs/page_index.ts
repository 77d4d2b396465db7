import type { PageLayout, StampBounds } from "../ring_buffer.ts";
import type { PageReader, PageStore } from "./page_store.ts";

/** Bytes that are read at once. */
const BLOCK = 1 << 18;

/** What the stamps of one CPU's pages say. */
export interface PageIndex {
  /** Stamp of each page, in ticks. */
  readonly stamps: BigUint64Array;
  /** 1 for each page whose stamp fits between those of its neighbours. */
  readonly good: Uint8Array;
}

/** Stamp of page `page` of the CPU at `list`; undefined where there is none. */
export function pageStamp(
  reader: PageReader,
  list: number,
  page: number,
  layout: PageLayout,
): bigint | undefined {
  const bytes = new Uint8Array(8);
  if (reader.read(list, bytes, page * layout.size + layout.stampOffset) < 8) return undefined;
  return new DataView(bytes.buffer).getBigUint64(0, layout.littleEndian);
}

/** Reads the stamps of all pages and finds those that fit. */
export function indexPages(
  reader: PageReader,
  store: PageStore,
  list: number,
  layout: PageLayout,
  bounds: StampBounds | undefined,
): PageIndex {
  const pages = Math.floor(store.cpus[list]!.size / layout.size);
  const stamps = new BigUint64Array(pages);
  let read = 0;
  for (const stamp of pageStamps(reader, list, pages, layout)) stamps[read++] = stamp;
  return { stamps, good: fittingPages(stamps.subarray(0, read), pages, bounds) };
}

/** Whether the stamps of the first `most` pages lie within the bounds and never fall. */
export function isInOrder(
  reader: PageReader,
  store: PageStore,
  list: number,
  layout: PageLayout,
  bounds: StampBounds | undefined,
  most: number,
): boolean {
  const pages = Math.min(most, Math.floor(store.cpus[list]!.size / layout.size));
  let last = bounds?.from ?? 0n;
  for (const stamp of pageStamps(reader, list, pages, layout)) {
    if (stamp < last || (bounds !== undefined && stamp > bounds.to)) return false;
    last = stamp;
  }
  return true;
}

/** Stamps of the first `pages` pages, read in order. */
function* pageStamps(
  reader: PageReader,
  list: number,
  pages: number,
  { size, stampOffset, littleEndian }: PageLayout,
): Generator<bigint> {
  const atOnce = Math.max(1, Math.floor(BLOCK / size));
  const block = new Uint8Array(Math.min(atOnce, pages) * size);
  const view = new DataView(block.buffer);
  for (let read = 0; read < pages;) {
    const got = reader.read(
      list,
      block.subarray(0, Math.min(block.length, (pages - read) * size)),
      read * size,
    );
    const whole = Math.floor(got / size);
    if (whole === 0) return;
    for (let page = 0; page < whole; page++) yield view.getBigUint64(page * size + stampOffset, littleEndian);
    read += whole;
  }
}

/** The longest run of pages, others left out, whose stamps never fall and lie within the bounds; 1 for each of them. */
export function fittingPages(
  stamps: BigUint64Array,
  pages: number,
  bounds: StampBounds | undefined,
): Uint8Array {
  const low = bounds === undefined ? 0 : Number(bounds.from);
  const high = bounds === undefined ? Infinity : Number(bounds.to);
  const before = new Int32Array(stamps.length).fill(-1);
  /** tails[k]: the page with the least stamp that ends a run of k + 1 pages. */
  const tails = new Int32Array(stamps.length);
  const keys = Float64Array.from(stamps, Number);
  let longest = 0;
  for (let page = 0; page < keys.length; page++) {
    const stamp = keys[page]!;
    if (stamp < low || stamp > high) continue;
    let left = 0;
    let right = longest;
    if (longest > 0 && stamp >= keys[tails[longest - 1]!]!) left = longest;
    while (left < right) {
      const middle = (left + right) >>> 1;
      if (keys[tails[middle]!]! <= stamp) left = middle + 1;
      else right = middle;
    }
    if (left > 0) before[page] = tails[left - 1]!;
    tails[left] = page;
    if (left === longest) longest++;
  }
  const good = new Uint8Array(pages);
  for (let page = longest === 0 ? -1 : tails[longest - 1]!; page >= 0; page = before[page]!) good[page] = 1;
  return good;
}
