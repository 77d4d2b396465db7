import { createHash } from "node:crypto";
import { VmError } from "../errors.ts";
import { type AptSource, resolveAptSource } from "./apt_source.ts";
import { noSpace } from "./no_space.ts";
import { runProgram, type RunProgramOptions } from "./run_program.ts";

/** Options of {@linkcode resolveKernelSource}. */
export interface KernelSourceOptions {
  /** Ends what is under way. */
  signal?: AbortSignal;
  /** Told in one line what is being done. Default: silent. */
  onProgress?: (line: string) => void;
}

/** Where the sources of a kernel are, and what they are. */
export interface KernelSource {
  /** What tells these sources from others: a package and its version, the sha256 of a tarball, the state of a directory. */
  readonly identity: string;
  /** Bytes that {@linkcode obtain} needs in the directory it is given. */
  readonly bytes: number;
  /** Puts the sources below the `directory` where they are not unpacked yet; returns where they are. */
  obtain(directory: string, options: KernelSourceOptions): Promise<string>;
}

/** Architectures of which a build for x86 reads the Kconfig at most; these have the most files. */
const ARCHITECTURES = [
  "alpha",
  "arm",
  "arm64",
  "m68k",
  "mips",
  "parisc",
  "powerpc",
  "riscv",
  "s390",
  "sh",
  "sparc",
];

/** What is left in the archive: no part of a build for x86. Kconfig reads the first level of Documentation. */
const UNUSED = [
  ...ARCHITECTURES.flatMap((name) => [`*/arch/${name}/*.[chS]`, `*/arch/${name}/*.dts*`]),
  "*/Documentation/*/*",
  "*/drivers/gpu/drm/amd/include",
  "*/tools/testing",
  "*/tools/perf",
];
/** What the sources of Linux 6.12 take unpacked, without those. */
const UNPACKED = 1_100_000_000;

/**
 * Finds the sources that `source` names: a directory, a tarball, or `apt:PACKAGE`. Where neither this machine nor its package lists have
 * that package, an {@linkcode AptSource}, which must read the lists of the archive first.
 */
export async function resolveKernelSource(
  source: string,
  options: KernelSourceOptions = {},
): Promise<KernelSource | AptSource> {
  if (source.startsWith("apt:")) {
    return await resolveAptSource(source.slice("apt:".length), unpackTarball, options);
  }
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(source);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "does not exist" : "cannot be read";
    throw new VmError(
      `${source} ${why}; give a directory or a tarball of kernel sources, or apt:linux-source-6.12`,
      { cause },
    );
  }
  return info.isDirectory ? await directorySource(source, options) : await tarballSource(source, info.size);
}

async function tarballSource(path: string, size: number): Promise<KernelSource> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return {
    identity: `tarball ${hash.digest("hex")}`,
    bytes: UNPACKED + size,
    obtain: (directory, options) => unpackTarball(path, directory, options),
  };
}

/** Unpacks the tarball at `path` below `directory`; returns the kernel tree in it. */
async function unpackTarball(path: string, directory: string, options: KernelSourceOptions): Promise<string> {
  const into = `${directory}/source`;
  await Deno.mkdir(into, { recursive: true });
  options.onProgress?.(`unpacking ${path.slice(path.lastIndexOf("/") + 1)}`);
  const excludes = UNUSED.map((pattern) => `--exclude=${pattern}`);
  const tar = await runProgram(
    ["tar", "-xf", path, "-C", into, "--no-same-owner", ...excludes],
    only(options),
  );
  if (!tar.success) throw unpackError(path, directory, tar.stderr);
  for (const place of [into, ...[...Deno.readDirSync(into)].map(({ name }) => `${into}/${name}`)]) {
    if (await isKernelTree(place)) return place;
  }
  throw new VmError(`${path} holds no kernel tree: no directory in it has a Kbuild and an arch/x86`);
}

function unpackError(path: string, directory: string, said: string): Error {
  if (/No space left on device/.test(said)) return noSpace(directory);
  return new VmError(`${path} does not unpack: ${said.trim().split("\n")[0] ?? "tar failed"}`);
}

function only({ signal }: KernelSourceOptions): RunProgramOptions {
  return signal === undefined ? {} : { signal };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function isKernelTree(path: string): Promise<boolean> {
  return await exists(`${path}/Kbuild`) && await exists(`${path}/arch/x86`);
}

async function directorySource(given: string, options: KernelSourceOptions): Promise<KernelSource> {
  const path = await Deno.realPath(given);
  if (!await isKernelTree(path)) {
    throw new VmError(
      `${given} is no kernel tree: it has no Kbuild or no arch/x86; give the top of a kernel tree`,
    );
  }
  // The kernel's build refuses to build elsewhere from a tree in which something was built.
  const built = await exists(`${path}/.config`) || await exists(`${path}/include/config`) ||
    await exists(`${path}/arch/x86/include/generated`);
  return {
    identity: `tree ${await stateOf(path, options)}`,
    bytes: built ? UNPACKED : 0,
    obtain: (directory, options) => built ? copyTree(path, directory, options) : Promise.resolve(path),
  };
}

/** What is made by a build, and what is no part of one. */
const MADE =
  /(\.(o|a|ko|cmd|mod|order|so|dtb|tmp|symvers)|^vmlinux.*|^\.config.*|^bzImage|^System\.map|^\..*)$/;

/** Directories of a tree that no build for x86 reads. */
const UNREAD = new RegExp(`^(Documentation/.*|tools/(testing|perf)|arch/(${ARCHITECTURES.join("|")}))$`);
/** Directories after which others get their turn: a walk is fifty thousand short calls. */
const TURN = 100;

/** A sha256 that changes when a source in `path` does: of names, sizes and times of all that no build makes. */
async function stateOf(path: string, { signal, onProgress }: KernelSourceOptions): Promise<string> {
  onProgress?.(`looking through ${path}`);
  const hash = createHash("sha256").update(path);
  let directories = 0;
  const walk = async (directory: string) => {
    if (++directories % TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    const entries = [...Deno.readDirSync(`${path}/${directory}`)].sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, isDirectory, isFile } of entries) {
      const inside = directory === "" ? name : `${directory}/${name}`;
      if (MADE.test(name) || name === "generated") continue;
      if (isDirectory) {
        if (!UNREAD.test(inside)) await walk(inside);
      } else if (isFile) {
        const { size, mtime } = Deno.statSync(`${path}/${inside}`);
        hash.update(`${inside}\0${size}\0${mtime?.getTime()}\0`);
      }
    }
  };
  await walk("");
  return hash.digest("hex");
}

/** Copies the tree at `path`, in which something was built, below `directory` and removes there what was built. */
async function copyTree(path: string, directory: string, options: KernelSourceOptions): Promise<string> {
  const into = `${directory}/source`;
  await Deno.mkdir(into, { recursive: true });
  options.onProgress?.(`copying ${path}, in which something was built`);
  const archive = `${directory}/source.tar`;
  const excludes = [".git", "*.o", "*.ko", "*.a", "vmlinux", ...UNUSED].map((pattern) =>
    `--exclude=${pattern}`
  );
  const steps = [
    ["tar", "-cf", archive, "-C", path, ...excludes, "."],
    ["tar", "-xf", archive, "-C", into, "--no-same-owner"],
    ["rm", archive],
    ["make", "-C", into, "mrproper"],
  ];
  for (const step of steps) {
    const { success, stderr } = await runProgram(step, only(options));
    if (!success) throw unpackError(path, directory, stderr);
  }
  return into;
}
