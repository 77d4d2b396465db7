import type { EventFormat } from "../event_format.ts";
import { Kind, STREAM_EVENTS } from "../stream.ts";
import { LOST_ID, type PageBlock } from "./page_records.ts";

/** How the records of each event become rows of a stream: tables by event id. */
export interface RowReaders {
  /** `Kind` of the row; 0 for an event that becomes none. */
  readonly kinds: Uint8Array;
  /** Bytes that a record must have to become a row; 0 where its event becomes none. */
  readonly room: Uint32Array;
  /** Where each of the integers a, b and c is, as {@linkcode fieldPlace} puts it. */
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly c: Int32Array;
  /** Where the thread is. */
  readonly tid: number;
}

const IDS = 0x1_0000;

/** What to do with the events of `formats`. */
export function rowReaders(formats: Iterable<EventFormat>, littleEndian: boolean): RowReaders {
  const kinds = new Uint8Array(IDS);
  const room = new Uint32Array(IDS);
  const a = new Int32Array(IDS);
  const b = new Int32Array(IDS);
  const c = new Int32Array(IDS);
  let tid = fieldPlace(4, 4, true, littleEndian);
  let behindTid = 8;
  for (const format of formats) {
    const { name, id, fields } = format;
    const field = (wanted: string | undefined) => fields.find((each) => each.name === wanted);
    const thread = field("common_pid");
    if (thread !== undefined) {
      tid = fieldPlace(thread.offset, thread.size, true, littleEndian);
      behindTid = thread.offset + thread.size;
    }
    const row = STREAM_EVENTS[name];
    if (row === undefined || id <= LOST_ID || id >= IDS) continue;
    const found = [0, 1, 2].map((i) => field(row.fields[i]));
    const place = (i: number) => {
      const { offset, size, signed } = found[i] ?? { offset: 0, size: 0, signed: false };
      return fieldPlace(offset, size, signed, littleEndian);
    };
    kinds[id] = row.kind;
    room[id] = Math.max(...found.map((each) => each === undefined ? 0 : each.offset + each.size));
    a[id] = place(0);
    b[id] = place(1);
    c[id] = place(2);
  }
  for (let id = 0; id < IDS; id++) if (kinds[id] !== 0) room[id] = Math.max(room[id]!, behindTid);
  kinds[LOST_ID] = Kind.Lost;
  return { kinds, room, a, b, c, tid };
}

/** Ways to read an integer: its low 32 bits, a half, a byte, nothing, its low 32 bits at a place that is no multiple of 4. */
const WORD = 0;
const SIGNED_HALF = 1;
const HALF = 2;
const SIGNED_BYTE = 3;
const BYTE = 4;
const NOTHING = 5;
const ODD_WORD = 6;

function fieldPlace(offset: number, size: number, signed: boolean, littleEndian: boolean): number {
  if (size === 4) return offset * 8 + (offset % 4 === 0 ? WORD : ODD_WORD);
  if (size === 8) return fieldPlace(offset + (littleEndian ? 0 : 4), 4, signed, littleEndian);
  if (size === 2) return offset * 8 + (signed ? SIGNED_HALF : HALF);
  if (size === 1) return offset * 8 + (signed ? SIGNED_BYTE : BYTE);
  return NOTHING;
}

/** The low 32 bits of the integer at `place` of the record that begins at `start`. */
export function integerAt(block: PageBlock, start: number, place: number, littleEndian: boolean): number {
  const at = start + (place >> 3);
  const way = place & 7;
  return way === WORD ? block.words[at >>> 2]! | 0 : oddIntegerAt(block.view, at, way, littleEndian);
}

function oddIntegerAt(view: DataView, at: number, way: number, littleEndian: boolean): number {
  switch (way) {
    case SIGNED_HALF:
      return view.getInt16(at, littleEndian);
    case HALF:
      return view.getUint16(at, littleEndian);
    case SIGNED_BYTE:
      return view.getInt8(at);
    case BYTE:
      return view.getUint8(at);
    case ODD_WORD:
      return view.getInt32(at, littleEndian);
    default:
      return 0;
  }
}
