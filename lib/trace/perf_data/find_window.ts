import type { ByteReader, ByteSource } from "../byte_source.ts";
import { RowBlocks } from "../row_blocks.ts";
import type { PerfHeader, Section } from "./header.ts";
import type { Layouts } from "./layout.ts";
import { readRecords } from "./read_stream.ts";
import { type RecordParts, RecordType } from "./walk.ts";

/**
 * The stamp (the clock's own, ns) of the first row of the recording's stream, which is its epoch; where it has no row, that of
 * the first record that has one. Reads no further than until a round tells that no older row will come.
 */
export function findEpoch(records: RecordParts, layouts: Layouts): bigint {
  let first = Infinity;
  const rows = new RowBlocks(({ ts }, count) => {
    for (let row = 0; row < count; row++) if (ts[row]! < first && ts[row] !== -Infinity) first = ts[row]!;
  });
  const { base } = readRecords(records, layouts, rows, { enough: (delivered) => delivered >= first });
  rows.flush();
  return first === Infinity ? base : base + BigInt(first);
}

/** Below this many bytes it is not worth while to look for a better place. */
const NEAR = 4 << 20;
const PIECE = 1 << 20;
/** A record's largest size: a chain of more bytes than this reaches past any one record. */
const LARGEST_RECORD = 1 << 16;

/**
 * A byte of the data section at which a record begins and before which all records are older than `stamp` (the clock's own,
 * ns); the section's start where no later one can be shown to be.
 *
 * perf's rounds show it: what is written after the end of a round is not older than anything of the round before that one. So
 * where a record that is older than `stamp` follows two ends of rounds, all is older that was written before the first of
 * them. The place is found by halving the section. A record's beginning is taken for one only after a chain of records that
 * is longer than any record, so that what a record holds is never taken for records.
 */
export function findStart(source: ByteSource, header: PerfHeader, layouts: Layouts, stamp: bigint): number {
  const { data } = header;
  using reader = source.open();
  let known = data.offset;
  let from = data.offset;
  let to = data.offset + data.size;
  while (to - from > NEAR) {
    const middle = from + Math.floor((to - from) / 16) * 8;
    const probe = probeRounds(reader, data, layouts, middle);
    if (probe === undefined || probe.at >= to) {
      // Rounds are longer than what is left, or the records do not make sense: earlier is always right.
      to = middle;
      continue;
    }
    if (probe.stamp < stamp) {
      known = probe.start;
      from = Math.max(probe.at, middle + 8);
    } else to = middle;
  }
  return known;
}

/** The first byte behind `near` that follows an end of a round; undefined where none is found. */
export function findRoundEnd(
  source: ByteSource,
  data: Section,
  layouts: Layouts,
  near: number,
): number | undefined {
  using reader = source.open();
  const first = findRecord(reader, data, layouts, near);
  if (first === undefined) return undefined;
  const cursor = new RecordCursor(reader, data, layouts, first);
  while (cursor.next()) {
    if (cursor.type === RecordType.FinishedRound) return cursor.position + cursor.size;
  }
  return undefined;
}

interface Probe {
  /** Behind the first end of a round after the place that was asked for. */
  readonly start: number;
  /** Stamp of the first record that has one, after the second end of a round. */
  readonly stamp: bigint;
  /** Where that record is. */
  readonly at: number;
}

/** Looks at the records from byte `near` on, up to the first that tells something; undefined where none does. */
function probeRounds(reader: ByteReader, data: Section, layouts: Layouts, near: number): Probe | undefined {
  const first = findRecord(reader, data, layouts, near);
  if (first === undefined) return undefined;
  const cursor = new RecordCursor(reader, data, layouts, first);
  let start: number | undefined;
  let second = false;
  while (cursor.next()) {
    if (cursor.type === RecordType.FinishedRound) {
      if (start === undefined) start = cursor.position + cursor.size;
      else second = true;
    } else if (second) {
      const stamp = cursor.stamp();
      if (stamp !== undefined) return { start: start!, stamp, at: cursor.position };
    }
  }
  return undefined;
}

