/** The bytes by which a kind of file is known, where they stand, and what to say of it. */
interface Mark {
  readonly at: number;
  readonly bytes: string;
  readonly says: string;
}

const WANTED = "give the bzImage (vmlinuz) or the vmlinux of an x86-64 kernel";
const packed = (how: string) =>
  `is packed with ${how} as a whole, as an initial RAM disk or a kernel of another machine is; ${WANTED}`;

/** In the order in which they are tried. Bytes are given as text, one character each. */
const MARKS: readonly Mark[] = [
  { at: 0x38, bytes: "ARMd", says: `is an arm64 Image; ${WANTED}` },
  { at: 0x38, bytes: "RSC\x05", says: `is a RISC-V Image; ${WANTED}` },
  { at: 4, bytes: "zimg", says: `is an EFI zboot image, which arm64, RISC-V and LoongArch have; ${WANTED}` },
  { at: 0, bytes: "\x1f\x8b", says: packed("gzip") },
  { at: 0, bytes: "\xfd7zXZ\0", says: packed("xz") },
  { at: 0, bytes: "\x28\xb5\x2f\xfd", says: packed("zstd") },
  { at: 0, bytes: "BZh", says: packed("bzip2") },
  { at: 0, bytes: "\x02\x21\x4c\x18", says: packed("lz4") },
  { at: 0, bytes: "\x04\x22\x4d\x18", says: packed("lz4") },
  { at: 0, bytes: "070701", says: `is a cpio archive, as an initial RAM disk is; ${WANTED}` },
  { at: 0, bytes: "!<arch>\n", says: `is a package or a library; unpack it ("dpkg-deb -x") and ${WANTED}` },
  { at: 0, bytes: "\xed\xab\xee\xdb", says: `is an RPM package; unpack it and ${WANTED}` },
  { at: 0, bytes: "\x27\x05\x19\x56", says: `is a U-Boot image; ${WANTED}` },
  { at: 0, bytes: "\xd0\x0d\xfe\xed", says: `is a device tree or a FIT image; ${WANTED}` },
  { at: 0, bytes: "QFI\xfb", says: `is a disk image (qcow2); ${WANTED}` },
  { at: 0x8001, bytes: "CD001", says: `is a CD image; ${WANTED}` },
];

function has(bytes: Uint8Array, { at, bytes: wanted }: Mark): boolean {
  if (bytes.length < at + wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted.charCodeAt(i)) return false;
  return true;
}

function isText(bytes: Uint8Array): boolean {
  // No text has a 0xff, and the room before a boot header is full of them.
  return bytes.every((byte) =>
    byte >= 0x20 && byte !== 0x7f && byte !== 0xff || byte === 9 || byte === 10 || byte === 13
  );
}

/** A PE file has sections; a unified kernel image has the kernel in the one called `.linux`. */
function peSays(bytes: Uint8Array): string {
  const names = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
  return names.includes(".linux\0")
    ? `is a unified kernel image; take the kernel out of it ("objcopy -O binary -j .linux") and give that`
    : `is a UEFI program but no kernel; ${WANTED}`;
}

/** What to say of a file that is neither a bzImage nor an ELF file; it goes on after the file's name. */
export function foreignFile(bytes: Uint8Array): string {
  if (bytes.length === 0) return `is empty; ${WANTED}`;
  const mark = MARKS.find((mark) => has(bytes, mark));
  if (mark !== undefined) return mark.says;
  if (bytes[0] === 0x4d && bytes[1] === 0x5a) return peSays(bytes);
  if (isText(bytes.subarray(0, 4096))) return `is a text file; ${WANTED}`;
  if (bytes.length > 0x1ff && bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa) {
    return `is a disk image or a boot sector but no kernel; ${WANTED}`;
  }
  return `is no kernel: it has neither the boot header of a bzImage nor that of an ELF file; ${WANTED}`;
}
