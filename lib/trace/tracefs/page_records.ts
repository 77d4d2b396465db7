import type { PageLayout } from "../ring_buffer.ts";

/** The id of rows that stand for lost events; the kernel gives no event this number. */
export const LOST_ID = 0;

/** What to do with records of an event, by its id: they are damage, they are kept, or passed over. */
export const Wanted = { Unknown: 0, Keep: 1, Skip: 2 } as const;

const COMMIT_MASK = 0x7ff_ffff;
const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;
/** Highest `type_len` that is a length in words. */
const DATA_MAX = 28;
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
/** Bits of an absolute stamp that its 59 bits do not hold (the kernel's TS_MSB). */
const STAMP_TOP = 0xf8n << 56n;

/** The records of one page in the order recorded, as a struct of arrays that is used again for the next page. */
export class PageRecords {
  /** Number of rows. */
  length = 0;
  /** `common_type` of each record; {@linkcode LOST_ID} for a row that says events were lost before it. */
  readonly ids: Uint16Array;
  /** Ticks since the epoch; never falls. */
  readonly ts: Float64Array;
  /** Byte of the view at which the record's payload (`common_type` on) begins. */
  readonly at: Uint32Array;
  /** Bytes of the payload; for a row of {@linkcode LOST_ID} how many events were lost, 0 where it is not known. */
  readonly sizes: Uint32Array;
  /** Stamp of the last record, also of those that are passed over; that before the page where it has none. */
  last = 0;
  /** Byte of the view at which the page stopped making sense; -1 where all of it does. */
  damage = -1;

  /** Makes room for all records that a page of `bytes` can have: each has 8 bytes at least. */
  constructor(bytes: number) {
    const rows = (bytes >>> 3) + 2;
    this.ids = new Uint16Array(rows);
    this.ts = new Float64Array(rows);
    this.at = new Uint32Array(rows);
    this.sizes = new Uint32Array(rows);
  }
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Bytes of some pages, and their words as numbers: an array's elements are read faster than a view's before code is compiled. */
export class PageBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The words of 4 bytes, in the order of bytes of this machine. */
  readonly words: Uint32Array;
  readonly #own: Uint32Array | undefined;

  /** Room for `size` bytes, a multiple of 4, in the byte order `littleEndian`. */
  constructor(size: number, littleEndian: boolean) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    const alike = littleEndian === HOST_IS_LITTLE_ENDIAN;
    this.#own = alike ? undefined : new Uint32Array(size >>> 2);
    this.words = this.#own ?? new Uint32Array(this.bytes.buffer);
  }

  /** The first `size` bytes are there now. */
  loaded(size: number): void {
    const own = this.#own;
    if (own === undefined) return;
    for (let at = 0; at + 4 <= size; at += 4) own[at >>> 2] = this.view.getUint32(at, !HOST_IS_LITTLE_ENDIAN);
  }
}

/** What is known of a page before it is walked; stamps are ticks since the epoch. */
export interface PageStart {
  /** Byte of the view at which the page begins. */
  start: number;
  /** The page's own stamp. */
  base: number;
  /** Stamp of the record before the page. */
  last: number;
  /** Stamp that no record of the page can be above. */
  limit: number;
  /** Whether lost events become a row. */
  losses: boolean;
}

/**
 * Walks the records of one page of `block` into `out`.
 *
 * Formats: the kernel's Documentation/trace/ring-buffer-map.rst and kernel/trace/ring_buffer.c. No page, however damaged, makes
 * it throw or loop: records that do not fit their page, or are later than the limit, end it. `wanted` has a number of
 * {@linkcode Wanted} for each id, `least` the bytes that a record with it must have: one that is shorter is damage.
 */
