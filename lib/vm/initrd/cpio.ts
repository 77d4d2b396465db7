import type { CpioEntry } from "./cpio_entry.ts";
import { TRAILER, withParents } from "./with_parents.ts";

/** Bytes of a newc header: the magic and 13 fields of 8 hexadecimal digits. */
const HEADER = 110;
/** The archive is padded to whole blocks, as `cpio -o` does. */
const BLOCK = 512;
/** `PATH_MAX`, the terminating NUL included: the kernel skips an entry with a longer name or link target without a word. */
const PATH_MAX = 4096;
/** Sizes are 32-bit. */
const MAX_BYTES = 0xffff_ffff;

const typeBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000, char: 0o020000, block: 0o060000 };
const defaultMode = { file: 0o644, directory: 0o755, symlink: 0o777, node: 0o600 };

/** What an entry needs in the archive. */
interface Member {
  readonly entry: CpioEntry;
  readonly name: Uint8Array;
  readonly data: Uint8Array;
}

const encoder = new TextEncoder();
const nothing = new Uint8Array();

/**
 * A cpio archive in the "newc" format (magic 070701), as the kernel's `init/initramfs.c` unpacks it.
 *
 * The same entries give the same bytes, in whatever order they come: entries are sorted by the bytes of their paths (so that a
 * directory stands before what is in it), inode numbers are counted, everything belongs to root and carries the time 0.
 * Directories that an entry lies in and that are not given are made (0755). The last block of 512 bytes is filled with zeros.
 *
 * Throws a `TypeError` that names the path if one is not absolute and plain (`.`, `..`, empty parts, NUL, longer than 4095 bytes),
 * appears twice, lies below something that is no directory, or is the name that ends an archive; and a `RangeError` if a file or the
 * archive is larger than 4 GiB - 1 byte or a number does not fit.
 */
export function cpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const members = withParents(entries).map(memberOf).sort((a, b) => compareBytes(a.name, b.name));
  let size = memberSize(TRAILER.length + 1, 0);
  for (const { name, data } of members) size += memberSize(name.length + 1, data.byteLength);
  size = padded(size, BLOCK);
  if (size > MAX_BYTES) {
    throw new RangeError(
      `The archive would have ${size} bytes; the boot protocol of a kernel takes 4 GiB - 1`,
    );
  }
  const archive = new Uint8Array(size);
  let at = 0;
  members.forEach((member, index) => at = put(archive, at, member, index + 1));
  put(archive, at, {
    entry: { kind: "file", path: TRAILER, data: nothing },
    name: encoder.encode(TRAILER),
    data: nothing,
  }, 0);
  return archive;
}

function memberOf(entry: CpioEntry): Member {
  const name = encoder.encode(entry.path.slice(1));
  if (name.length >= PATH_MAX) {
    throw new TypeError(
      `The path ${entry.path.slice(0, 60)}... has ${name.length} bytes; the kernel takes ${PATH_MAX - 1}`,
    );
  }
  return { entry, name, data: dataOf(entry) };
}

function dataOf(entry: CpioEntry): Uint8Array {
  const mode = entry.kind === "symlink" ? undefined : entry.mode;
  if (mode !== undefined && !within(mode, 0o7777)) {
    throw new RangeError(`${entry.path}: expected permission bits from 0 to 07777 but found ${mode}`);
  }
  if (entry.kind === "file") {
    if (entry.data.byteLength > MAX_BYTES) {
      throw new RangeError(`${entry.path} has ${entry.data.byteLength} bytes; the format takes 4 GiB - 1`);
    }
    return entry.data;
  }
  if (entry.kind === "node" && !(within(entry.major, 0xfff) && within(entry.minor, 0xfffff))) {
    throw new RangeError(
      `${entry.path}: expected a device of at most 4095:1048575 but found ${entry.major}:${entry.minor}`,
    );
  }
  if (entry.kind !== "symlink") return nothing;
  const target = encoder.encode(entry.target);
  if (
    target.length === 0 || target.length >= PATH_MAX || target.includes(0) || !entry.target.isWellFormed()
  ) {
    throw new TypeError(
      `${entry.path}: expected a link target of 1 to ${PATH_MAX - 1} bytes without NUL but found ${
        JSON.stringify(entry.target.slice(0, 60))
      } (${target.length} bytes)`,
    );
  }
  return target;
}

function within(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** Writes one member at `at`; returns where the next begins. */
function put(archive: Uint8Array, at: number, { entry, name, data }: Member, inode: number): number {
  const node = entry.kind === "node" ? entry : undefined;
  const type = typeBits[entry.kind === "node" ? entry.type : entry.kind];
  const mode = (entry.kind === "symlink" ? undefined : entry.mode) ?? defaultMode[entry.kind];
  const trailer = inode === 0;
  const fields = [
    inode,
    trailer ? 0 : type | mode,
    0, // uid
    0, // gid
    entry.kind === "directory" ? 2 : 1, // links; 2 and more would make the kernel look for hard links of a file
    0, // mtime
    data.byteLength,
    0, // the device that the archive was made from
    0,
    node?.major ?? 0,
    node?.minor ?? 0,
    name.length + 1,
    0, // checksum, unused in 070701
  ];
  const header = "070701" + fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("");
  encoder.encodeInto(header, archive.subarray(at));
  archive.set(name, at + HEADER);
  const body = at + padded(HEADER + name.length + 1, 4);
  archive.set(data, body);
  return body + padded(data.byteLength, 4);
}

function memberSize(nameBytes: number, dataBytes: number): number {
  return padded(HEADER + nameBytes, 4) + padded(dataBytes, 4);
}

function padded(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
