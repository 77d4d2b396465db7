import type { ByteReader, ByteSource } from "../byte_source.ts";
import type { PageReader, PageStore } from "../tracefs/page_store.ts";
import { Cursor } from "./cursor.ts";
import type { TraceDatBuffer, TraceDatCpu } from "./facts.ts";
import { type Packing, unpack } from "./unpack.ts";

/** Unpacked pages may have so many times the file's bytes, and so many more. */
const MOST_TIMES = 32;
const MOST_MORE = 1 << 26;
const MOST_OF_ALL = 2 ** 40;
/** Most bytes of one chunk; trace-cmd packs ten pages together. */
const MOST_OF_CHUNK = 1 << 28;
/** Pages of no more than this are kept unpacked for the next pass over them. */
const MOST_KEPT = 1 << 28;
/** A stamp that no page has, so that a page which could not be unpacked is left out. */
const NO_PAGE = 0xff;

/** The pages of one buffer of a trace.dat. */
export interface TraceDatPages extends PageStore {
  /** By place of the CPU: what the file lacks at its end or has no room for, by the file's byte. */
  readonly cuts: readonly ({ readonly kind: "truncated" | "corrupt"; readonly offset: number } | undefined)[];
}

/** Where one CPU's pages are in the file. */
interface PlacedCpu {
  readonly cpu: number;
  readonly size: number;
  readonly cut: TraceDatPages["cuts"][number];
  /** Byte of the file at which the pages begin. */
  readonly offset: number;
  /** What they are packed in; undefined where they are not. */
  readonly chunks: readonly Chunk[] | undefined;
}

/** A chunk: where it lies in the file, and what it becomes. */
interface Chunk {
  readonly at: number;
  readonly packed: number;
  readonly begin: number;
  readonly size: number;
}

/** Finds the pages of all CPUs of `buffer`; of those that are packed the chunks are looked for. Damage does not stop it. */
export function findPages(
  source: ByteSource,
  buffer: TraceDatBuffer,
  packing: Packing,
  littleEndian: boolean,
): TraceDatPages {
  using reader = source.open();
  // Pages that are not packed are disjoint parts of the file: together they cannot be more than it.
  const most = buffer.packed ? Math.min(source.size * MOST_TIMES + MOST_MORE, MOST_OF_ALL) : source.size;
  const room = { bytes: most };
  const placed: PlacedCpu[] = [];
  const seen = new Set<number>();
  for (const cpu of buffer.cpus) {
    if (cpu.size === 0 || seen.has(cpu.cpu)) continue;
    seen.add(cpu.cpu);
    placed.push(
      buffer.packed ? packedCpu(source, reader, cpu, littleEndian, room) : plainCpu(source, cpu, room),
    );
  }
  placed.sort((x, y) => x.cpu - y.cpu);
  /** What was unpacked, by CPU and chunk, from when it is to be kept. */
  let kept: (Uint8Array | undefined)[][] | undefined;
  const fits = placed.reduce((sum, { size }) => sum + size, 0) <= MOST_KEPT;
  return {
    keep() {
      if (buffer.packed && fits) kept ??= placed.map(() => []);
    },
    cpus: placed.map(({ cpu, size }) => ({ cpu, size })),
    cuts: placed.map(({ cut }) => cut),
    fileOffset(list, at) {
      const { offset, chunks } = placed[list]!;
      return chunks === undefined ? offset + at : chunks[chunkOf(chunks, at)]?.at ?? offset;
    },
    open: () => openPages(source, placed, packing, kept),
  };
}

function plainCpu(
  source: ByteSource,
  { cpu, offset, size }: TraceDatCpu,
  room: { bytes: number },
): PlacedCpu {
  const there = Math.max(0, Math.min(size, source.size - offset));
  const taken = Math.min(there, room.bytes);
  room.bytes -= taken;
  const cut = taken < there
    ? { kind: "corrupt", offset: offset + taken } as const
    : there < size
    ? { kind: "truncated", offset: Math.min(offset + there, source.size) } as const
    : undefined;
  return { cpu, size: taken, cut, offset, chunks: undefined };
}

