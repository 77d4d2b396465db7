import type { KnownHole } from "../quality.ts";
import type { PageLayout, StampBounds } from "../ring_buffer.ts";
import type { PageIndex } from "./page_index.ts";
import { PageBlock, PageRecords, type PageStart, walkPage } from "./page_records.ts";
import type { PageReader, PageStore } from "./page_store.ts";

/** Bytes that are read at once: what stays in the processor's cache; and of all CPUs together. */
const BLOCK = 1 << 18;
const BLOCKS = 1 << 26;
/** How far, in ticks, stamps of one page may reach past the next page's before the page is taken for damaged. */
const SLACK = 2 ** 20;
/** Where no stamp can be: offsets are exact in a float below it. */
const NO_LIMIT = 2 ** 53;

/** The stamps of pages are not in order, and nobody looked before which of them fit. */
export class DisorderedPages extends Error {
  /** Tells the class apart. */
  override name = "DisorderedPages";
}

/** Turns ticks into ns, in place, from row `from` to `to`. */
export type TicksToNs = (ts: Float64Array, from: number, to: number) => void;

/** How pages are walked: the same for all CPUs. */
export interface Walk {
  readonly store: PageStore;
  readonly layout: PageLayout;
  /** Stamps between which all must lie, in ticks. */
  readonly bounds: StampBounds | undefined;
  /** Tick that is 0. */
  readonly epoch: bigint;
  /** What becomes of records, by their id; see `Wanted`. */
  readonly wanted: Uint8Array;
  /** Bytes that a record must have, by its id: one that is shorter is damage. */
  readonly least: Uint32Array;
  /** Whether there are rows for lost events. */
  readonly losses: boolean;
  /** Makes what turns ticks of a CPU since the epoch into ns. They are ns where it is absent. */
  readonly toNs?: ((cpu: number) => TicksToNs) | undefined;
  /** Rows with other stamps (ns since the epoch) are left out, and pages that can have none of these are not read. */
  readonly window?: { readonly from: number; readonly to: number } | undefined;
  /** Which pages fit, by CPU; where absent all should, and it throws {@linkcode DisorderedPages} where they do not. */
  readonly indices?: readonly PageIndex[] | undefined;
}

/**
 * Goes over the records of one CPU, page by page, in memory of fixed size.
 *
 * Pages whose stamp does not fit between those of their neighbours are left out, records that do not fit their page end
 * it, and each becomes a hole of kind `corrupt`.
 */
export class CpuCursor {
  /** Place of the CPU in the store. */
  readonly list: number;
  /** The CPU's number. */
  readonly cpu: number;
  /** The page's records. */
  readonly records: PageRecords;
  /** Next row of them. */
  row = 0;
  /** Row after the last of them. */
  end = 0;
  /** The bytes that `records.at` counts in. */
  readonly block: PageBlock;
  /** Whether it ended where the window does, and there are pages behind it. */
  more = false;
  /** Damage found so far, in ns since the epoch; `offset` is a byte of the CPU's pages. */
  readonly holes: KnownHole[] = [];
  readonly #walk: Walk;
  readonly #reader: PageReader;
  readonly #index: PageIndex | undefined;
  readonly #pages: number;
  readonly #start: PageStart = { start: 0, base: 0, last: 0, limit: NO_LIMIT, losses: true };
  readonly #scratch = new Float64Array(1);
  readonly #toNs: TicksToNs | undefined;
  #lastNs = 0;
  readonly #epochHigh: number;
  readonly #epochLow: number;
  readonly #low: number;
  readonly #high: number;
  /** Next page. */
  #page: number;
  /** First page that the block holds, and how many whole ones. */
  #blockPage = 0;
  #blockPages = 0;
  #last = 0;
  #stamp = -Infinity;
  /** Page where a run of pages left out began, or -1. */
  #bad = -1;
  #done = false;

