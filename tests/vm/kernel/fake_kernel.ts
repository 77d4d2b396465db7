import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { KernelCompression } from "../../../lib/vm/kernel/kernel_image.ts";

/** What {@linkcode fakeVmlinux} puts into its ELF file. */
export interface FakeVmlinux {
  pvh?: boolean;
  config?: string;
  banner?: string;
  machine?: number;
  bits?: 32 | 64;
  type?: number;
}

const bytesOf = (text: string) => Buffer.from(text, "latin1");

/** One ELF note (elf(5)): sizes, type, name and data, each padded to 4 bytes. */
function note(name: string, type: number, data: Uint8Array): Buffer {
  const pad = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - bytes.length % 4) % 4)]);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length + 1, 0);
  head.writeUInt32LE(data.length, 4);
  head.writeUInt32LE(type, 8);
  return Buffer.concat([head, pad(bytesOf(`${name}\0`)), pad(data)]);
}

/** An ELF file with one loaded segment, a segment of notes and no sections. */
export function fakeVmlinux(options: FakeVmlinux = {}): Buffer<ArrayBuffer> {
  const { pvh = true, config, machine = 62, bits = 64, type = 2 } = options;
  const banner = options.banner ?? "Linux version 6.6.6-fake (a@b) (gcc) #1 SMP\n";
  const text = Buffer.concat([
    bytesOf("%s version %s IKCFG_ST is no configuration here "),
    bytesOf("Linux version %s\0"),
    bytesOf(banner),
    ...(config === undefined ? [] : [bytesOf("IKCFG_ST"), gzipSync(config), bytesOf("IKCFG_ED")]),
    Buffer.alloc(5000, 0x90),
  ]);
  const notes = Buffer.concat([
    note("GNU", 3, Buffer.alloc(20, 7)),
    note("Xen", 6, bytesOf("linux\0")),
    ...(pvh ? [note("Xen", 18, Buffer.alloc(8, 1))] : []),
    note("Linux", 18, Buffer.alloc(5)),
  ]);
  const head = Buffer.alloc(64 + 2 * 56);
  bytesOf("\x7fELF").copy(head);
  head[4] = bits === 64 ? 2 : 1;
  head[5] = 1;
  head.writeUInt16LE(type, 16);
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32); // e_phoff
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  const segment = (index: number, kind: number, offset: number, length: number) => {
    const at = 64 + index * 56;
    head.writeUInt32LE(kind, at);
    head.writeBigUInt64LE(BigInt(offset), at + 8);
    head.writeBigUInt64LE(BigInt(length), at + 32);
  };
  segment(0, 1, head.length, text.length);
  segment(1, 4, head.length + text.length, notes.length);
  return Buffer.concat([head, text, notes]);
}

/** Packs as the kernel's build does: the program's output, and for all but gzip the size after it. */
export async function pack(data: Buffer<ArrayBuffer>, how: KernelCompression): Promise<Buffer> {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(data.length, 0);
  const programs: Partial<Record<KernelCompression, string[]>> = {
    xz: ["xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB", "-c"],
    lzma: ["xz", "--format=lzma", "-c"],
    bzip2: ["bzip2", "-c"],
    lz4: ["lz4", "-l", "-c", "-9"],
  };
  if (how === "gzip") return gzipSync(data);
  if (how === "zstd") return Buffer.concat([zstdCompressSync(data), size]);
  if (how === "none") return Buffer.concat([data, size]);
  const [program, ...args] = programs[how]!;
  const child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const [{ stdout }] = await Promise.all([child.output(), new Blob([data]).stream().pipeTo(child.stdin)]);
  return Buffer.concat([stdout, size]);
}

/** What {@linkcode fakeBzImage} writes into the boot header (Documentation/arch/x86/boot.rst). */
export interface FakeBzImage {
  version?: string;
  protocol?: number;
  xloadflags?: number;
  loadflags?: number;
}

/** A bzImage with this payload. */
export function fakeBzImage(payload: Uint8Array, options: FakeBzImage = {}): Buffer<ArrayBuffer> {
  const { version = "6.6.6-fake (a@b) #1 SMP", protocol = 0x20f, xloadflags = 0x7f, loadflags = 1 } = options;
  const setup = Buffer.alloc(5 * 512);
  const before = Buffer.alloc(640, 0xcc); // the decompressor's code
  const size = before.length + payload.length;
  const code = Buffer.concat([before, payload, Buffer.alloc((16 - size % 16) % 16 + 16)]);
  setup[0x1f1] = 4;
  setup.writeUInt32LE(code.length / 16, 0x1f4);
  setup.writeUInt16LE(0xaa55, 0x1fe);
  bytesOf("HdrS").copy(setup, 0x202);
  setup.writeUInt16LE(protocol, 0x206);
  setup.writeUInt16LE(0x300, 0x20e);
  setup[0x211] = loadflags;
  setup.writeUInt16LE(xloadflags, 0x236);
  setup.writeUInt32LE(before.length, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  bytesOf(`${version}\0`).copy(setup, 0x500);
  return Buffer.concat([setup, code]);
}
