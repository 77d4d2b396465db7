import { visibleText } from "../../frame/visible_text.ts";
import { LackingError } from "../errors.ts";
import { bannerOf, hasPvhEntry, readElfKernel } from "./elf_kernel.ts";
import { findKernelConfig } from "./find_kernel_config.ts";
import { embeddedConfig } from "./kernel_config.ts";
import type { KernelCompression, KernelImage } from "./kernel_image.ts";
import { readKernel } from "./read_kernel.ts";
import { UnfitKernelError } from "./unfit_kernel_error.ts";
import { compressionOf, unpackPayload } from "./unpack_payload.ts";

/** Options of {@linkcode examineKernel}. */
export interface ExamineKernelOptions {
  /**
   * The `.config` it was built with, also packed with gzip as /proc/config.gz is. Default: the one within the kernel, else
   * `config-RELEASE`, `config` or `.config` in its directory or where its build has it, else /boot/config-RELEASE.
   */
  config?: string;
}

/**
 * What the kernel at `path`, a bzImage or a vmlinux, says of itself: its release from the boot header, its PVH entry and its
 * configuration from what is packed in it.
 *
 * Throws an {@linkcode UnfitKernelError} where it is no x86-64 kernel, or damaged, or the given configuration is none. A payload
 * whose program is missing (xz, lz4, ...) is no error: `unread` says so.
 */
export async function examineKernel(path: string, options: ExamineKernelOptions = {}): Promise<KernelImage> {
  const file = await readKernel(path);
  const inside = await unpacked(path, file);
  const banner = inside.vmlinux === undefined ? undefined : bannerOf(inside.vmlinux);
  const version = file.format === "bzImage" ? file.version : banner;
  if (version === undefined) {
    throw new UnfitKernelError(
      path,
      "is an ELF program but no kernel; give the bzImage or the vmlinux of one",
    );
  }
  const release = /^\S+/.exec(version)![0];
  const embedded = inside.vmlinux === undefined ? undefined : embeddedConfig(inside.vmlinux);
  const { config, configSource, configPath } = await findKernelConfig(
    path,
    release,
    embedded,
    options.config,
  );
  return {
    path,
    format: file.format,
    arch: "x86_64",
    release: visibleText(release),
    version: visibleText(version),
    compression: inside.compression,
    configSource,
    ...(inside.pvh === undefined ? {} : { pvh: inside.pvh }),
    ...(config === undefined ? {} : { config, serial: config.get("SERIAL_8250_CONSOLE") === "y" }),
    ...(configPath === undefined ? {} : { configPath }),
    ...(inside.unread === undefined ? {} : { unread: inside.unread }),
  };
}

interface Inside {
  readonly compression: KernelCompression;
  readonly vmlinux?: Uint8Array<ArrayBuffer>;
  readonly pvh?: boolean;
  readonly unread?: string;
}

async function unpacked(path: string, file: Awaited<ReturnType<typeof readKernel>>): Promise<Inside> {
  if (file.format === "vmlinux") {
    const elf = readElfKernel(path, file.bytes);
    return { compression: "none", vmlinux: file.bytes, pvh: hasPvhEntry(file.bytes, elf) };
  }
  const compression = compressionOf(path, file.payload);
  try {
    const vmlinux = await unpackPayload(path, file.payload);
    const elf = readElfKernel(path, vmlinux);
    return { compression, vmlinux, pvh: hasPvhEntry(vmlinux, elf) };
  } catch (error) {
    if (error instanceof LackingError) return { compression, unread: error.message };
    throw error;
  }
}
