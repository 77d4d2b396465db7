/** A kernel that {@linkcode buildKernel} built. */
export interface BuiltKernel {
  /** The bzImage. */
  readonly path: string;
  /** As `uname -r`. */
  readonly release: string;
  /** The `.config` that it was built with. */
  readonly config: string;
  /** Whether it was in the cache already. */
  readonly cached: boolean;
}

/** Options of {@linkcode buildKernel}. */
export interface BuildKernelOptions {
  /** A directory or tarball of kernel sources, or `apt:PACKAGE` for a Debian package of them. Default: `apt:linux-source-6.12`. */
  source?: string;
  /** Configuration fragments that are merged over `initrd/kernel.config`, in this order. Default: none. */
  config?: string | readonly string[];
  /** How many compilers run at once. Default: as many as there are CPUs. */
  jobs?: number;
  /** Ends the build. */
  signal?: AbortSignal;
  /** Told in one line what is being done. Default: silent. */
  onProgress?: (line: string) => void;
}

/** A small kernel for guests, built from `source` into the cache on first use. */
export function buildKernel(options: BuildKernelOptions = {}): Promise<BuiltKernel> {
  return Promise.reject(new Error(`${options.source}: not built yet`));
}
