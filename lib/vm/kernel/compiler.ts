import { findProgram } from "../../tools/apt.ts";
import { LackingError } from "../errors.ts";
import { runProgram, type RunProgramOptions } from "./run_program.ts";

/** The programs that the kernel's build calls, and the Debian packages that have them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  make: "make",
  ld: "binutils",
  flex: "flex",
  bison: "bison",
  bc: "bc",
  awk: "mawk",
  cmp: "diffutils",
  tar: "tar",
  xz: "xz-utils",
  gzip: "gzip",
};

/** The headers that the programs of the kernel's build are compiled with. */
const HEADERS: Readonly<Record<string, string>> = {
  "stdio.h": "libc6-dev",
  "gelf.h": "libelf-dev",
};

/** The compiler of kernels. */
export interface Compiler {
  /** Its name, as in the environment's `CC`; else `gcc`. */
  readonly name: string;
  /** What it says of itself in its first line. */
  readonly version: string;
}

/** The compiler of this machine. Throws as {@linkcode requireBuildPrograms} does where there is none. */
export async function kernelCompiler(options: RunProgramOptions = {}): Promise<Compiler> {
  const name = Deno.env.get("CC") || "gcc";
  if (findProgram(name.split(" ")[0]!) === undefined) await requireBuildPrograms(name, options);
  const { stdout } = await runProgram([...name.split(" "), "--version"], options);
  return { name, version: stdout.split("\n")[0]! };
}

/** Throws a {@linkcode LackingError} that names every package which a build of a kernel by the compiler `cc` lacks on this machine. */
export async function requireBuildPrograms(cc: string, options: RunProgramOptions = {}): Promise<void> {
  const found = findProgram(cc.split(" ")[0]!) !== undefined;
  const missing = Object.entries(PROGRAMS).filter(([program]) => findProgram(program) === undefined);
  if (!found) missing.unshift([cc, cc === "cc" ? "gcc" : cc]);
  for (const [header, debian] of Object.entries(HEADERS)) {
    if (!found || !await hasHeader(cc, header, options)) missing.push([`<${header}>`, debian]);
  }
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, debian]) => debian))].join(" ");
  throw new LackingError(
    `A kernel cannot be built here without ${missing.map(([what]) => what).join(", ")}`,
    `install with: ${Deno.uid() === 0 ? "" : "sudo "}apt-get install -y ${packages}`,
  );
}

async function hasHeader(cc: string, header: string, options: RunProgramOptions): Promise<boolean> {
  const { success } = await runProgram(
    [...cc.split(" "), "-E", "-include", header, "-x", "c", "/dev/null", "-o", "/dev/null"],
    options,
  );
  return success;
}
