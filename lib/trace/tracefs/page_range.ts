import { DisorderedPages, type Walk } from "./cpu_cursor.ts";
import { pageStamp } from "./page_index.ts";
import type { PageReader } from "./page_store.ts";

/**
 * The first page of the CPU at `list` that can hold a record of the walk's window: the last one whose own stamp is before it.
 * Found by halves, so that few pages are read. Throws {@linkcode DisorderedPages} where the stamps found are not in order.
 */
export function firstPageOf(walk: Walk, reader: PageReader, list: number): number {
  const { layout, store, window, indices } = walk;
  if (window === undefined) return 0;
  const pages = Math.floor(store.cpus[list]!.size / layout.size);
  const index = indices?.[list];
  const stampOf = (page: number) => index?.stamps[page] ?? pageStamp(reader, list, page, layout);
  const scratch = new Float64Array(1);
  const toNs = walk.toNs?.(store.cpus[list]!.cpu);
  const ns = (stamp: bigint) => {
    scratch[0] = Number(stamp - walk.epoch);
    toNs?.(scratch, 0, 1);
    return scratch[0]!;
  };
  const places = index === undefined ? undefined : Uint32Array.from(goodPages(index.good));
  const pageAt = (place: number) => places?.[place] ?? place;
  let from = 0;
  let to = places?.length ?? pages;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const stamp = stampOf(pageAt(middle));
    if (stamp !== undefined && ns(stamp) < window.from) from = middle + 1;
    else to = middle;
  }
  const first = pageAt(Math.max(0, from - 1));
  if (index !== undefined) return first;
  // A page with a stamp from elsewhere leads astray: its neighbours tell.
  let last: bigint | undefined;
  for (let page = Math.max(0, first - 1); page <= Math.min(pages - 1, first + 1); page++) {
    const stamp = stampOf(page);
    if (stamp === undefined || (last !== undefined && stamp < last)) throw new DisorderedPages();
    last = stamp;
  }
  return first;
}

function* goodPages(good: Uint8Array): Generator<number> {
  for (let page = 0; page < good.length; page++) if (good[page] === 1) yield page;
}