/** The first byte behind `near` at which a record begins for sure; undefined where there is none. */
function findRecord(reader: ByteReader, data: Section, layouts: Layouts, near: number): number | undefined {
  const end = data.offset + data.size;
  // Records begin at multiples of 8 from the section's start.
  const first = data.offset + Math.ceil((near - data.offset) / 8) * 8;
  for (let at = first; at < Math.min(end, first + 2 * LARGEST_RECORD); at += 8) {
    const cursor = new RecordCursor(reader, data, layouts, at);
    while (cursor.next()) {
      if (cursor.position - at > LARGEST_RECORD) return cursor.position;
    }
  }
  return undefined;
}

/** Goes from record to record as long as they make sense, without taking them apart. */
class RecordCursor {
  /** Byte of the file of the record that was come to. */
  position: number;
  /** Its bytes. */
  size = 0;
  /** Its type. */
  type = 0;
  readonly #reader: ByteReader;
  readonly #layouts: Layouts;
  readonly #end: number;
  #i32 = new Int32Array(0);
  #from = 0;
  #filled = 0;

  constructor(reader: ByteReader, data: Section, layouts: Layouts, at: number) {
    this.#reader = reader;
    this.#layouts = layouts;
    this.#end = data.offset + data.size;
    this.position = at;
  }

  /** Comes to the next record; false where there is none, or what is there makes no sense. */
  next(): boolean {
    const at = this.position + this.size;
    if (at + 8 > this.#end || !this.#has(at, 8)) return false;
    const word = (at - this.#from) >> 2;
    const type = this.#i32[word]!;
    const size = this.#i32[word + 1]! >>> 16;
    const known = (type >= 1 && type <= 21) || (type >= 64 && type <= 84);
    if (!known || type === RecordType.AuxTrace || size < 8 || (size & 7) !== 0 || at + size > this.#end) {
      return false;
    }
    if (!this.#has(at, size)) return false;
    this.position = at;
    this.size = size;
    this.type = type;
    return type !== RecordType.Sample || this.#layout() !== undefined;
  }

  /** The record's stamp; undefined where it has none. */
  stamp(): bigint | undefined {
    const word = (this.position - this.#from) >> 2;
    const words = this.size >> 2;
    const layout = this.#layout();
    let time = -1;
    if (this.type === RecordType.Sample) time = layout?.time ?? -1;
    else if (this.type < RecordType.FirstOfTool) {
      const back = layout?.tailTime ?? -1;
      if (back > 0 && back + 2 <= words) time = words - back;
    }
    if (time < 0 || time + 2 > words) return undefined;
    const stamp = (BigInt(this.#i32[word + time + 1]! >>> 0) << 32n) | BigInt(this.#i32[word + time]! >>> 0);
    return stamp === 0n || stamp === 0xffffffffffffffffn ? undefined : stamp;
  }

  /** The layout of the record's event; undefined where no event has its id. */
  #layout(): Layouts["all"][number] | undefined {
    const { idWord, tailIdWord, byId, all } = this.#layouts;
    if (idWord < 0) return all[0];
    const words = this.size >> 2;
    const id = this.type === RecordType.Sample ? idWord : words - tailIdWord;
    if (id < 2 || id + 2 > words) return undefined;
    const at = ((this.position - this.#from) >> 2) + id;
    return byId.get((BigInt(this.#i32[at + 1]! >>> 0) << 32n) | BigInt(this.#i32[at]! >>> 0));
  }

  /** Has the `size` bytes from `at` on in memory. */
  #has(at: number, size: number): boolean {
    if (at >= this.#from && at + size <= this.#from + this.#filled) return true;
    // Little at first: most candidates are none.
    const room = this.#i32.length === 0 ? 2 * LARGEST_RECORD : PIECE;
    if (this.#i32.byteLength < room) this.#i32 = new Int32Array(room >> 2);
    this.#from = at;
    const bytes = new Uint8Array(this.#i32.buffer, 0, Math.min(this.#i32.byteLength, this.#end - at));
    this.#filled = this.#reader.read(bytes, at);
    return size <= this.#filled;
  }
}
