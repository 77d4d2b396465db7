import type { ByteReader, ByteSource } from "../byte_source.ts";
import { Cursor } from "./cursor.ts";
import type { TraceDatBuffer, TraceDatCpu } from "./facts.ts";
import { type Packing, unpack } from "./unpack.ts";

/** Unpacked pages may have so many times the file's bytes, and so many more. */
const MOST_TIMES = 32;
const MOST_MORE = 1 << 26;
/** Rows keep where they are in units of 4 bytes, in 32 bits. */
const MOST_OF_ALL = 2 ** 33;
/** A stamp that no page has, so that a page which could not be unpacked is left out. */
const NO_PAGE = 0xff;

/** One CPU's pages in memory, and what is wrong with them. */
export interface LoadedPages {
  readonly cpu: number;
  readonly bytes: Uint8Array;
  /** What the file lacks at its end or has no room for, by the file's byte. */
  readonly cut: { readonly kind: "truncated" | "corrupt"; readonly offset: number } | undefined;
  /** Byte of the file where byte `at` of the pages came from. */
  readonly fileOffset: (at: number) => number;
}

/** Reads the pages of all CPUs of `buffer`, and unpacks them. Damage does not stop it. */
export function loadPages(
  source: ByteSource,
  buffer: TraceDatBuffer,
  packing: Packing,
  littleEndian: boolean,
  signal: AbortSignal | undefined,
): LoadedPages[] {
  using reader = source.open();
  const room = { bytes: Math.min(source.size * MOST_TIMES + MOST_MORE, MOST_OF_ALL) };
  // Pages that are not packed are disjoint parts of the file: together they cannot be more than it.
  if (!buffer.packed) room.bytes = source.size;
  const loaded: LoadedPages[] = [];
  const seen = new Set<number>();
  for (const cpu of buffer.cpus) {
    signal?.throwIfAborted();
    if (cpu.size === 0 || seen.has(cpu.cpu)) continue;
    seen.add(cpu.cpu);
    loaded.push(
      buffer.packed
        ? unpackCpu(source, reader, cpu, packing, littleEndian, room)
        : readCpu(source, reader, cpu, room),
    );
  }
  return loaded.sort((x, y) => x.cpu - y.cpu);
}

function readCpu(
  source: ByteSource,
  reader: ByteReader,
  { cpu, offset, size }: TraceDatCpu,
  room: { bytes: number },
): LoadedPages {
  const there = Math.max(0, Math.min(size, source.size - offset));
  const taken = Math.min(there, room.bytes);
  room.bytes -= taken;
  const bytes = new Uint8Array(taken);
  const got = reader.read(bytes, offset);
  const cut = taken < there
    ? { kind: "corrupt", offset: offset + taken } as const
    : got < size
    ? { kind: "truncated", offset: Math.min(offset + got, source.size) } as const
    : undefined;
  return { cpu, bytes: bytes.subarray(0, got), cut, fileOffset: (at) => offset + at };
}

/** A chunk: where it lies in the file, and what it becomes. */
interface Chunk {
  readonly at: number;
  readonly packed: number;
  readonly begin: number;
  readonly size: number;
}

function unpackCpu(
  source: ByteSource,
  reader: ByteReader,
  { cpu, offset, size }: TraceDatCpu,
  packing: Packing,
  littleEndian: boolean,
  room: { bytes: number },
): LoadedPages {
  // trace-cmd's size leaves out the 4 bytes that hold the number of chunks.
  const to = Math.min(offset + size + 4, source.size);
  const cursor = new Cursor(reader, {
    name: source.name,
    littleEndian,
    from: Math.min(offset, to),
    to,
  });
  const chunks: Chunk[] = [];
  let total = 0;
  let cut: LoadedPages["cut"];
  const count = cursor.left < 4 ? 0 : cursor.u32("the number of chunks");
  for (let i = 0; i < count && cut === undefined; i++) {
    const at = cursor.at;
    const sizes = cursor.left < 8
      ? undefined
      : { packed: cursor.u32("a chunk's packed size"), size: cursor.u32("a chunk's size") };
    if (sizes === undefined || sizes.packed > cursor.left) cut = { kind: "truncated", offset: at };
    else if (sizes.size > room.bytes || sizes.packed === 0) cut = { kind: "corrupt", offset: at };
    else {
      chunks.push({ at: cursor.at, packed: sizes.packed, begin: total, size: sizes.size });
      total += sizes.size;
      room.bytes -= sizes.size;
      cursor.at += sizes.packed;
    }
  }
  if (count === 0) cut = { kind: "truncated", offset: Math.min(offset, source.size) };
  const bytes = new Uint8Array(total);
  for (const chunk of chunks) {
    const packed = new Uint8Array(chunk.packed);
    try {
      reader.read(packed, chunk.at);
      bytes.set(unpack(packed, chunk.size, packing), chunk.begin);
    } catch {
      bytes.fill(NO_PAGE, chunk.begin, chunk.begin + chunk.size);
    }
  }
  return { cpu, bytes, cut, fileOffset: (at) => fileOffset(chunks, offset, at) };
}

/** Where in the file the chunk lies that byte `at` was unpacked from. */
function fileOffset(chunks: readonly Chunk[], offset: number, at: number): number {
  let left = 0;
  let right = chunks.length;
  while (left < right) {
    const middle = (left + right) >>> 1;
    if (chunks[middle]!.begin <= at) left = middle + 1;
    else right = middle;
  }
  return left === 0 ? offset : chunks[left - 1]!.at;
}
