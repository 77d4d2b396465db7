import { nativeProgram, type ProgramName } from "../../native/programs.ts";
import { findProgram } from "../../tools/apt.ts";
import { LackingError, VmError } from "../errors.ts";
import type { CpioEntry } from "./cpio_entry.ts";
import { elfClosure } from "./elf_closure.ts";
import { loadedPart } from "./loaded_part.ts";
import type { ManifestClosure, ManifestEntry, ManifestFile } from "./manifest.ts";
import { mirroredPath } from "./mirrored_path.ts";
import { isElf, readElf } from "./read_elf.ts";

/** What {@linkcode collectEntries} takes from besides this machine. */
export interface EntrySources {
  /** The directory of the manifest and of the files that it names with `from`. */
  readonly directory: string;
  /** Whether entries that are for nested guests only count. */
  readonly nested: boolean;
  /** Paths of the files that the manifest calls `given`. */
  readonly given: Readonly<Partial<Record<"kernel" | "l2", string>>>;
}

/** The entries of an archive by their paths in the guest, and where each file came from. */
export interface CollectedEntries {
  /** What goes into the archive. */
  readonly entries: readonly CpioEntry[];
  /** The file of this machine behind each path of the guest that has one. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Reads what the `manifest` names. Throws a `LackingError` where this machine lacks it, a {@linkcode VmError} where the manifest is wrong. */
export async function collectEntries(
  manifest: readonly ManifestEntry[],
  from: EntrySources,
  signal?: AbortSignal,
): Promise<CollectedEntries> {
  const collection = new Collection(from);
  for (const entry of manifest) {
    signal?.throwIfAborted();
    if (entry.when === "nested" && !from.nested) continue;
    await collection.add(entry);
  }
  return { entries: [...collection.entries.values()], sources: collection.sources };
}

class Collection {
  readonly entries = new Map<string, CpioEntry>();
  readonly sources = new Map<string, string>();
  readonly #from: EntrySources;

  constructor(from: EntrySources) {
    this.#from = from;
  }

  async add(entry: ManifestEntry): Promise<void> {
    if ("directory" in entry) {
      this.#put({ kind: "directory", path: entry.directory, mode: bitsOf(entry.mode) ?? 0o755 });
    } else if ("node" in entry) {
      const { type, major, minor } = entry;
      this.#put({ kind: "node", path: entry.node, type, major, minor, mode: bitsOf(entry.mode) ?? 0o600 });
    } else if ("symlink" in entry) {
      this.#put({ kind: "symlink", path: entry.symlink, target: entry.target });
    } else if ("file" in entry) await this.#file(entry);
    else await this.#closure(entry);
  }

  #put(entry: CpioEntry): void {
    const before = this.entries.get(entry.path);
    if (before !== undefined && !same(before, entry)) {
      throw new VmError(
        `The initrd would have ${entry.path} twice: as a ${before.kind} and as another ${entry.kind}`,
      );
    }
    this.entries.set(entry.path, entry);
  }

  async #file(entry: ManifestFile): Promise<void> {
    const source = this.#sourceOf(entry);
    const whole = await Deno.readFile(source);
    const data = entry.native === undefined ? whole : loadedPart(whole, source);
    const mode = bitsOf(entry.mode) ?? (((await Deno.stat(source)).mode ?? 0) & 0o111 ? 0o755 : 0o644);
    this.#put({ kind: "file", path: entry.file, mode, data });
    this.sources.set(entry.file, source);
    if (entry.program === undefined) return;
    if (isElf(whole) && readElf(whole, source).interpreter !== undefined) {
      for (const { path } of (await elfClosure([source])).slice(1)) await this.#mirror(path);
    }
    if (entry.applets === undefined) return;
    for (const name of await appletsOf(source)) {
      const path = `${entry.applets}/${name}`;
      if (path !== entry.file) this.#put({ kind: "symlink", path, target: entry.file });
    }
  }

  #sourceOf(entry: ManifestFile): string {
    if (entry.from !== undefined) return `${this.#from.directory}/${entry.from}`;
    if (entry.program !== undefined) return programPath(entry.program, entry.package);
    if (entry.native !== undefined) return nativePath(entry.native);
    const path = this.#from.given[entry.given!];
    if (path === undefined) {
      throw new VmError(`${entry.file} of the initrd needs a ${entry.given} that was not given`);
    }
    return path;
  }

  async #closure(entry: ManifestClosure): Promise<void> {
    // Its directory's links are resolved, so that a guest's /bin need not become a link as well.
    const found = programPath(entry.closure, entry.package);
    const cut = found.lastIndexOf("/");
    const directory = await Deno.realPath(found.slice(0, cut) || "/");
    const program = `${directory}/${found.slice(cut + 1)}`;
    const modules: string[] = [];
    for (const { files, in: places, optional } of entry.opens ?? []) {
      for (const name of files) {
        const path = await firstFile(places.map((place) => `${directory}/${place}/${name}`));
        if (path === undefined) {
          if (optional) continue;
          throw new LackingError(
            `${program} needs ${name}, which is not in ${
              places.map((place) => `${directory}/${place}`).join(", ")
            }`,
            `reinstall it: apt-get install --reinstall ${entry.package}`,
          );
        }
        if (isElf(await Deno.readFile(path))) modules.push(path);
        else await this.#mirror(path);
      }
    }
    const files = await elfClosure([program], { extra: modules });
    for (const { path } of files) await this.#mirror(path);
    if (files.some(({ throughCache }) => throughCache)) await this.#mirror("/etc/ld.so.cache");
  }

  /** Puts a file of this machine at the same place of the guest, with the links and directories on the way. */
  async #mirror(path: string): Promise<void> {
    const { file, links, directories } = mirroredPath(path);
    for (const [link, target] of links) this.#put({ kind: "symlink", path: link, target });
    for (const directory of directories) {
      if (!this.entries.has(directory)) this.#put({ kind: "directory", path: directory, mode: 0o755 });
    }
    if (this.sources.has(file)) return;
    const executable = ((await Deno.stat(file)).mode ?? 0) & 0o111;
    this.#put({
      kind: "file",
      path: file,
      mode: executable ? 0o755 : 0o644,
      data: await Deno.readFile(file),
    });
    this.sources.set(file, file);
  }
}

function bitsOf(mode: string | undefined): number | undefined {
  return mode === undefined ? undefined : parseInt(mode, 8);
}

/** Whether two entries of one path are no contradiction: the same link, or directories. */
function same(a: CpioEntry, b: CpioEntry): boolean {
  return a.kind === "symlink" && b.kind === "symlink" && a.target === b.target ||
    a.kind === "directory" && b.kind === "directory" && a.mode === b.mode;
}

function programPath(name: string, debianPackage = name): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new LackingError(
    `${name} is not installed, and the initrd needs it`,
    `install it: apt-get install ${debianPackage}`,
  );
}

function nativePath(name: string): string {
  try {
    return nativeProgram(name as ProgramName);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LackingError(`The initrd needs ${name}: ${message.replace(/\.$/, "")}`, "then try again", {
      cause,
    });
  }
}

async function appletsOf(busybox: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command(busybox, {
    args: ["--list"],
    stdin: "null",
    stderr: "null",
  }).output();
  const names = new TextDecoder().decode(stdout).split("\n").filter((name) => /^[^/\s]+$/.test(name));
  if (success && names.includes("sh") && names.includes("mount")) return names;
  throw new LackingError(
    `${busybox} does not list the programs that it holds ("${busybox} --list"), or lacks sh and mount`,
    "install one that has them: apt-get install busybox-static",
  );
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile) return path;
  }
  return undefined;
}
