import { type ByteReader, type ByteSource, memorySource } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import { Cursor } from "./cursor.ts";
import type { TraceDatBuffer, TraceDatFacts } from "./facts.ts";
import { type BufferOption, chosenClock, FileOptions, MAX_CPUS, OptionId } from "./options.ts";
import {
  type FormatText,
  type PlacedText,
  readFormatTexts,
  readHeaderInfo,
  readOptions,
  readSavedNames,
  readSystems,
} from "./parts.ts";
import { printable } from "./printable.ts";
import { isPacking, type Packing, unpack } from "./unpack.ts";

/** The first bytes of every trace.dat. */
export const MAGIC = "\x17\x08Dtracing";

const SECTION_HEADER = 16;
const PACKED = 1;
/** Most bytes that one packed section may become, and all of them. */
const MAX_SECTION = 1 << 27;
const MAX_SECTIONS_BYTES = 1 << 28;
const MAX_OPTION_SECTIONS = 256;

/** All of a trace.dat but its pages. */
export interface TraceDatFile {
  readonly facts: TraceDatFacts;
  readonly headerPage: PlacedText;
  readonly formats: readonly FormatText[];
  readonly savedNames: Uint8Array;
}

/** Beginning of the file, the same in both versions. */
interface FileStart {
  readonly version: number;
  readonly littleEndian: boolean;
  readonly longSize: number;
  readonly pageSize: number;
}

/** Reads all but the pages. Throws {@linkcode TraceFormatError} where something in it makes no sense. */
export function readTraceDatFile(source: ByteSource): TraceDatFile {
  using reader = source.open();
  const { name, size } = source;
  const first = new Cursor(reader, { name, littleEndian: true, from: 0, to: size });
  first.expect(MAGIC);
  const versionAt = first.at;
  const version = Number(first.string("the version", 16));
  if (version !== 6 && version !== 7) {
    throw new TraceFormatError(name, versionAt, "version 6 or 7 of trace.dat", String(version));
  }
  const endian = first.u8("the byte order");
  if (endian > 1) first.fail("a byte order of 0 or 1", String(endian));
  const cursor = new Cursor(reader, { name, littleEndian: endian === 0, from: first.at, to: size });
  const start = {
    version,
    littleEndian: endian === 0,
    longSize: cursor.u8("the size of a long"),
    pageSize: cursor.u32("the size of a page"),
  };
  return version === 6 ? readLinear(cursor, start, name) : readSectioned(cursor, reader, start, name);
}

function readLinear(cursor: Cursor, start: FileStart, name: string): TraceDatFile {
  const headerPage = readHeaderInfo(cursor);
  const formats: FormatText[] = [];
  readFormatTexts(cursor, "ftrace", formats);
  readSystems(cursor, formats);
  cursor.skip(cursor.size32("kallsyms"), "kallsyms");
  cursor.skip(cursor.size32("printk formats"), "printk formats");
  const savedNames = readSavedNames(cursor);
  const cpus = cursor.u32("the number of CPUs");
  const options = new FileOptions(false);
  const content = readContentTag(cursor, options, name);
  const count = options.cpuCount ?? cpus;
  const buffers: TraceDatBuffer[] = [];
  let latency: TraceDatFacts["latency"];
  if (content === "latency") latency = { offset: cursor.at, size: cursor.left };
  else {
    buffers.push({ name: "", packed: false, cpus: readCpuTable(cursor, count) });
    // A clock may stand behind the table where the option is empty (or older than the option).
    if (options.hasClock && cursor.left >= 8) options.clock ??= clockBehindTable(cursor);
  }
  for (const { name: instance, offset } of options.buffers) {
    if (offset > cursor.end) {
      throw new TraceFormatError(
        name,
        cursor.end,
        printable(`the buffer ${JSON.stringify(instance)} at byte ${offset}`),
        "the end of the file",
      );
    }
    cursor.at = offset;
    const own = new FileOptions(false);
    if (readContentTag(cursor, own, name) === "latency") continue;
    buffers.push({
      name: instance,
      packed: false,
      cpus: readCpuTable(cursor, own.cpuCount ?? count),
      ...(own.clock === undefined ? {} : { clock: own.clock }),
    });
  }
  return {
    facts: makeFacts(start, "none", count, options, buffers, latency),
    headerPage,
    formats,
    savedNames,
  };
}

