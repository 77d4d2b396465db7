import type { Column, Columns } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { EventFormat } from "../event_format.ts";
import type { KnownHole } from "../quality.ts";
import type { PageLayout, StampBounds } from "../ring_buffer.ts";
import type { ScanRequest } from "../scan.ts";
import type { SchedStream } from "../stream.ts";
import { type TraceWindow, windowBounds } from "../window.ts";
import { CpuCursor, DisorderedPages, type TicksToNs, type Walk } from "./cpu_cursor.ts";
import { decodeEvent, EventColumns } from "./decode.ts";
import { MergedCursors } from "./merge_cursors.ts";
import { indexPages, isInOrder, type PageIndex, pageStamp } from "./page_index.ts";
import { LOST_ID, Wanted } from "./page_records.ts";
import { firstPageOf } from "./page_range.ts";
import type { PageReader, PageStore } from "./page_store.ts";
import { type RowReaders, rowReaders } from "./row_readers.ts";
import { makeStream } from "./stream.ts";
import { type Survey, survey } from "./survey.ts";

/** Pages of all CPUs, and what is needed to understand them. */
export interface PageSet {
  readonly store: PageStore;
  readonly layout: PageLayout;
  /** Stamps between which all must lie, in ticks. Default: any. */
  readonly bounds?: StampBounds | undefined;
  readonly formats: ReadonlyMap<string, EventFormat>;
  /** Process of each thread that is known. */
  readonly processes: ReadonlyMap<number, number>;
  /** Tick that is ts = 0 where there is no page. */
  readonly emptyAt: bigint;
  /** The clock's own stamp, in ns, of a CPU's tick. Default: the tick. */
  readonly stampOf?: ((tick: bigint, cpu: number) => bigint) | undefined;
  /** Makes what turns ticks of a CPU since `first` into ns since the clock's stamp `epoch`. Default: they are ns. */
  readonly toNs?: ((first: bigint, epoch: bigint, cpu: number) => TicksToNs) | undefined;
  /** Only pages that can hold something of it are read. Default: all. */
  readonly window?: TraceWindow | undefined;
  /** Only these events are read. Default: all. */
  readonly events?: readonly string[] | undefined;
}

/** Pages at the start of a CPU that are looked at before one of them makes the epoch. */
const HEAD = 8;

/** How to walk, whatever of it is wanted; `stamp` is the clock's own of ts = 0. */
type Plan = Omit<Walk, "wanted" | "losses"> & { readonly stamp: bigint };

/** A recording that consists of pages. Nothing of it is kept in memory but what is asked for. */
export class PageRecording {
  readonly #set: PageSet;
  readonly #readers: RowReaders;
  #walk: Plan;
  #survey: Survey | undefined;

  /** Looks at the first pages of each CPU, or where these are not in order at the stamps of all. */
  constructor(set: PageSet) {
    this.#set = set;
    this.#readers = rowReaders(set.formats.values(), set.layout.littleEndian);
    using reader = set.store.open();
    this.#walk = this.#inOrder(reader, HEAD) ? this.#plan(reader, undefined) : this.#indexed(reader);
  }

  /** The clock's stamp of ts = 0, in ns: that of the first page. Settled when there is a {@linkcode PageRecording.survey}. */
  get epoch(): bigint {
    return this.#walk.stamp;
  }

  /** What one pass over the pages finds. */
  get survey(): Survey {
    return this.#survey ??= this.#robust((cursors) =>
      survey(cursors, this.#set.formats, this.#readers, this.#set.layout.littleEndian)
    );
  }

  /** From the first to the last row of the stream, or of what of that lies in the window. */
  get span(): { from: number; to: number } {
    const { rows, span, more } = this.survey;
    const { window } = this.#walk;
    if (window === undefined) return span;
    const from = window.from > 0 ? window.from : span.from;
    return { from, to: more ? window.to : Math.max(from, rows === 0 ? 0 : span.to) };
  }

  /** The scheduler's events in time order. */
  stream(): SchedStream {
    const { rows } = this.survey;
    const { processes, layout } = this.#set;
    const { kinds } = this.#readers;
    this.#set.store.keep?.();
    return this.#robust(
      (cursors) => makeStream(cursors, this.#readers, rows, processes, layout.littleEndian),
      (id) => kinds[id] !== 0,
    );
  }