export function walkPage(
  block: PageBlock,
  page: PageStart,
  layout: PageLayout,
  epoch: bigint,
  wanted: Uint8Array,
  least: Uint32Array,
  out: PageRecords,
): void {
  const { size, dataOffset, littleEndian } = layout;
  const { view, words } = block;
  const { start, base, last, limit } = page;
  const { ids, ts: stamps, at: places, sizes } = out;
  const commit = commitOf(view, start, layout);
  const room = size - dataOffset;
  const length = commit & COMMIT_MASK;
  let damage = length > room ? start + layout.commitOffset : -1;
  const end = start + dataOffset + Math.min(length, room);
  let floor = Math.max(base, last);
  let row = 0;
  const lossy = (commit & MISSED_EVENTS) !== 0;
  if (lossy && page.losses) {
    ids[row] = LOST_ID;
    stamps[row] = floor;
    places[row] = start;
    sizes[row++] = (commit & MISSED_STORED) !== 0 ? missed(view, start, length, layout) : 0;
  }
  // Also where losses become no rows, so that all walks have the same stamps.
  let seen = lossy;
  let ts = base;
  let at = start + dataOffset;
  while (at + 4 <= end) {
    const word = words[at >>> 2]!;
    const type = littleEndian ? word & 31 : word >>> 27;
    const delta = littleEndian ? word >>> 5 : word & COMMIT_MASK;
    let payload = at + 4;
    let bytes = type * 4;
    if (type === 0 || type > DATA_MAX) {
      if (type === PADDING && delta === 0) break;
      if (at + 8 > end) {
        damage = at;
        break;
      }
      const second = words[(at >>> 2) + 1]!;
      if (type === TIME_EXTEND || type === TIME_STAMP) {
        ts = type === TIME_EXTEND ? ts + second * 2 ** 27 + delta : absolute(second, delta, ts, epoch);
        at += 8;
        continue;
      }
      payload = at + 8;
      bytes = ((second + 3) & ~3) - 4;
      // Padding may claim more than the page has (old kernels wrote such lengths): it ends the page.
      if (type === PADDING && (bytes < 0 || payload + bytes > end)) break;
      if (second < 4 || bytes < 0) {
        damage = at;
        break;
      }
    }
    ts += delta;
    if (payload + bytes > end || ts > limit) {
      damage = at;
      break;
    }
    if (type !== PADDING) {
      if (ts > floor) floor = ts;
      const first = bytes === 0 ? LOST_ID : words[payload >>> 2]!;
      const id = littleEndian ? first & 0xffff : first >>> 16;
      const keep = bytes < least[id]! ? Wanted.Unknown : wanted[id];
      if (keep === Wanted.Keep) {
        ids[row] = id;
        stamps[row] = floor;
        places[row] = payload;
        sizes[row++] = bytes;
        seen = true;
      } else if (keep === Wanted.Skip) seen = true;
      else damage = at;
    }
    at = payload + bytes;
  }
  out.length = row;
  out.last = seen ? floor : last;
  out.damage = damage;
}

/** Low 32 bits of the commit word of the page at `start`. */
function commitOf(
  view: DataView,
  start: number,
  { commitOffset, commitSize, littleEndian }: PageLayout,
): number {
  return view.getUint32(start + commitOffset + (commitSize === 8 && !littleEndian ? 4 : 0), littleEndian);
}

/** The count of missed events behind the data of the page at `start`. */
function missed(view: DataView, start: number, length: number, layout: PageLayout): number {
  const { size, dataOffset, commitSize, littleEndian } = layout;
  if (dataOffset + length + commitSize > size) return 0;
  const at = start + dataOffset + length;
  if (commitSize === 4) return view.getUint32(at, littleEndian);
  return Math.min(Number(view.getBigUint64(at, littleEndian)), 0xffff_ffff);
}

/** An absolute stamp of 59 bits, its top bits taken from the running one (the kernel's rb_fix_abs_ts). */
function absolute(second: number, delta: number, ts: number, epoch: bigint): number {
  const running = BigInt(Math.max(0, Math.min(ts, 2 ** 53))) + epoch;
  let stamp = (BigInt(second) << 27n) + BigInt(delta);
  if ((running & STAMP_TOP) !== 0n) {
    stamp |= running & STAMP_TOP;
    if (stamp < running) stamp += 1n << 59n;
  }
  return Number(stamp - epoch);
}