/** Reads the options, if they come first, and the word that says what the rest is. */
function readContentTag(cursor: Cursor, options: FileOptions, name: string): "flyrecord" | "latency" {
  const tag = () => {
    const begin = cursor.at;
    const found = new TextDecoder("latin1").decode(cursor.bytes(10, "options, latency or flyrecord"));
    for (const word of ["options", "latency", "flyrecord"] as const) if (found.startsWith(word)) return word;
    cursor.at = begin;
    return cursor.fail("options, latency or flyrecord", JSON.stringify(found));
  };
  let word = tag();
  if (word === "options") {
    readOptions(cursor, options, name, false);
    word = tag();
  }
  if (word === "options") cursor.fail("latency or flyrecord", "options again");
  return word as "flyrecord" | "latency";
}

function readCpuTable(cursor: Cursor, count: number): TraceDatBuffer["cpus"] {
  if (count > MAX_CPUS || count * 16 > cursor.left) {
    cursor.fail(`at most ${Math.min(MAX_CPUS, Math.floor(cursor.left / 16))} CPUs`, String(count));
  }
  const number = () => {
    const value = cursor.u64("where a CPU's pages are");
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  };
  return Array.from({ length: count }, (_, cpu) => ({ cpu, offset: number(), size: number() }));
}

function clockBehindTable(cursor: Cursor): string | undefined {
  const size = cursor.u64("the size of the clock's name");
  if (size > 4096n || Number(size) > cursor.left) return undefined;
  return chosenClock(new TextDecoder().decode(cursor.bytes(Number(size), "the clock's name")));
}

function readSectioned(cursor: Cursor, reader: ByteReader, start: FileStart, name: string): TraceDatFile {
  const packingAt = cursor.at;
  const packing = cursor.string("the name of the packing", 64);
  if (!isPacking(packing)) {
    throw new TraceFormatError(name, packingAt, "none, zlib or zstd", printable(JSON.stringify(packing)));
  }
  cursor.string("the version of the packing", 256);
  const sections = new Sections(reader, name, cursor.end, start.littleEndian, packing);
  const options = new FileOptions(true);
  const seen = new Set<bigint>();
  for (let next = cursor.u64("where the options are"); next !== 0n || seen.size === 0;) {
    if (seen.has(next) || seen.size === MAX_OPTION_SECTIONS) {
      cursor.fail("options that come to an end", `a way back to byte ${next}`);
    }
    seen.add(next);
    next = readOptions(sections.open(next, OptionId.Done, "options"), options, name, true);
  }
  const formats: FormatText[] = [];
  const section = (id: number, what: string) => {
    const at = options.sections.get(id);
    return at === undefined ? undefined : sections.open(BigInt(at), id, what);
  };
  const header = section(OptionId.HeaderInfo, "the ring buffer's layout");
  if (header === undefined) cursor.fail("an option that tells where the ring buffer's layout is", "none");
  const headerPage = readHeaderInfo(header!);
  const ftrace = section(OptionId.FtraceEvents, "formats of ftrace");
  if (ftrace !== undefined) readFormatTexts(ftrace, "ftrace", formats);
  const events = section(OptionId.EventFormats, "formats of events");
  if (events !== undefined) readSystems(events, formats);
  const names = section(OptionId.SavedNames, "names of threads");
  const savedNames = names === undefined ? new Uint8Array() : readSavedNames(names);
  let latency: TraceDatFacts["latency"];
  const buffers: TraceDatBuffer[] = [];
  for (const buffer of options.buffers) {
    const { packed, from, to } = sections.find(
      BigInt(buffer.offset),
      buffer.text ? OptionId.BufferText : OptionId.Buffer,
      buffer.name === "" ? "the main buffer" : printable(`the buffer ${JSON.stringify(buffer.name)}`),
    );
    if (buffer.text) latency ??= { offset: from, size: to - from };
    else buffers.push(sectionBuffer(buffer, packed));
  }
  const count = options.cpuCount ?? Math.max(0, ...buffers.map(({ cpus }) => cpus.length));
  return {
    facts: makeFacts(start, packing, count, options, buffers, latency),
    headerPage,
    formats,
    savedNames,
  };
}

