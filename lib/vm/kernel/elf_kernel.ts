import { Buffer } from "node:buffer";
import { UnfitKernelError } from "./unfit_kernel_error.ts";

/** What is read of the ELF file of a kernel. */
export interface ElfKernel {
  /** Bytes up to where its last segment, section or section header ends. */
  readonly length: number;
  /** Bytes up to where its last segment ends: all that is loaded. */
  readonly loaded: number;
  /** Places of its notes: offset and length, in bytes. */
  readonly notes: readonly (readonly [number, number])[];
}

/** Names of machines that kernels are built for (e_machine of elf.h). */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  8: "MIPS",
  20: "PowerPC",
  21: "PowerPC 64",
  22: "s390",
  40: "ARM",
  183: "arm64",
  243: "RISC-V",
  258: "LoongArch",
};

const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_NOBITS = 8;

/** Whether `bytes` begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c &&
    bytes[3] === 0x46;
}

/**
 * Reads the headers of the ELF file `bytes`, which is at or in `path`; of a large one its beginning is enough. `size` is the size
 * of the whole. Throws {@linkcode UnfitKernelError} where it is no x86-64 kernel or ends too early.
 */
export function readElfKernel(path: string, bytes: Uint8Array, size = bytes.length): ElfKernel {
  const damaged = (what: string) =>
    new UnfitKernelError(path, `is damaged: ${what}; copy it or build it again`);
  if (bytes.length < 64) throw damaged(`its ELF header ends after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[5] === 1;
  const machine = view.getUint16(18, little);
  const type = view.getUint16(16, little);
  if (bytes[4] !== 2 && (machine === 3 || machine === 62)) {
    throw new UnfitKernelError(path, "is a 32-bit ELF file (i386); guests need an x86-64 kernel");
  }
  if (machine !== 62 || !little) {
    const name = MACHINES[machine] ?? `ELF machine ${machine}`;
    throw new UnfitKernelError(path, `is an ELF file for ${name}; guests need an x86-64 kernel`);
  }
  if (type === 1) {
    throw new UnfitKernelError(path, "is an object file or a kernel module, not a kernel; give the bzImage");
  }
  if (type !== 2) {
    throw new UnfitKernelError(path, "is a program or a library, not a kernel; give the bzImage or vmlinux");
  }
  const phoff = Number(view.getBigUint64(32, true));
  const phnum = view.getUint16(56, true);
  const phsize = view.getUint16(54, true);
  if (phsize < 56 || phoff + phnum * phsize > bytes.length) {
    throw damaged("its ELF program headers are cut off");
  }
  let loaded = phoff + phnum * phsize;
  const notes: [number, number][] = [];
  for (let i = 0; i < phnum; i++) {
    const at = phoff + i * phsize;
    const kind = view.getUint32(at, true);
    const offset = Number(view.getBigUint64(at + 8, true));
    const length = Number(view.getBigUint64(at + 32, true));
    if (kind !== PT_LOAD && kind !== PT_NOTE) continue;
    if (offset + length > size) {
      throw damaged(`segment ${i} ends at byte ${offset + length} and the file at ${size}`);
    }
    loaded = Math.max(loaded, offset + length);
    if (kind === PT_NOTE) notes.push([offset, length]);
  }
  return { length: Math.min(size, Math.max(loaded, sectionsEnd(view))), loaded, notes };
}

/** Where the last section or the section headers end; 0 where they are not within `view`. */
function sectionsEnd(view: DataView): number {
  const shoff = Number(view.getBigUint64(40, true));
  const shsize = view.getUint16(58, true);
  const shnum = view.getUint16(60, true);
  let end = shoff + shnum * shsize;
  if (shsize < 64 || end > view.byteLength) return 0;
  for (let i = 0; i < shnum; i++) {
    const at = shoff + i * shsize;
    if (view.getUint32(at + 4, true) === SHT_NOBITS) continue;
    end = Math.max(
      end,
      Number(view.getBigUint64(at + 24, true)) + Number(view.getBigUint64(at + 32, true)),
    );
  }
  return end;
}

/** Note type of the 32-bit entry point that QEMU starts directly (XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h). */
const PHYS32_ENTRY = 18;

/** Whether the ELF kernel `bytes` has the note of a PVH entry (CONFIG_PVH). */
export function hasPvhEntry(bytes: Uint8Array, { notes }: ElfKernel): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [start, length] of notes) {
    const end = Math.min(start + length, bytes.length);
    for (let at = start; at + 12 <= end;) {
      const nameLength = view.getUint32(at, true);
      const dataLength = view.getUint32(at + 4, true);
      const isXen = nameLength === 4 && at + 16 <= end && view.getUint32(at + 12, true) === 0x006e6558;
      if (isXen && view.getUint32(at + 8, true) === PHYS32_ENTRY) return true;
      at += 12 + (nameLength + 3 & ~3) + (dataLength + 3 & ~3);
    }
  }
  return false;
}

/** Release and build as the kernel prints them first (`linux_banner`); undefined where there is none. */
export function bannerOf(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = "Linux version ";
  for (let at = buffer.indexOf(mark); at >= 0; at = buffer.indexOf(mark, at + 1)) {
    const text = buffer.toString("utf8", at + mark.length, Math.min(at + mark.length + 512, buffer.length));
    const found = /^\d[^\n\0]*/.exec(text);
    if (found !== null) return found[0].trim();
  }
  return undefined;
}
