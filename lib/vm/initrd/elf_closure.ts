import { LackingError } from "../errors.ts";
import { type LibraryPath, libraryPath } from "./library_path.ts";
import { type ElfFile, isElf, readElf } from "./read_elf.ts";

/** A file that a program needs in order to run. */
export interface ElfClosureFile {
  /** Where the loader opens it: an absolute path, its symbolic links not resolved. */
  readonly path: string;
  /** What it is. */
  readonly role: "program" | "interpreter" | "library";
  /** The first file that asked for it; undefined for what was given. */
  readonly neededBy?: string;
  /** Whether its directory is known from /etc/ld.so.conf alone, so that the loader needs /etc/ld.so.cache to find it. */
  readonly throughCache: boolean;
}

/** Options of {@linkcode elfClosure}. */
export interface ElfClosureOptions {
  /** Files that the programs open while they run (dlopen): modules, plugins. They and what they need are in the closure. Default: none. */
  readonly extra?: readonly string[];
  /** The loader's configuration. Default: "/etc/ld.so.conf". */
  readonly configuration?: string;
}

/** A file of the closure, and how its own needs are looked up. */
interface Loaded {
  readonly file: ElfClosureFile;
  readonly elf: ElfFile;
  /** Who asked for it; its DT_RPATH counts as well. */
  readonly loader: Loaded | undefined;
}

/**
 * Every file that the x86-64 ELF programs at `paths` need in order to run: they themselves, their interpreters (PT_INTERP) and, breadth
 * first as the loader goes, the libraries they name (DT_NEEDED), found as ld.so(8) says: DT_RPATH of the asking file and of those that
 * asked for it, DT_RUNPATH, the directories of /etc/ld.so.conf, the loader's own. `$ORIGIN` and `$LIB` are expanded. Variants for newer
 * processors (glibc-hwcaps) are passed over: the guest's CPU need not have what this machine's has. What a program opens by itself
 * cannot be seen in it: name it in `extra`. A static program needs itself alone. No program is run.
 *
 * Throws an `ElfError` for a file that is no such ELF file, a `LackingError` that names the library that is not found and who needs it.
 */
export async function elfClosure(
  paths: readonly string[],
  options: ElfClosureOptions = {},
): Promise<ElfClosureFile[]> {
  const places = libraryPath(options.configuration);
  const loaded: Loaded[] = [];
  const interpreters = new Map<string, ElfClosureFile>();
  const known = new Set<string>();
  for (const path of [...paths, ...options.extra ?? []]) {
    if (known.has(path)) continue;
    known.add(path);
    const elf = readElf(await Deno.readFile(path), path);
    const opener = loaded.length > 0 && !paths.includes(path) ? loaded[0] : undefined;
    loaded.push({
      file: { path, role: opener ? "library" : "program", throughCache: false },
      elf,
      loader: opener,
    });
  }
  for (let next = 0; next < loaded.length; next++) {
    const { file, elf } = loaded[next]!;
    // Libraries that can be run as well, libc among them, name an interpreter that nobody starts.
    if (file.role === "program" && elf.interpreter !== undefined && !known.has(elf.interpreter)) {
      const neededBy = file.path;
      interpreters.set(elf.interpreter, {
        path: elf.interpreter,
        role: "interpreter",
        neededBy,
        throughCache: false,
      });
      known.add(elf.interpreter);
      const own = readElf(await Deno.readFile(elf.interpreter), elf.interpreter);
      if (own.soname !== undefined) known.add(own.soname);
    }
    for (const name of elf.needed) {
      if (known.has(name)) continue;
      known.add(name);
      const found = await find(name, loaded[next]!, places);
      if (found === undefined) {
        throw new LackingError(
          `${file.path} needs the library ${name}, which is in none of the directories that its loader searches`,
          `install the package that has it ("apt-file search ${name}"), or add its directory to /etc/ld.so.conf`,
        );
      }
      if (known.has(found.file.path)) continue;
      known.add(found.file.path);
      if (found.elf.soname !== undefined) known.add(found.elf.soname);
      loaded.push(found);
    }
  }
  return [...loaded.map(({ file }) => file), ...interpreters.values()];
}

async function find(
  name: string,
  asking: Loaded,
  { configured, builtIn }: LibraryPath,
): Promise<Loaded | undefined> {
  const attempt = async (path: string, throughCache: boolean): Promise<Loaded | undefined> => {
    const bytes = await contentOf(path);
    if (bytes === undefined || !isElf(bytes)) return undefined; // One for another architecture is passed over, as by the loader.
    const file = { path, role: "library", neededBy: asking.file.path, throughCache } as const;
    return { file, elf: readElf(bytes, path), loader: asking };
  };
  if (name.includes("/")) return await attempt(expand(name, asking.file.path)[0]!, false);
  const own = ownDirectories(asking);
  const builtInToo = new Set(builtIn.map(real));
  for (const directory of own) {
    const found = await attempt(`${directory}/${name}`, false);
    if (found !== undefined) return found;
  }
  for (const directory of [...configured, ...builtIn]) {
    const found = await attempt(`${directory}/${name}`, !builtInToo.has(real(directory)));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The directories that the asking file and, by DT_RPATH, those that asked for it have of their own. */
function ownDirectories(asking: Loaded): string[] {
  const { elf, file } = asking;
  if (elf.runpath.length > 0) return elf.runpath.flatMap((directory) => expand(directory, file.path));
  const directories: string[] = [];
  for (let at: Loaded | undefined = asking; at !== undefined; at = at.loader) {
    if (at.elf.runpath.length > 0) continue; // DT_RUNPATH makes the loader ignore DT_RPATH of the same file.
    const origin = at.file.path;
    directories.push(...at.elf.rpath.flatMap((directory) => expand(directory, origin)));
  }
  return directories;
}

/** `$ORIGIN` is the directory of the file that says it, its links resolved; `$LIB` depends on the distribution. */
function expand(directory: string, from: string): string[] {
  const resolved = real(from);
  const origin = resolved.slice(0, resolved.lastIndexOf("/"));
  const here = directory.replace(/\$(ORIGIN\b|\{ORIGIN\})/g, () => origin)
    .replace(/\$(PLATFORM\b|\{PLATFORM\})/g, "x86_64");
  if (!/\$(LIB\b|\{LIB\})/.test(here)) return [here];
  return ["lib/x86_64-linux-gnu", "lib64", "lib"].map((lib) => here.replace(/\$(LIB\b|\{LIB\})/g, lib));
}

function real(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

async function contentOf(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch {
    return undefined; // Not there, a directory, not readable: the loader goes on to the next directory as well.
  }
}
