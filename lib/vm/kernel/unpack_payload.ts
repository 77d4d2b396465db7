import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { LackingError } from "../errors.ts";
import { findProgram } from "../../tools/apt.ts";
import type { KernelCompression } from "./kernel_image.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";

/** A way in which the kernel's build packs (lib/decompress.c has the same marks), and the program that undoes it where we do not. */
interface Packing {
  readonly name: KernelCompression;
  readonly mark: readonly number[];
  readonly command?: readonly string[];
  /** Debian package of that program. */
  readonly package?: string;
}

const PACKINGS: readonly Packing[] = [
  { name: "gzip", mark: [0x1f, 0x8b] },
  { name: "zstd", mark: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: "xz", mark: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], command: ["xz", "-dc"], package: "xz-utils" },
  { name: "bzip2", mark: [0x42, 0x5a, 0x68], command: ["bzip2", "-dc"], package: "bzip2" },
  { name: "lz4", mark: [0x02, 0x21, 0x4c, 0x18], command: ["lz4", "-dc"], package: "lz4" },
  { name: "lzo", mark: [0x89, 0x4c, 0x5a, 0x4f], command: ["lzop", "-dc"], package: "lzop" },
  { name: "lzma", mark: [0x5d, 0, 0], command: ["xz", "--format=lzma", "-dc"], package: "xz-utils" },
  { name: "none", mark: [0x7f, 0x45, 0x4c, 0x46] },
];

/** More than any kernel unpacks to. */
const LARGEST = 2 ** 30;

function packingOf(path: string, payload: Uint8Array): Packing {
  const found = PACKINGS.find(({ mark }) => mark.every((byte, i) => payload[i] === byte));
  if (found !== undefined) return found;
  const bytes = [...payload.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new UnfitKernelError(path, `is damaged: its payload begins with ${bytes}, which is no known packing`);
}

/** How the payload of the kernel at `path` is packed. Throws {@linkcode UnfitKernelError} where it is packed in no known way. */
export function compressionOf(path: string, payload: Uint8Array): KernelCompression {
  return packingOf(path, payload).name;
}

/**
 * Unpacks the payload of the bzImage at `path`: gzip and zstd here, others by their programs. Throws a
 * {@linkcode LackingError} where that program is missing, and an {@linkcode UnfitKernelError} where it is damaged.
 */
export async function unpackPayload(
  path: string,
  payload: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const packing = packingOf(path, payload);
  // All but gzip, which ends with it anyway, are followed by the unpacked size (size_append in scripts/Makefile.lib).
  const packed = packing.name === "gzip" ? payload : payload.subarray(0, payload.length - 4);
  const size = new DataView(payload.buffer, payload.byteOffset + payload.length - 4, 4).getUint32(0, true);
  let unpacked: Uint8Array<ArrayBuffer>;
  try {
    unpacked = packing.name === "none"
      ? payload
      : packing.name === "gzip"
      ? plain(gunzipSync(packed, { maxOutputLength: LARGEST }))
      : packing.name === "zstd"
      ? plain(zstdDecompressSync(packed, { maxOutputLength: LARGEST }))
      : await throughProgram(path, packing, packed);
  } catch (cause) {
    if (cause instanceof LackingError) throw cause;
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new UnfitKernelError(
      path,
      `is damaged: its payload (${packing.name}) does not unpack (${why}); copy it or build it again`,
      { cause },
    );
  }
  if (packing.name !== "none" && unpacked.length !== size) {
    throw new UnfitKernelError(
      path,
      `is damaged: its payload unpacks to ${unpacked.length} bytes instead of ${size}; copy it or build it again`,
    );
  }
  return unpacked;
}

/** The same bytes without the methods of a Buffer. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

async function throughProgram(
  path: string,
  { name, command, package: debian }: Packing,
  packed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const program = findProgram(command![0]!);
  if (program === undefined) {
    throw new LackingError(
      `${path} is packed with ${name} and the program ${
        command![0]
      }, which unpacks that, is not on this machine`,
      `install it ("apt-get install -y ${debian}")`,
    );
  }
  const child = new Deno.Command(program, {
    args: command!.slice(1),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output] = await Promise.all([
    child.output(),
    // It may end before it has read all; then its own words say why.
    new Blob([packed]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr).trim() || `${name} failed`);
  return output.stdout;
}
