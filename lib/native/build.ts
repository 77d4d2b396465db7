import { createHash } from "node:crypto";
import { NativeLoadError } from "./load_error.ts";

/** What can be built from native/: the library and the static programs. */
export type Artifact =
  | "libschedscope.so"
  | "schedscope-spin"
  | "schedscope-reflex"
  | "schedscope-inject"
  | "schedscope-agent"
  | "schedscope-cookie";

/** Options of {@linkcode buildNative}. */
export interface BuildOptions {
  /** The C compiler. Default: the environment's `CC`, else `cc`. */
  cc?: string;
  /** Where builds are kept. Default: `$XDG_CACHE_HOME/schedscope/native`, else `~/.cache/schedscope/native`. */
  cache?: string;
}

/** As in native/Makefile. */
const flags = [
  "-std=c11",
  "-D_GNU_SOURCE",
  "-O2",
  "-g",
  "-fno-strict-aliasing",
  "-ffunction-sections",
  "-fdata-sections",
  "-pthread",
];

function sourceDirectory(): URL {
  const url = new URL("../../native/", import.meta.url);
  if (url.protocol === "file:") return url;
  throw new NativeLoadError(
    `The C sources at ${url} are not files of this machine, so they cannot be compiled. ` +
      `Clone the repository, run "make -C native", and set SCHEDSCOPE_LIB and SCHEDSCOPE_SPIN to what it builds.`,
  );
}

function filesOf(root: URL, directory: string, extension: string): string[] {
  return [...Deno.readDirSync(new URL(`${directory}/`, root))]
    .filter((entry) => entry.isFile && entry.name.endsWith(extension))
    .map((entry) => `${directory}/${entry.name}`)
    .sort();
}

function hashOf(root: URL, files: readonly string[], cc: string): string {
  const hash = createHash("sha256").update(`${Deno.build.arch} ${cc} ${flags.join(" ")}`);
  for (const file of files) hash.update(`\0${file}\0`).update(Deno.readFileSync(new URL(file, root)));
  return hash.digest("hex").slice(0, 16);
}

function cacheDirectory(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${base}/schedscope/native`;
}

function compile(cc: string, args: string[], cwd: URL, artifact: Artifact): void {
  const variable = artifact === "libschedscope.so"
    ? "SCHEDSCOPE_LIB"
    : artifact.replace("-", "_").toUpperCase();
  const remedy =
    `Install a C compiler ("apt-get install gcc libc6-dev"), or set ${variable} to a built ${artifact}.`;
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command(cc, { args, cwd, stdin: "null", stdout: "null", stderr: "piped" }).outputSync();
  } catch (cause) {
    throw new NativeLoadError(`Cannot build ${artifact}: the C compiler "${cc}" does not run. ${remedy}`, {
      cause,
    });
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim();
  const noStatic = /cannot find -l(c|m|pthread)\b/.test(said)
    ? ` The static C library is missing; on Debian it is in libc6-dev, on Fedora in glibc-static.`
    : "";
  throw new NativeLoadError(`Cannot build ${artifact}: "${cc}" failed.${noStatic} ${remedy}`, {
    cause: new Error(said),
  });
}

/**
 * Path of `artifact`, compiled from native/ on first use into a cache keyed by the sources, the flags and the compiler's name.
 *
 * The file appears in the cache whole or not at all, so that several processes may do this at once. Throws a
 * {@linkcode NativeLoadError} that says what to install when it cannot be compiled.
 */
export function buildNative(artifact: Artifact, options: BuildOptions = {}): string {
  const cc = options.cc ?? (Deno.env.get("CC") || "cc");
  const root = sourceDirectory();
  const sources = filesOf(root, "src", ".c");
  const programs = filesOf(root, "programs", ".c");
  const headers = [...filesOf(root, "include", ".h"), ...filesOf(root, "src", ".h")];
  const directory = `${options.cache ?? cacheDirectory()}/${
    hashOf(root, [...sources, ...programs, ...headers], cc)
  }`;
  const path = `${directory}/${artifact}`;
  if (exists(path)) return path;

  Deno.mkdirSync(directory, { recursive: true });
  const temporary = Deno.makeTempDirSync({ dir: directory, prefix: "build-" });
  try {
    const kind = artifact.endsWith(".so")
      ? ["-fPIC", "-fvisibility=hidden", "-shared"]
      : ["-static", "-Wl,--gc-sections", `programs/${artifact}.c`];
    const out = `${temporary}/${artifact}`;
    compile(cc, [...flags, "-Iinclude", "-Isrc", ...kind, "-o", out, ...sources, "-lm"], root, artifact);
    Deno.renameSync(out, path);
  } finally {
    Deno.removeSync(temporary, { recursive: true });
  }
  return path;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
