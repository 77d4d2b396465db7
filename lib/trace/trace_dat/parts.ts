import { type ByteReader, memorySource } from "../byte_source.ts";
import { Cursor } from "./cursor.ts";
import type { FileOptions } from "./options.ts";

/** The most bytes of a part: the text of one format, a page's layout, the saved names, one option. */
const MAX_TEXT = 1 << 20;
const MAX_NAMES = 1 << 28;
const MAX_OPTION = 1 << 24;
/** Event ids have 16 bits. */
const MAX_FORMATS = 0x1_0000;

/** The text of one event's format, and where it was. */
export interface FormatText {
  readonly system: string;
  readonly text: string;
  readonly offset: number;
}

/** A text and where it was. */
export interface PlacedText {
  readonly text: string;
  readonly offset: number;
}

/** Reads header_page and header_event; returns the first. */
export function readHeaderInfo(cursor: Cursor): PlacedText {
  cursor.expect("header_page\0");
  const size = cursor.size("header_page", MAX_TEXT);
  const offset = cursor.where;
  const text = new TextDecoder().decode(cursor.bytes(size, "header_page"));
  cursor.expect("header_event\0");
  cursor.skip(cursor.size("header_event", MAX_TEXT), "header_event");
  return { text, offset };
}

/** Reads the formats of ftrace's own events, or of one system. */
export function readFormatTexts(cursor: Cursor, system: string, into: FormatText[]): void {
  const count = cursor.u32("the number of formats");
  if (count > MAX_FORMATS || count * 8 > cursor.left) {
    cursor.fail("a number of formats that fits the file", String(count));
  }
  for (let i = 0; i < count; i++) {
    if (into.length === MAX_FORMATS) cursor.fail(`at most ${MAX_FORMATS} formats`, "one more");
    const size = cursor.size(`a format of ${JSON.stringify(system)}`, MAX_TEXT);
    const offset = cursor.where;
    into.push({ system, text: new TextDecoder().decode(cursor.bytes(size, "a format")), offset });
  }
}

/** Reads the formats of all systems. */
export function readSystems(cursor: Cursor, into: FormatText[]): void {
  const count = cursor.u32("the number of systems");
  if (count > MAX_FORMATS || count * 5 > cursor.left) {
    cursor.fail("a number of systems that fits the file", String(count));
  }
  for (let i = 0; i < count; i++) readFormatTexts(cursor, cursor.string("a system's name", 256), into);
}

/** Reads the threads' names. */
export function readSavedNames(cursor: Cursor): Uint8Array {
  return cursor.bytes(cursor.size("saved_cmdlines", MAX_NAMES), "saved_cmdlines");
}

/**
 * Reads options up to the end of them; returns the byte of the file where more of them are, 0 where that was all. In
 * version 6 (`sectioned` false) the end has no size and no data.
 */
export function readOptions(cursor: Cursor, options: FileOptions, name: string, sectioned: boolean): bigint {
  for (;;) {
    const id = cursor.u16("an option's number");
    if (id === 0 && !sectioned) return 0n;
    const size = cursor.size32(`option ${id}`, MAX_OPTION);
    const at = cursor.where;
    const data = memorySource(cursor.bytes(size, `option ${id}`), name);
    using reader: ByteReader = data.open();
    const { littleEndian } = cursor;
    const own = new Cursor(reader, { name, littleEndian, from: 0, to: size, packedAt: at });
    if (id === 0) return own.u64("where more options are");
    options.add(id, own);
  }
}
