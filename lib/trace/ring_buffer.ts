import type { KnownHole } from "./quality.ts";

/** Where things lie on a page of the kernel's ring buffer, as `events/header_page` tells it. */
export interface PageLayout {
  /** Bytes of a whole page (sub-buffer). */
  readonly size: number;
  /** Byte at which the records begin. */
  readonly dataOffset: number;
  /** Byte of the u64 stamp that the first record's delta counts from. */
  readonly stampOffset: number;
  /** Byte of the word that holds the number of data bytes and the missed-events flags. */
  readonly commitOffset: number;
  /** Bytes of that word: the kernel's long. */
  readonly commitSize: number;
  readonly littleEndian: boolean;
}

/** Largest page that is believed: the kernel's own limit on `buffer_subbuf_size_kb` is below it. */
const MAX_PAGE = 1 << 24;

/** Reads the text of `events/header_page`. Throws {@linkcode SyntaxError} where it is not such a text. */
export function parseHeaderPage(text: string, littleEndian: boolean): PageLayout {
  const field = (name: string) => {
    const match = new RegExp(`\\b${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
    if (match === null) {
      throw new SyntaxError(
        `Expected a field ${name} in header_page but found ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
    return { offset: Number(match[1]), size: Number(match[2]) };
  };
  const stamp = field("timestamp");
  const commit = field("commit");
  const data = field("data");
  const size = data.offset + data.size;
  const sane = stamp.size === 8 && (commit.size === 4 || commit.size === 8) && size % 4 === 0 &&
    data.offset % 4 === 0 &&
    size <= MAX_PAGE && data.size >= 8 &&
    data.offset >= Math.max(stamp.offset + 8, commit.offset + commit.size);
  if (!sane) {
    throw new SyntaxError(`Expected a sane page layout in header_page but found ${JSON.stringify(text)}`);
  }
  return {
    size,
    dataOffset: data.offset,
    stampOffset: stamp.offset,
    commitOffset: commit.offset,
    commitSize: commit.size,
    littleEndian,
  };
}

/** Stamps between which those of a recording must lie, in ticks of its clock. */
export interface StampBounds {
  readonly from: bigint;
  readonly to: bigint;
}

/** The records of one CPU's pages in the order recorded, as a struct of arrays. */
export interface RingBufferRecords {
  /** Number of rows. */
  readonly length: number;
  /** `common_type` of each record; {@linkcode LOST_ID} for a row that says events were lost before it. */
  readonly ids: Uint16Array;
  /** Ticks since the epoch; never falls. */
  readonly ts: Float64Array;
  /** Where the record's payload (`common_type` on) begins, in units of 4 bytes of the CPU's bytes. */
  readonly at: Uint32Array;
  /** Bytes of the payload; for a row of {@linkcode LOST_ID} how many events were lost, 0 where it is not known. */
  readonly sizes: Uint32Array;
  /** Damage found, with ticks for ns; lost events are rows of {@linkcode LOST_ID}. */
  readonly holes: readonly KnownHole[];
}

/** The id of rows that stand for lost events; the kernel gives no event this number. */
export const LOST_ID = 0;

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
/** How far, in ticks, stamps of one page may reach past the next page's before the page is taken for damaged. */
const SLACK = 2 ** 20;

/**
 * One CPU's raw pages, as `trace_pipe_raw` gave them.
 *
 * Formats: the kernel's Documentation/trace/ring-buffer-map.rst and kernel/trace/ring_buffer.c. No page, however damaged, makes it
 * throw or loop: pages whose stamp does not fit between those of their neighbours are left out, records that do
 * not fit their page end it, and each becomes a hole of kind `corrupt`.
 */
export class CpuPages {
  /** CPU that the pages are of. */
  readonly cpu: number;
  /** All bytes. */
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  readonly #layout: PageLayout;
  readonly #bounds: StampBounds | undefined;
  /** Whether a page's stamp fits, by page. */
  readonly #good: Uint8Array;
  readonly #pages: number;

  /** Looks at the stamps of all pages in `bytes`; does not walk the records yet. */
  constructor(cpu: number, bytes: Uint8Array, layout: PageLayout, bounds?: StampBounds) {
    this.cpu = cpu;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#layout = layout;
    this.#bounds = bounds;
    this.#pages = Math.floor(bytes.length / layout.size);
    this.#good = this.#fittingPages();
  }

  /** Stamp of the first page that fits; undefined where there is none. */
  get firstStamp(): bigint | undefined {
    const page = this.#good.indexOf(1);
    return page < 0 ? undefined : this.#stamp(page);
  }

  /**
   * Walks all records, with stamps counted from `epoch`. Records with an id for which `known` has 0 are left out.
   */
  walk(epoch: bigint, known: Uint8Array): RingBufferRecords {
    const { size } = this.#layout;
    const out = new RecordRows(Math.max(64, Math.floor(this.bytes.length / 40)));
    const holes: KnownHole[] = [];
    let last = 0;
    /** Page where a run of pages left out began, or -1. */
    let bad = -1;
    for (let page = 0; page < this.#pages; page++) {
      if (this.#good[page] === 0) {
        if (bad < 0) bad = page;
        continue;
      }
      const base = Number(this.#stamp(page) - epoch);
      if (bad >= 0) {
        holes.push({
          kind: "corrupt",
          cpu: this.cpu,
          from: last,
          to: Math.max(last, base),
          lost: 0,
          offset: bad * size,
        });
        bad = -1;
      }
      const before = out.length;
      const damage = this.#walkPage(page, base, last, this.#limit(page, epoch), epoch, known, out);
      if (out.length > before) last = out.ts[out.length - 1]!;
      if (damage >= 0) {
        const next = this.#nextGood(page);
        const to = next < 0 ? last : Math.max(last, Number(this.#stamp(next) - epoch));
        holes.push({ kind: "corrupt", cpu: this.cpu, from: last, to, lost: 0, offset: damage });
      }
    }
    if (bad >= 0) {
      holes.push({ kind: "corrupt", cpu: this.cpu, from: last, to: last, lost: 0, offset: bad * size });
    }
    const tail = this.#pages * size;
    if (tail < this.bytes.length) {
      holes.push({ kind: "truncated", cpu: this.cpu, from: last, to: last, lost: 0, offset: tail });
    }
    const { ids, ts, at, sizes, length } = out;
    return { length, ids, ts, at, sizes, holes };
  }

  /** Walks the records of one page into `out`; the byte where it stopped making sense, or -1. */
  #walkPage(
    page: number,
    base: number,
    last: number,
    limit: number,
    epoch: bigint,
    known: Uint8Array,
    out: RecordRows,
  ): number {
    const { size, dataOffset, littleEndian } = this.#layout;
    const { view } = this;
    const start = page * size;
    const commit = this.#commit(start);
    const room = size - dataOffset;
    const length = commit & COMMIT_MASK;
    let damage = length > room ? start + this.#layout.commitOffset : -1;
    const end = start + dataOffset + Math.min(length, room);
    if ((commit & MISSED_EVENTS) !== 0) {
      const lost = (commit & MISSED_STORED) !== 0 ? this.#missed(start, length) : 0;
      out.add(LOST_ID, Math.max(base, last), 0, lost);
    }
    // Written without a call for each record; a record has 8 bytes at least.
    out.reserve((end - start) >>> 3);
    const { ids, at: places, sizes } = out;
    const stamps = out.ts;
    let row = out.length;
    let ts = base;
    let floor = Math.max(base, last);
    let at = start + dataOffset;
    while (at + 4 <= end) {
      const word = view.getUint32(at, littleEndian);
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
        const second = view.getUint32(at + 4, littleEndian);
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
        const id = bytes === 0 ? LOST_ID : view.getUint16(payload, littleEndian);
        if (known[id] === 1) {
          ids[row] = id;
          stamps[row] = floor;
          places[row] = payload >>> 2;
          sizes[row++] = bytes;
        } else damage = at;
      }
      at = payload + bytes;
    }
    out.length = row;
    return damage;
  }

  #stamp(page: number): bigint {
    const { size, stampOffset, littleEndian } = this.#layout;
    return this.view.getBigUint64(page * size + stampOffset, littleEndian);
  }

  /** Low 32 bits of the commit word. */
  #commit(start: number): number {
    const { commitOffset, commitSize, littleEndian } = this.#layout;
    return this.view.getUint32(
      start + commitOffset + (commitSize === 8 && !littleEndian ? 4 : 0),
      littleEndian,
    );
  }

  /** The count of missed events behind the data. */
  #missed(start: number, length: number): number {
    const { size, dataOffset, commitSize, littleEndian } = this.#layout;
    if (dataOffset + length + commitSize > size) return 0;
    const at = start + dataOffset + length;
    if (commitSize === 4) return this.view.getUint32(at, littleEndian);
    return Math.min(Number(this.view.getBigUint64(at, littleEndian)), 0xffff_ffff);
  }

  /** Stamp that records of `page` cannot be above. */
  #limit(page: number, epoch: bigint): number {
    const next = this.#nextGood(page);
    if (next >= 0) return Number(this.#stamp(next) - epoch) + SLACK;
    return this.#bounds === undefined ? 2 ** 53 : Number(this.#bounds.to - epoch) + SLACK;
  }

  #nextGood(page: number): number {
    return this.#good.indexOf(1, page + 1);
  }

  /** The longest run of pages, others left out, whose stamps never fall and lie within the bounds. */
  #fittingPages(): Uint8Array {
    const pages = this.#pages;
    const { size, stampOffset, littleEndian } = this.#layout;
    const stamps = new Float64Array(pages);
    const before = new Int32Array(pages).fill(-1);
    const low = this.#bounds === undefined ? 0 : Number(this.#bounds.from);
    const high = this.#bounds === undefined ? Infinity : Number(this.#bounds.to);
    /** tails[k]: the page with the least stamp that ends a run of k + 1 pages. */
    const tails = new Int32Array(pages);
    let longest = 0;
    for (let page = 0; page < pages; page++) {
      const at = page * size + stampOffset;
      const upper = this.view.getUint32(littleEndian ? at + 4 : at, littleEndian);
      const lower = this.view.getUint32(littleEndian ? at : at + 4, littleEndian);
      const stamp = upper * 2 ** 32 + lower;
      stamps[page] = stamp;
      if (stamp < low || stamp > high) continue;
      let left = 0;
      let right = longest;
      if (longest > 0 && stamp >= stamps[tails[longest - 1]!]!) left = longest;
      while (left < right) {
        const middle = (left + right) >>> 1;
        if (stamps[tails[middle]!]! <= stamp) left = middle + 1;
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

/** Rows that grow. */
class RecordRows {
  length = 0;
  ids: Uint16Array;
  ts: Float64Array;
  at: Uint32Array;
  sizes: Uint32Array;

  constructor(capacity: number) {
    this.ids = new Uint16Array(capacity);
    this.ts = new Float64Array(capacity);
    this.at = new Uint32Array(capacity);
    this.sizes = new Uint32Array(capacity);
  }

  add(id: number, ts: number, at: number, size: number): void {
    this.reserve(1);
    const row = this.length++;
    this.ids[row] = id;
    this.ts[row] = ts;
    this.at[row] = at;
    this.sizes[row] = size;
  }

  /** Makes room for `rows` more. */
  reserve(rows: number): void {
    if (this.length + rows <= this.ids.length) return;
    const capacity = Math.max(this.ids.length * 2, this.length + rows);
    const ids = new Uint16Array(capacity);
    ids.set(this.ids);
    this.ids = ids;
    const ts = new Float64Array(capacity);
    ts.set(this.ts);
    this.ts = ts;
    const at = new Uint32Array(capacity);
    at.set(this.at);
    this.at = at;
    const sizes = new Uint32Array(capacity);
    sizes.set(this.sizes);
    this.sizes = sizes;
  }
}