function packedCpu(
  source: ByteSource,
  reader: ByteReader,
  { cpu, offset, size }: TraceDatCpu,
  littleEndian: boolean,
  room: { bytes: number },
): PlacedCpu {
  // trace-cmd's size leaves out the 4 bytes that hold the number of chunks.
  const to = Math.min(offset + size + 4, source.size);
  const from = Math.min(offset, to);
  const cursor = new Cursor(reader, { name: source.name, littleEndian, from, to });
  const chunks: Chunk[] = [];
  let total = 0;
  let cut: PlacedCpu["cut"];
  const count = cursor.left < 4 ? 0 : cursor.u32("the number of chunks");
  for (let i = 0; i < count && cut === undefined; i++) {
    const at = cursor.at;
    const sizes = cursor.left < 8
      ? undefined
      : { packed: cursor.u32("a chunk's packed size"), size: cursor.u32("a chunk's size") };
    if (sizes === undefined || sizes.packed > cursor.left) cut = { kind: "truncated", offset: at };
    else if (sizes.size > Math.min(room.bytes, MOST_OF_CHUNK) || sizes.packed === 0) {
      cut = { kind: "corrupt", offset: at };
    } else {
      chunks.push({ at: cursor.at, packed: sizes.packed, begin: total, size: sizes.size });
      total += sizes.size;
      room.bytes -= sizes.size;
      cursor.at += sizes.packed;
    }
  }
  if (count === 0) cut = { kind: "truncated", offset: Math.min(offset, source.size) };
  return { cpu, size: total, cut, offset, chunks };
}

function openPages(
  source: ByteSource,
  placed: readonly PlacedCpu[],
  packing: Packing,
  kept: (Uint8Array | undefined)[][] | undefined,
): PageReader {
  const reader = source.open();
  const last = placed.map(() => ({ chunk: -1, bytes: new Uint8Array() as Uint8Array }));
  /** The chunk's content; the last one of each CPU is there still, or all of them. */
  const unpacked = (list: number, chunk: number): Uint8Array => {
    if (kept !== undefined) {
      return kept[list]![chunk] ??= unpackChunk(reader, placed[list]!.chunks![chunk]!, packing);
    }
    const own = last[list]!;
    if (own.chunk !== chunk) {
      own.chunk = chunk;
      own.bytes = unpackChunk(reader, placed[list]!.chunks![chunk]!, packing);
    }
    return own.bytes;
  };
  return {
    read(list, into, position) {
      const { offset, size, chunks } = placed[list]!;
      const wanted = Math.max(0, Math.min(into.length, size - position));
      if (chunks === undefined) return reader.read(into.subarray(0, wanted), offset + position);
      let done = 0;
      for (let chunk = chunkOf(chunks, position); done < wanted; chunk++) {
        const skipped = position + done - chunks[chunk]!.begin;
        const part = unpacked(list, chunk).subarray(skipped, skipped + wanted - done);
        into.set(part, done);
        done += part.length;
      }
      return done;
    },
    [Symbol.dispose]: () => reader[Symbol.dispose](),
  };
}

function unpackChunk(reader: ByteReader, { at, packed, size }: Chunk, packing: Packing): Uint8Array {
  const bytes = new Uint8Array(packed);
  try {
    reader.read(bytes, at);
    return unpack(bytes, size, packing);
  } catch {
    return new Uint8Array(size).fill(NO_PAGE);
  }
}

/** Index of the last chunk that begins at byte `at` of the pages or before it. */
function chunkOf(chunks: readonly Chunk[], at: number): number {
  let left = 0;
  let right = chunks.length;
  while (left < right) {
    const middle = (left + right) >>> 1;
    if (chunks[middle]!.begin <= at) left = middle + 1;
    else right = middle;
  }
  return left - 1;
}
