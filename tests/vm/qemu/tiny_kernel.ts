/** What a tiny kernel does after it has said its words. */
export type TinyEnd = "halt" | "poweroff" | "triple-fault" | "reset" | "spin";

/** 32-bit code: says the words at 0x101000 through the first serial port, then what follows. */
const SAY = [
  ...[0xbe, 0x00, 0x10, 0x10, 0x00], // mov $0x101000, %esi
  ...[0xac], // 1: lodsb
  ...[0x84, 0xc0], // test %al, %al
  ...[0x74, 0x12], // jz 3f
  ...[0x88, 0xc4], // mov %al, %ah
  ...[0x66, 0xba, 0xfd, 0x03], // mov $0x3fd, %dx
  ...[0xec], // 2: in %dx, %al
  ...[0xa8, 0x20], // test $0x20, %al
  ...[0x74, 0xfb], // jz 2b
  ...[0xb2, 0xf8], // mov $0xf8, %dl
  ...[0x88, 0xe0], // mov %ah, %al
  ...[0xee], // out %al, %dx
  ...[0xeb, 0xe9], // jmp 1b
];

const END: Readonly<Record<TinyEnd, readonly number[]>> = {
  halt: [0xfa, 0xf4, 0xeb, 0xfd], // cli; 1: hlt; jmp 1b
  spin: [0xeb, 0xfe], // jmp .
  // The firmware has put ACPI's power management block at 0x600: S5 is 0x2000 to its control register.
  poweroff: [0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, 0xf4, 0xeb, 0xfd],
  // lidt with an empty table, then an exception that nothing can take.
  "triple-fault": [0x0f, 0x01, 0x1d, 0x00, 0x20, 0x10, 0x00, 0xcc],
  reset: [0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd], // out $6, $0xcf9
};

/**
 * A kernel for x86 of some hundred bytes with the PVH entry: it writes `text` to the serial console and then does what `end` says.
 * It comes up in the time that the firmware takes.
 */
export function tinyKernel(text: string | Uint8Array, end: TinyEnd): Uint8Array {
  const words = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const base = 0x100000;
  const noteAt = 0x200;
  const codeAt = 0x1000;
  const size = 0x2000 + words.length + 16;
  const file = new Uint8Array(codeAt + size);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  u16(16, 2); // ET_EXEC
  u16(18, 62); // EM_X86_64
  u32(20, 1);
  u64(24, base);
  u64(32, 64); // program headers
  u16(52, 64);
  u16(54, 56);
  u16(56, 2);
  const segment = (
    index: number,
    type: number,
    offset: number,
    address: number,
    length: number,
    align: number,
  ) => {
    const at = 64 + 56 * index;
    u32(at, type);
    u32(at + 4, 7);
    u64(at + 8, offset);
    u64(at + 16, address);
    u64(at + 24, address);
    u64(at + 32, length);
    u64(at + 40, length);
    u64(at + 48, align);
  };
  segment(0, 1, codeAt, base, size, 0x1000);
  segment(1, 4, noteAt, 0, 20, 4);
  u32(noteAt, 4); // name
  u32(noteAt + 4, 4); // descriptor
  u32(noteAt + 8, 18); // XEN_ELFNOTE_PHYS32_ENTRY
  file.set(new TextEncoder().encode("Xen\0"), noteAt + 12);
  u32(noteAt + 16, base);
  file.set([...SAY, ...END[end]], codeAt);
  if (words.length > 0xfff) {
    throw new RangeError("The words end before the empty interrupt table at 0x102000");
  }
  file.set(words, codeAt + 0x1000);
  return file;
}