  /** Over the pages of `walk.store.cpus[list]`, from page `from` on. */
  constructor(walk: Walk, reader: PageReader, list: number, from = 0) {
    const { cpus } = walk.store;
    const { cpu, size } = cpus[list]!;
    const { layout, bounds, epoch } = walk;
    this.list = list;
    this.cpu = cpu;
    this.#walk = walk;
    this.#reader = reader;
    this.#index = walk.indices?.[list];
    this.#toNs = walk.toNs?.(cpu);
    this.#pages = Math.floor(size / layout.size);
    this.#page = from;
    // One more than is walked: the stamp of the page behind is looked at.
    const bytes = Math.min(BLOCK, BLOCKS / cpus.length);
    const atOnce = Math.min(Math.max(1, Math.floor(bytes / layout.size)) + 1, this.#pages);
    this.block = new PageBlock(atOnce * layout.size, layout.littleEndian);
    // A page that is claimed to be large is made room for when there is one.
    this.records = new PageRecords(this.#pages === 0 ? 0 : layout.size);
    this.#start.losses = walk.losses;
    this.#epochHigh = Number(epoch >> 32n);
    this.#epochLow = Number(epoch & 0xffff_ffffn);
    this.#low = bounds === undefined ? 0 : Number(bounds.from);
    this.#high = bounds === undefined ? Infinity : Number(bounds.to);
  }

  /** Goes on to the next page that has rows; false where there is none. */
  next(): boolean {
    while (this.#page < this.#pages) {
      const page = this.#page++;
      if (this.#index?.good[page] === 0) {
        if (this.#bad < 0) this.#bad = page;
        continue;
      }
      if (!this.#load(page)) {
        // The file became shorter since it was looked at.
        this.#hole("truncated", this.#last, this.#last, page * this.#walk.layout.size);
        this.#page = this.#pages;
        this.#done = true;
        return false;
      }
      if (!this.#walkOne(page)) return false;
      if (this.row < this.end) return true;
    }
    this.#finish();
    return false;
  }

  /** Walks `page`, which is in the block; false where it and all behind it are past the window. */
  #walkOne(page: number): boolean {
    const { layout, epoch, wanted, least, window } = this.#walk;
    const at = (page - this.#blockPage) * layout.size;
    const start = this.#start;
    start.start = at;
    start.base = this.#ticksAt(at + layout.stampOffset);
    this.#check(at + layout.stampOffset);
    start.last = this.#last;
    const next = this.#nextStamp(page);
    start.limit = (next ?? this.#lastLimit()) + SLACK;
    if (this.#bad >= 0) {
      this.#hole("corrupt", this.#last, Math.max(this.#last, start.base), this.#bad * layout.size);
      this.#bad = -1;
    }
    const { records } = this;
    walkPage(this.block, start, layout, epoch, wanted, least, records);
    if (records.damage >= 0) {
      const to = next === undefined ? records.last : Math.max(records.last, next);
      this.#hole("corrupt", records.last, to, records.damage - at + page * layout.size);
    }
    this.#last = records.last;
    this.row = 0;
    this.end = records.length;
    if (this.#toNs !== undefined) this.#rowsInNs(this.#toNs);
    if (window === undefined) return true;
    const { ts } = records;
    if (this.#ns(start.base) > window.to) {
      this.#page = this.#pages;
      this.#done = true;
      this.more = true;
      this.end = 0;
      return false;
    }
    while (this.row < this.end && ts[this.row]! < window.from) this.row++;
    while (this.end > this.row && ts[this.end - 1]! > window.to) this.end--;
    return true;
  }

  /** Where a clock is corrected by steps, its stamps may fall; those of a recording never do. */
  #rowsInNs(toNs: TicksToNs): void {
    const { ts, length } = this.records;
    toNs(ts, 0, length);
    if (length === 0) return;
    if (ts[0]! < this.#lastNs) ts[0] = this.#lastNs;
    for (let i = 1; i < length; i++) if (ts[i]! < ts[i - 1]!) ts[i] = ts[i - 1]!;
    this.#lastNs = ts[length - 1]!;
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    const { layout, store } = this.#walk;
    if (this.#bad >= 0) this.#hole("corrupt", this.#last, this.#last, this.#bad * layout.size);
    const tail = this.#pages * layout.size;
    if (tail < store.cpus[this.list]!.size) {
      this.#hole("truncated", this.#last, this.#last, tail);
    }
  }

  /** Makes sure that `page` is in the block, and if it can be the page after it. */
  #load(page: number): boolean {
    const behind = page - this.#blockPage;
    const needed = Math.min(page + 2, this.#pages) - page;
    if (behind >= 0 && behind + needed <= this.#blockPages) return true;
    const { layout } = this.#walk;
    const { bytes } = this.block;
    const pages = Math.min(bytes.length / layout.size, this.#pages - page);
    const got = this.#reader.read(this.list, bytes.subarray(0, pages * layout.size), page * layout.size);
    this.block.loaded(got);
    this.#blockPage = page;
    this.#blockPages = Math.floor(got / layout.size);
    return this.#blockPages > 0;
  }

  /** Throws where the page whose stamp is at `at` cannot follow the page before, if that was not looked at before. */
  #check(at: number): void {
    if (this.#index !== undefined) return;
    const stamp = this.#floatAt(at);
    if (stamp < this.#stamp || stamp < this.#low || stamp > this.#high) throw new DisorderedPages();
    this.#stamp = stamp;
  }

  /** Stamp of the next page that fits, in ticks since the epoch; undefined where there is none. */
  #nextStamp(page: number): number | undefined {
    if (this.#index !== undefined) {
      const next = this.#index.good.indexOf(1, page + 1);
      return next < 0 ? undefined : Number(this.#index.stamps[next]! - this.#walk.epoch);
    }
    if (page + 1 - this.#blockPage >= this.#blockPages) return undefined;
    const at = (page + 1 - this.#blockPage) * this.#walk.layout.size + this.#walk.layout.stampOffset;
    if (this.#floatAt(at) < this.#stamp) throw new DisorderedPages();
    return this.#ticksAt(at);
  }

  #lastLimit(): number {
    const { bounds, epoch } = this.#walk;
    return bounds === undefined ? NO_LIMIT : Number(bounds.to - epoch);
  }

  #ticksAt(at: number): number {
    const { littleEndian } = this.#walk.layout;
    const { words } = this.block;
    const high = words[(littleEndian ? at + 4 : at) >>> 2]!;
    const low = words[(littleEndian ? at : at + 4) >>> 2]!;
    return (high - this.#epochHigh) * 2 ** 32 + (low - this.#epochLow);
  }

  #floatAt(at: number): number {
    const { littleEndian } = this.#walk.layout;
    const { words } = this.block;
    return words[(littleEndian ? at + 4 : at) >>> 2]! * 2 ** 32 + words[(littleEndian ? at : at + 4) >>> 2]!;
  }

  #ns(ticks: number): number {
    this.#scratch[0] = ticks;
    this.#toNs?.(this.#scratch, 0, 1);
    return this.#scratch[0]!;
  }

  #hole(kind: "corrupt" | "truncated", from: number, to: number, offset: number): void {
    this.holes.push({ kind, cpu: this.cpu, from: this.#ns(from), to: this.#ns(to), lost: 0, offset });
  }
}
