import { cachedFile, cacheDirectory, cacheKey } from "../cache.ts";
import { LackingError, VmError } from "../errors.ts";
import { fileRefusal } from "../file_refusal.ts";
import { hasPvhEntry, readElfKernel } from "./elf_kernel.ts";
import { isDiskFull, noSpace } from "./no_space.ts";
import { readKernel } from "./read_kernel.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";
import { unpackPayload } from "./unpack_payload.ts";

/**
 * Path of what QEMU's `-kernel` shall get for the kernel at `path`.
 *
 * Where it has the PVH entry (CONFIG_PVH) that is its vmlinux, unpacked once into the cache: QEMU starts that directly, and
 * the kernel need not unpack itself, which is most of the time of a boot under TCG. Else, also where it cannot be unpacked for want of a
 * program, it is the bzImage itself. Throws an {@linkcode UnfitKernelError} where `path` is no x86-64 kernel, or a vmlinux without
 * that entry, which nothing can start.
 */
export async function bootable(path: string): Promise<string> {
  const file = await readKernel(path);
  if (file.format === "vmlinux") {
    if (hasPvhEntry(file.bytes, readElfKernel(path, file.bytes))) return path;
    throw new UnfitKernelError(
      path,
      "is a vmlinux without the PVH entry (CONFIG_PVH), so QEMU cannot start it; give the bzImage of the same build",
    );
  }
  const key = cacheKey(file.bytes);
  if (await isFile(`${cacheDirectory("vmlinux")}/${key}.none`)) return path;
  let vmlinux: Uint8Array<ArrayBuffer> | undefined;
  const pvh = async () => {
    vmlinux = await unpackPayload(path, file.payload);
    return hasPvhEntry(vmlinux, readElfKernel(path, vmlinux));
  };
  try {
    if (!await isFile(`${cacheDirectory("vmlinux")}/${key}.elf`) && !await pvh()) {
      await cachedFile("vmlinux", `${key}.none`, () => Promise.resolve());
      return path;
    }
  } catch (error) {
    if (error instanceof LackingError) return path;
    throw unwritable(error);
  }
  return await cachedFile("vmlinux", `${key}.elf`, async (temporary) => {
    vmlinux ??= await unpackPayload(path, file.payload);
    await Deno.writeFile(temporary, vmlinux.subarray(0, readElfKernel(path, vmlinux).length));
  }).catch((error) => {
    if (isDiskFull(error)) throw noSpace(cacheDirectory("vmlinux"), vmlinux?.length);
    throw unwritable(error);
  });
}

/** `error`, in a sentence where it is of the cache. */
function unwritable(error: unknown): unknown {
  const why = fileRefusal(error);
  if (why === undefined) return error;
  return new VmError(
    `The kernel cannot be unpacked into ${
      cacheDirectory("vmlinux")
    }: ${why}; set SCHEDSCOPE_CACHE to a directory that can be written`,
    { cause: error },
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