  /** Fields of all records of `event`, as `TraceParts.decode` has it. */
  decode(event: string, fields: readonly string[], exact = false): Record<string, Column> {
    const { formats, layout } = this.#set;
    const format = formats.get(event);
    if (format === undefined) throw new RangeError(`The trace has no event ${JSON.stringify(event)}`);
    const rows = this.survey.counts.get(event) ?? 0;
    this.#set.store.keep?.();
    return this.#robust(
      (cursors) => decodeEvent(cursors, format, rows, fields, layout.littleEndian, exact),
      (id) => id === format.id,
    );
  }

  /** One event batch by batch, as `scanTrace` has it. */
  async *scan(request: ScanRequest): AsyncGenerator<Frame<Columns>, void, undefined> {
    const { event, batchRows, signal } = request;
    const { formats, store, layout } = this.#set;
    const format = formats.get(event);
    if (format === undefined) {
      const known = [...formats.keys()].join(", ") || "none";
      throw new RangeError(`The recording has no event ${JSON.stringify(event)}; it has: ${known}`);
    }
    const own = format.fields.map(({ name }) => name).filter((name) => !name.startsWith("common_"));
    const fields = [...new Set(["ts", "cpu", ...request.columns ?? ["common_pid", ...own]])];
    const begin = () => new EventColumns(format, fields, batchRows, layout.littleEndian);
    let batch = begin();
    using reader = store.open();
    // A batch that was given cannot be taken back: so all stamps are looked at before.
    if (this.#walk.indices === undefined && !this.#inOrder(reader, Infinity)) {
      this.#walk = this.#indexed(reader);
    }
    const cursors = this.#cursors(reader, (id) => id === format.id);
    if (cursors.length === 0) return;
    const merged = new MergedCursors(cursors);
    while (merged.next()) {
      const { cursor, to } = merged;
      for (let { from } = merged; from < to;) {
        const until = Math.min(to, from + batchRows - batch.length);
        batch.take(cursor, from, until);
        from = until;
        if (batch.length < batchRows) continue;
        signal?.throwIfAborted();
        yield new Frame<Columns>(batch.finish());
        batch = begin();
      }
    }
    signal?.throwIfAborted();
    if (batch.length > 0) yield new Frame<Columns>(batch.finish());
  }

  /** Calls `work` with cursors over the records whose id is `kept`; again with an index if the pages are not in order. */
  #robust<T>(work: (cursors: readonly CpuCursor[]) => T, kept?: (id: number) => boolean): T {
    using reader = this.#set.store.open();
    try {
      return work(this.#cursors(reader, kept));
    } catch (error) {
      if (!(error instanceof DisorderedPages)) throw error;
      this.#walk = this.#indexed(reader);
      return work(this.#cursors(reader, kept));
    }
  }

  #cursors(reader: PageReader, kept: (id: number) => boolean = () => true): CpuCursor[] {
    const { formats, events, store } = this.#set;
    const chosen = events === undefined ? undefined : new Set(events);
    const wanted = new Uint8Array(0x1_0000);
    for (const { id, name } of formats.values()) {
      if (id <= LOST_ID || id >= wanted.length) continue;
      wanted[id] = kept(id) && (chosen === undefined || chosen.has(name)) ? Wanted.Keep : Wanted.Skip;
    }
    const walk: Walk = { ...this.#walk, wanted, losses: kept(LOST_ID) };
    return store.cpus.map((_, list) =>
      new CpuCursor(walk, reader, list, walk.window === undefined ? 0 : firstPageOf(walk, reader, list))
    );
  }

  /** How to walk when the stamps of all pages were looked at. */
  #indexed(reader: PageReader): Plan {
    const { store, layout, bounds } = this.#set;
    return this.#plan(reader, store.cpus.map((_, list) => indexPages(reader, store, list, layout, bounds)));
  }

  #plan(reader: PageReader, indices: readonly PageIndex[] | undefined): Plan {
    const { store, layout, bounds, window, stampOf, toNs, emptyAt } = this.#set;
    const clockStamp = stampOf ?? ((tick) => tick);
    let epoch: bigint | undefined;
    let stamp: bigint | undefined;
    store.cpus.forEach(({ cpu }, list) => {
      const index = indices?.[list];
      const tick = index === undefined ? pageStamp(reader, list, 0, layout) : firstGood(index);
      if (tick === undefined) return;
      if (epoch === undefined || tick < epoch) epoch = tick;
      const own = clockStamp(tick, cpu);
      if (stamp === undefined || own < stamp) stamp = own;
    });
    const first = epoch ?? emptyAt;
    const zero = stamp ?? clockStamp(emptyAt, 0);
    const least = this.#readers.room;
    const plan: Plan = {
      store,
      layout,
      bounds,
      epoch: first,
      stamp: zero,
      least,
      toNs: toNs === undefined ? undefined : (cpu) => toNs(first, zero, cpu),
      indices,
    };
    if (window === undefined) return plan;
    const { lead, to } = windowBounds(window, zero);
    return { ...plan, window: { from: lead, to } };
  }

  /** Whether the stamps of the first `pages` pages of each CPU are in order. */
  #inOrder(reader: PageReader, pages: number): boolean {
    const { store, layout, bounds } = this.#set;
    return store.cpus.every((_, list) => isInOrder(reader, store, list, layout, bounds, pages));
  }
}

function firstGood({ good, stamps }: PageIndex): bigint | undefined {
  const page = good.indexOf(1);
  return page < 0 ? undefined : stamps[page];
}

/** Losses that a CPU's counters tell. */
export interface CpuLosses {
  readonly cpu: number;
  /** Events that were overwritten; the pages may tell of some of them. */
  readonly overrun: number;
  /** Events lost that no page tells of. */
  readonly unseen: number;
}

/** Events that the CPUs' counters have as lost and no page tells of: somewhere in the recording. */
export function lostWithoutPlace(
  counters: readonly CpuLosses[],
  store: PageStore,
  { cpus, end }: Survey,
): KnownHole[] {
  const holes: KnownHole[] = [];
  for (const { cpu, overrun, unseen } of counters) {
    const list = store.cpus.findIndex((each) => each.cpu === cpu);
    const lost = Math.max(0, overrun - (cpus[list]?.lost ?? 0)) + unseen;
    if (lost > 0) holes.push({ kind: "lost", cpu, from: 0, to: end, lost });
  }
  return holes;
}
