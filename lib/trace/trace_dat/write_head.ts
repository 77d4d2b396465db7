import { MAGIC } from "./file.ts";
import { OptionId } from "./options.ts";

/** What stands in front of a version 6 trace.dat's pages. */
export interface HeadParts {
  readonly littleEndian: boolean;
  /** Bytes of a long. */
  readonly longSize: number;
  readonly pageSize: number;
  /** `events/header_page` and `events/header_event`. */
  readonly headerPage: Uint8Array;
  readonly headerEvent: Uint8Array;
  /** Texts of `events/SYSTEM/NAME/format` by system. */
  readonly formats: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly printkFormats: Uint8Array;
  readonly savedNames: Uint8Array;
  /** Name of the trace clock. */
  readonly clock: string;
  readonly uname: string;
  readonly recorder: string | undefined;
  /** Rate of a clock that ticks. */
  readonly tscHz: number | undefined;
  /** Text of `per_cpu/cpuN/stats` of each CPU that has one. */
  readonly stats: ReadonlyMap<number, string>;
  /** Bytes of whole pages of each CPU. */
  readonly sizes: readonly number[];
}

/** The beginning of the file up to its first page, and where each CPU's pages go. */
export function fileHead(parts: HeadParts): { bytes: Uint8Array; offsets: number[]; end: number } {
  const { littleEndian, sizes, pageSize } = parts;
  const head = new FileHead(littleEndian);
  head.text(`${MAGIC}6\0`);
  head.u8(littleEndian ? 0 : 1);
  head.u8(parts.longSize);
  head.u32(pageSize);
  for (
    const [name, text] of [["header_page", parts.headerPage], ["header_event", parts.headerEvent]] as const
  ) {
    head.text(`${name}\0`);
    head.u64(text.length);
    head.bytes(text);
  }
  const formats = (texts: readonly Uint8Array[]) => {
    head.u32(texts.length);
    for (const text of texts) {
      head.u64(text.length);
      head.bytes(text);
    }
  };
  formats(parts.formats.get("ftrace") ?? []);
  const others = [...parts.formats].filter(([system]) => system !== "ftrace");
  head.u32(others.length);
  for (const [system, texts] of others) {
    head.text(`${system}\0`);
    formats(texts);
  }
  // No kallsyms.
  head.u32(0);
  head.u32(parts.printkFormats.length);
  head.bytes(parts.printkFormats);
  head.u64(parts.savedNames.length);
  head.bytes(parts.savedNames);
  head.u32(sizes.length);
  writeOptions(head, parts);
  head.text("flyrecord\0");
  const clock = new TextEncoder().encode(`[${parts.clock}]\0`);
  const tableEnd = head.length + sizes.length * 16 + 8 + clock.length;
  let end = Math.ceil(tableEnd / pageSize) * pageSize;
  const offsets = sizes.map((size) => {
    const offset = end;
    end += size;
    head.u64(offset);
    head.u64(size);
    return offset;
  });
  head.u64(clock.length);
  head.bytes(clock);
  return { bytes: head.finish(), offsets, end };
}

function writeOptions(head: FileHead, parts: HeadParts): void {
  const text = new TextEncoder();
  const option = (id: number, data: Uint8Array) => {
    head.u16(id);
    head.u32(data.length);
    head.bytes(data);
  };
  head.text("options  \0");
  option(OptionId.TraceClock, text.encode(`[${parts.clock}]\0`));
  option(OptionId.Uname, text.encode(`${parts.uname}\0`));
  if (parts.recorder !== undefined) option(OptionId.Version, text.encode(`${parts.recorder}\0`));
  if (parts.tscHz !== undefined) option(OptionId.TscToNs, tscRule(parts.tscHz, parts.littleEndian));
  for (const [cpu, stats] of parts.stats) option(OptionId.CpuStat, text.encode(`CPU: ${cpu}\n${stats}\0`));
  head.u16(OptionId.Done);
}

/** The rule with the finest multiplier of 32 bits. */
function tscRule(hz: number, littleEndian: boolean): Uint8Array {
  let shift = 32;
  while (shift > 0 && 1e9 / hz * 2 ** shift >= 2 ** 32) shift--;
  const rule = new FileHead(littleEndian);
  rule.u32(Math.round(1e9 / hz * 2 ** shift));
  rule.u32(shift);
  rule.u64(0);
  return rule.finish();
}

/** Bytes that grow. */
export class FileHead {
  /** So far. */
  length = 0;
  readonly #parts: Uint8Array[] = [];
  readonly #little: boolean;

  /** Of which byte order. */
  constructor(littleEndian: boolean) {
    this.#little = littleEndian;
  }

  /** Appends bytes, not copied. */
  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  /** Latin-1: one byte for each character. */
  text(text: string): void {
    this.bytes(Uint8Array.from(text, (char) => char.charCodeAt(0)));
  }

  /** Appends a number. */
  u8(value: number): void {
    this.bytes(Uint8Array.of(value));
  }

  /** Appends a number. */
  u16(value: number): void {
    this.#number(2, (view) => view.setUint16(0, value, this.#little));
  }

  /** Appends a number. */
  u32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, this.#little));
  }

  /** Appends a number. */
  u64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), this.#little));
  }

  /** All of it. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #number(size: number, set: (view: DataView) => void): void {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    this.bytes(bytes);
  }
}
