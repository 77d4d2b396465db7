import { VmError } from "../errors.ts";

/** What the dynamic loader reads in an x86-64 ELF file. */
export interface ElfFile {
  /** The loader that the kernel starts with it (PT_INTERP); undefined for libraries and for static programs. */
  readonly interpreter?: string;
  /** Libraries it needs (DT_NEEDED), in their order. */
  readonly needed: readonly string[];
  /** Directories to search for them and for what those need (DT_RPATH), unexpanded. */
  readonly rpath: readonly string[];
  /** Directories to search for them alone (DT_RUNPATH), unexpanded. */
  readonly runpath: readonly string[];
  /** The name it answers to as a library (DT_SONAME). */
  readonly soname?: string;
}

/** A file that was to be put into a guest with its libraries is no x86-64 ELF file, or a damaged one. */
export class ElfError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "ElfError";
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const EM_X86_64 = 62;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** Whether `bytes` begin as a 64-bit little-endian ELF file for x86-64 does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c &&
    bytes[3] === 0x46 &&
    bytes[4] === 2 && bytes[5] === 1 && (bytes[18]! | bytes[19]! << 8) === EM_X86_64;
}

/**
 * What the dynamic loader reads in the x86-64 ELF file with these `bytes` (System V ABI, chapters 4 and 5). `path` is for the messages.
 *
 * Throws an {@linkcode ElfError} if it is none, or if what it says of itself lies outside of it.
 */
export function readElf(bytes: Uint8Array, path: string): ElfFile {
  if (!isElf(bytes)) {
    throw new ElfError(`${path} is no x86-64 ELF file; give the program itself, not a script that starts it`);
  }
  try {
    return read(bytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ElfError(`${path} is a damaged ELF file: ${cause.message}`, { cause });
  }
}

function read(bytes: Uint8Array): ElfFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const segments: Segment[] = [];
  const table = u64(32);
  const size = view.getUint16(54, true);
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = table + i * size;
    segments.push({
      type: view.getUint32(at, true),
      offset: u64(at + 8),
      address: u64(at + 16),
      bytes: u64(at + 32),
    });
  }
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const tags: [tag: number, value: number][] = [];
  if (dynamic !== undefined) {
    for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.bytes; at += 16) {
      const tag = u64(at);
      if (tag === 0) break;
      tags.push([tag, u64(at + 8)]);
    }
  }
  const strings = offsetOf(segments, tags.find(([tag]) => tag === DT_STRTAB)?.[1]);
  const texts = (wanted: number) =>
    tags.filter(([tag]) => tag === wanted).map(([, value]) => textAt(bytes, (strings ?? NaN) + value));
  const list = (wanted: number) =>
    texts(wanted).flatMap((paths) => paths.split(":")).filter((dir) => dir !== "");
  const soname = texts(DT_SONAME)[0];
  return {
    ...interpreter === undefined ? {} : { interpreter: textAt(bytes, interpreter.offset) },
    needed: texts(DT_NEEDED),
    rpath: list(DT_RPATH),
    runpath: list(DT_RUNPATH),
    ...soname === undefined ? {} : { soname },
  };
}

/** Where in the file the byte at `address` of the running program is. */
function offsetOf(segments: readonly Segment[], address: number | undefined): number | undefined {
  if (address === undefined) return undefined;
  const segment = segments.find((s) =>
    s.type === PT_LOAD && address >= s.address && address < s.address + s.bytes
  );
  if (segment === undefined) throw new RangeError(`no segment holds its string table at address ${address}`);
  return segment.offset + address - segment.address;
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = at >= 0 && at < bytes.length ? bytes.indexOf(0, at) : -1;
  if (end < 0) throw new RangeError(`a text at byte ${at} of ${bytes.length} does not end in it`);
  return new TextDecoder().decode(bytes.subarray(at, end));
}
