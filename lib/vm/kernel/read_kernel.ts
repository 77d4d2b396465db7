import { isElf, readElfKernel } from "./elf_kernel.ts";
import { foreignFile } from "./foreign_file.ts";
import { hasSetupHeader, readSetupHeader } from "./setup_header.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";

/** The bytes of a kernel file, and what they are. */
export type KernelFile =
  | {
    readonly format: "bzImage";
    /** Release and build. */
    readonly version: string;
    /** Its packed vmlinux. */
    readonly payload: Uint8Array<ArrayBuffer>;
    /** The whole file. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly format: "vmlinux";
    /** What of it is loaded: debug information, which may be hundreds of megabytes, is left in the file. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  };

/** As much of a file as tells what it is. */
const BEGINNING = 65_536;
/** More than the loaded part of any kernel. */
const LARGEST = 2 ** 30;

/** Reads the kernel at `path`. Throws {@linkcode UnfitKernelError} where there is none, or something else is there. */
export async function readKernel(path: string): Promise<KernelFile> {
  using file = await open(path);
  const { size, isFile, isDirectory } = await file.stat();
  if (isDirectory) {
    throw new UnfitKernelError(
      path,
      "is a directory; give the bzImage, in a kernel tree arch/x86/boot/bzImage",
    );
  }
  if (!isFile) throw new UnfitKernelError(path, "is no regular file; give the bzImage or the vmlinux");
  const beginning = await read(file, Math.min(size, BEGINNING));
  if (isElf(beginning)) {
    const { loaded } = readElfKernel(path, beginning, size);
    return { format: "vmlinux", bytes: await read(file, whole(path, loaded)) };
  }
  if (!hasSetupHeader(beginning)) throw new UnfitKernelError(path, foreignFile(beginning));
  const bytes = await read(file, whole(path, size));
  return { format: "bzImage", bytes, ...readSetupHeader(path, bytes) };
}

function whole(path: string, size: number): number {
  if (size <= LARGEST) return size;
  throw new UnfitKernelError(
    path,
    `is ${size} bytes long, more than any kernel; give the bzImage or the vmlinux`,
  );
}

async function open(path: string): Promise<Deno.FsFile> {
  if (path === "") throw new UnfitKernelError('""', "names no file; give the bzImage or the vmlinux");
  try {
    return await Deno.open(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new UnfitKernelError(
        path,
        `does not exist; "schedscope vm kernel" builds a kernel and prints its path`,
        {
          cause,
        },
      );
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new UnfitKernelError(path, "may not be read by this user; copy it or change its mode", { cause });
    }
    throw new UnfitKernelError(
      path,
      `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

/** The first `length` bytes of `file`, fewer where it ends before. */
async function read(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(0, Deno.SeekMode.Start);
  let at = 0;
  while (at < length) {
    const got = await file.read(bytes.subarray(at));
    if (got === null) break;
    at += got;
  }
  return bytes.subarray(0, at);
}
