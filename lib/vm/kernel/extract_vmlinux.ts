import { isElf, readElfKernel } from "./elf_kernel.ts";
import { readKernel } from "./read_kernel.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";
import { unpackPayload } from "./unpack_payload.ts";

/**
 * The ELF file within the bzImage at `path`, without the relocations that follow it there; of a vmlinux the part that is loaded.
 *
 * Throws an {@linkcode UnfitKernelError} where it is no x86-64 kernel or damaged, and a `LackingError` where the program that
 * unpacks it (xz, lz4, lzop, bzip2) is missing.
 */
export async function extractVmlinux(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await readKernel(path);
  if (file.format === "vmlinux") return file.bytes;
  const vmlinux = await unpackPayload(path, file.payload);
  if (!isElf(vmlinux)) throw new UnfitKernelError(path, "is damaged: what is packed in it is no ELF file");
  return vmlinux.subarray(0, readElfKernel(path, vmlinux).length);
}