function sectionBuffer(option: BufferOption, packed: boolean): TraceDatBuffer {
  const { name, clock, pageSize, cpus = [] } = option;
  return {
    name,
    packed,
    cpus,
    ...(clock === undefined || clock === "" ? {} : { clock }),
    ...(pageSize === undefined ? {} : { pageSize }),
  };
}

/** Sections of a file of version 7. */
class Sections {
  readonly #reader: ByteReader;
  readonly #name: string;
  readonly #size: number;
  readonly #littleEndian: boolean;
  readonly #packing: Packing;
  #unpacked = 0;

  constructor(reader: ByteReader, name: string, size: number, littleEndian: boolean, packing: Packing) {
    this.#reader = reader;
    this.#name = name;
    this.#size = size;
    this.#littleEndian = littleEndian;
    this.#packing = packing;
  }

  /** The section at byte `offset`, which must have the number `id`: where its content lies. */
  find(offset: bigint, id: number, what: string): { packed: boolean; from: number; to: number } {
    const { from, to, packed } = this.#header(offset, id, what);
    return { packed, from, to: Math.min(to, this.#size) };
  }

  /** A cursor over the content of the section at byte `offset`, unpacked. */
  open(offset: bigint, id: number, what: string): Cursor {
    const { cursor, from, to, packed } = this.#header(offset, id, what);
    const name = this.#name;
    const littleEndian = this.#littleEndian;
    if (to > this.#size) {
      cursor.fail(`${what} of ${to - from} bytes`, `${this.#size - from} bytes to the end of the file`);
    }
    if (!packed) return new Cursor(this.#reader, { name, littleEndian, from, to });
    const packedSize = cursor.size32(`packed ${what}`);
    const size = cursor.u32(`the size of ${what}`);
    if (packedSize > cursor.left) {
      cursor.fail(`packed ${what} of ${packedSize} bytes`, `${cursor.left} bytes`);
    }
    this.#unpacked += size;
    if (size > MAX_SECTION || this.#unpacked > MAX_SECTIONS_BYTES) {
      cursor.fail(`${what} of at most ${MAX_SECTION} bytes`, `a size of ${size}`);
    }
    const at = cursor.at;
    const bytes = cursor.bytes(packedSize, `packed ${what}`);
    try {
      const content = memorySource(unpack(bytes, size, this.#packing));
      return new Cursor(content.open(), { name, littleEndian, from: 0, to: size, packedAt: at });
    } catch (cause) {
      throw new TraceFormatError(
        name,
        at,
        `${what} packed by ${this.#packing}`,
        cause instanceof Error ? cause.message : String(cause),
        { cause },
      );
    }
  }

  #header(offset: bigint, id: number, what: string) {
    const name = this.#name;
    if (offset + BigInt(SECTION_HEADER) > BigInt(this.#size)) {
      throw new TraceFormatError(name, this.#size, `${what} at byte ${offset}`, "the end of the file");
    }
    const from = Number(offset) + SECTION_HEADER;
    const cursor = new Cursor(this.#reader, {
      name,
      littleEndian: this.#littleEndian,
      from: Number(offset),
      to: this.#size,
    });
    const found = cursor.u16("a section's number");
    if (found !== id) {
      throw new TraceFormatError(name, Number(offset), `section ${id} (${what})`, `section ${found}`);
    }
    const packed = (cursor.u16("a section's flags") & PACKED) !== 0;
    cursor.skip(4, "a section's description");
    const size = cursor.u64("a section's size");
    // A recorder that died leaves the last section's size 0: it goes to the end of the file then.
    const to = size > BigInt(this.#size) ? this.#size + 1 : from + Number(size);
    return { cursor, from, to, packed };
  }
}

function makeFacts(
  start: FileStart,
  packing: Packing,
  cpuCount: number,
  options: FileOptions,
  buffers: readonly TraceDatBuffer[],
  latency: TraceDatFacts["latency"],
): TraceDatFacts {
  const { clock, uname, recorder, traceId, dateOffset, timeShift, tscToNs } = options;
  const optional = { clock, uname, recorder, traceId, dateOffset, timeShift, tscToNs, latency };
  const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    ...start,
    packing,
    cpuCount,
    buffers,
    timeOffset: options.timeOffset,
    guests: options.guests,
    cpuStats: options.cpuStats,
    unknownOptions: [...options.unknown],
    ...present,
  };
}
