import type { KernelImage } from "./kernel_image.ts";

/** Options of {@linkcode examineKernel}. */
export interface ExamineKernelOptions {
  /** The configuration it was built with. Default: the one in the kernel, else a `config-RELEASE` in its directory or in /boot. */
  config?: string;
}

/** What the kernel at `path` says of itself. */
export function examineKernel(path: string, _options: ExamineKernelOptions = {}): Promise<KernelImage> {
  return Promise.reject(new Error(`${path}: not read yet`));
}
