import { statfs } from "node:fs/promises";
import { cacheDirectory, cacheKey } from "../cache.ts";
import { cachedBuild, newestBuild, stepsOfLast, storeBuild } from "./built_kernels.ts";
import { compileKernel } from "./compile_kernel.ts";
import { kernelCompiler, requireBuildPrograms } from "./compiler.ts";
import { fragmentText } from "./config_fragment.ts";
import { type KernelSource, resolveKernelSource } from "./kernel_source.ts";
import { freeLock, withLock } from "./lock.ts";
import { isDiskFull, noSpace } from "./no_space.ts";
import type { RunProgramOptions } from "./run_program.ts";

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

/** Sources of the kernel on which an emulated guest has threads of a core, nested guests and core scheduling together. */
const DEFAULT_SOURCE = "apt:linux-source-6.12";
/** How many steps Linux 6.12 takes with our configuration alone, for the time that is left of a first build. */
const STEPS = 1730;
/** Longer than the lists of an archive are needed. */
const AN_HOUR_MS = 3_600_000;
/** What the objects of a build take at most. */
const OBJECTS = 400_000_000;

/**
 * A small kernel for guests, built from `source` with `initrd/kernel.config` into the cache on first use: minutes then, a moment after.
 *
 * Its key is the sha256 of what the sources are (package and version, tarball, state of a tree), the fragments and the compiler. It
 * appears in the cache whole or not at all; who asks for the same kernel meanwhile, in another process too, waits for it. The tree it is
 * built from is not written to, and this machine's package lists neither.
 *
 * Throws a `LackingError` where a program, a header or space is missing, and a `VmError` where the
 * sources are none, the configuration loses what guests need, or the compilation fails; aborted, the signal's reason.
 */
export async function buildKernel(options: BuildKernelOptions = {}): Promise<BuiltKernel> {
  const { signal, jobs = navigator.hardwareConcurrency } = options;
  if (!Number.isInteger(jobs) || jobs < 1) {
    throw new RangeError(`Expected jobs to be an integer greater than 0 but found ${jobs}`);
  }
  const progress: { signal?: AbortSignal; onProgress: (line: string) => void } = {
    ...(signal === undefined ? {} : { signal }),
    onProgress: options.onProgress ?? (() => {}),
  };
  const own: RunProgramOptions = signal === undefined ? {} : { signal };
  const paths = options.config === undefined
    ? []
    : typeof options.config === "string"
    ? [options.config]
    : options.config;
  const fragment = await fragmentText(paths);
  const given = options.source ?? DEFAULT_SOURCE;
  const found = await resolveKernelSource(given, progress);
  const compiler = await kernelCompiler(own);
  const like = cacheKey(fragment, compiler.version);

  await sweep();
  let lists: string | undefined;
  try {
    let source: KernelSource;
    if ("package" in found) {
      // A kernel built from the package before is better than reading the lists each time.
      const before = await newestBuild(`apt ${found.package} `, like);
      if (before !== undefined) return before;
      lists = await temporaryDirectory("lists");
      source = await found.readLists(lists);
    } else source = found;
    const key = cacheKey(source.identity, like);
    const there = await cachedBuild(key);
    if (there !== undefined) return there;
    return await withLock(lockOf(key), {
      ...own,
      onWait: () => progress.onProgress("waiting for another process that builds the same kernel"),
    }, async () => {
      const there = await cachedBuild(key);
      if (there !== undefined) return there;
      const directory = `${cacheDirectory("build")}/${key}`;
      await Deno.remove(directory, { recursive: true }).catch(() => {});
      try {
        await requireBuildPrograms(compiler.name, own);
        await Deno.mkdir(directory, { recursive: true });
        await checkSpace(directory, source.bytes + OBJECTS);
        const tree = await source.obtain(directory, progress);
        const steps = await stepsOfLast(like) ?? (paths.length === 0 ? STEPS : undefined);
        const made = await compileKernel({
          ...{ tree, directory, fragment, compiler, jobs },
          ...(steps === undefined ? {} : { steps }),
          ...progress,
        });
        return await storeBuild(key, {
          ...made,
          identity: source.identity,
          like,
          compiler: compiler.version,
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw isDiskFull(error) ? noSpace(cacheDirectory("build")) : error;
      } finally {
        await Deno.remove(directory, { recursive: true }).catch(() => {});
      }
    });
  } finally {
    if (lists !== undefined) await Deno.remove(lists, { recursive: true }).catch(() => {});
  }
}

/** Removes what builds left that were killed: nobody holds their locks. */
async function sweep(): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(cacheDirectory("build"))) {
      const path = `${cacheDirectory("build")}/${name}`;
      if (/^[0-9a-f]{64}$/.test(name)) {
        await freeLock(lockOf(name), () => Deno.remove(path, { recursive: true }));
      } else if (await olderThan(path, AN_HOUR_MS)) await Deno.remove(path, { recursive: true });
    }
  } catch {
    // There is none, or another process removes the same.
  }
}

async function olderThan(path: string, ms: number): Promise<boolean> {
  const { mtime } = await Deno.stat(path);
  return mtime !== null && Date.now() - mtime.getTime() > ms;
}

async function temporaryDirectory(name: string): Promise<string> {
  await Deno.mkdir(cacheDirectory("build"), { recursive: true });
  return await Deno.makeTempDir({ dir: cacheDirectory("build"), prefix: `${name}-` });
}

function lockOf(key: string): string {
  return `${cacheDirectory("kernel")}/${key}.lock`;
}

async function checkSpace(directory: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < needed) throw noSpace(cacheDirectory("build"), needed);
}
