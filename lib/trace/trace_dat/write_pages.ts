/** Bytes of a page, and where its data begins: those of the kernel on 64-bit machines with pages of 4 KiB. */
export const PAGE_SIZE = 4096;
const DATA = 16;

/** `events/header_page` of such pages. */
export const HEADER_PAGE = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n" +
  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n" +
  `\tfield: char data;\toffset:${DATA};\tsize:${PAGE_SIZE - DATA};\tsigned:1;\n`;

/** `events/header_event`. */
export const HEADER_EVENT =
  "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n" +
  "\tarray       :   32 bits\n\n\tpadding     : type == 29\n\ttime_extend : type == 30\n" +
  "\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

const MISSED_EVENTS = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;
/** Longest record whose length stands in its head. */
const SHORT = 112;
const TIME_EXTEND = 30;
/** Most that a record's head has room for as time since the one before. */
const MAX_DELTA = 2 ** 27;
/** Bytes behind the data for the number of events lost. */
const COUNT = 8;
/** Pages that are collected before they are written. */
const PAGES = 64;

/** Largest record that a page has room for. */
export const MAX_RECORD = PAGE_SIZE - DATA - COUNT - 16;

/** Puts one CPU's records into pages of a ring buffer (kernel/trace/ring_buffer.c), in rising time. */
export class PageMaker {
  readonly #bytes = new Uint8Array(PAGES * PAGE_SIZE);
  readonly view: DataView = new DataView(this.#bytes.buffer);
  /** First byte of the page that is being filled, or -1 where there is none. */
  #page = -1;
  #full = 0;
  #at = 0;
  #last = 0n;
  #lost = -1;
  /** Events lost before the page that is being filled. */
  #count = 0n;

  /** Whether pages must be {@linkcode PageMaker.take}n before the next record. */
  get full(): boolean {
    return this.#full === PAGES - 1;
  }

  /** Events were lost before the next record: `count`, 0 where it is not known. Adds up until there is one. */
  lose(count: number): void {
    this.#lost = Math.max(0, this.#lost) + count;
  }

  /** Makes room for a record of `size` bytes (a multiple of 4) at `stamp`; the byte of `view` at which it is to be written. */
  add(stamp: bigint, size: number): number {
    const head = size > SHORT ? 8 : 4;
    const end = this.#page + PAGE_SIZE - COUNT;
    if (this.#page < 0 || this.#lost >= 0 || this.#at + 8 + head + size > end) this.#begin(stamp);
    let delta = Number(stamp - this.#last);
    this.#last = stamp;
    const { view } = this;
    if (delta >= MAX_DELTA) {
      view.setUint32(this.#at, TIME_EXTEND | ((delta % MAX_DELTA) << 5), true);
      view.setUint32(this.#at + 4, Math.floor(delta / MAX_DELTA), true);
      this.#at += 8;
      delta = 0;
    }
    const at = this.#at;
    view.setUint32(at, (size > SHORT ? 0 : size >> 2) | (delta << 5), true);
    if (size > SHORT) view.setUint32(at + 4, size + 4, true);
    this.#at = at + head + size;
    return at + head;
  }

  /** The pages so far, the last one too with `all`; valid until the next record. */
  take(all = false): Uint8Array {
    if (all) this.#close();
    const bytes = this.#bytes.subarray(0, this.#full * PAGE_SIZE);
    const page = this.#page;
    if (page < 0) {
      this.#full = 0;
      return bytes.slice();
    }
    const whole = bytes.slice();
    this.#bytes.copyWithin(0, page, page + PAGE_SIZE);
    this.#bytes.fill(0, PAGE_SIZE);
    this.#at -= page;
    this.#page = 0;
    this.#full = 0;
    return whole;
  }

  #begin(stamp: bigint): void {
    this.#close();
    const page = this.#full * PAGE_SIZE;
    this.#bytes.fill(0, page, page + PAGE_SIZE);
    this.#page = page;
    this.#at = page + DATA;
    this.#last = stamp;
    this.view.setBigUint64(page, stamp, true);
    if (this.#lost < 0) return;
    const flags = this.#lost > 0 ? MISSED_EVENTS | MISSED_STORED : MISSED_EVENTS;
    this.view.setUint32(page + 8, flags >>> 0, true);
    this.#count = BigInt(this.#lost);
    this.#lost = -1;
  }

  /** Ends the page that is being filled: how much is on it, and what was lost before it. */
  #close(): void {
    const page = this.#page;
    if (page < 0) return;
    this.view.setUint32(
      page + 8,
      (this.view.getUint32(page + 8, true) | (this.#at - page - DATA)) >>> 0,
      true,
    );
    const lost = this.view.getUint32(page + 8, true) & MISSED_STORED;
    if (lost !== 0) this.view.setBigUint64(this.#at, this.#count, true);
    this.#page = -1;
    this.#full++;
  }
}
