/** Files that are written beside a directory's own and take their places together. */
export class Staging implements AsyncDisposable {
  readonly #root: string;
  readonly #staging: string;
  /** Directories that were made for it, the outermost first. */
  readonly #made: string[];
  readonly #files: { from: string; to: string }[] = [];
  readonly #gone: string[] = [];

  private constructor(root: string, staging: string, made: string[]) {
    this.#root = root;
    this.#staging = staging;
    this.#made = made;
  }

  /** Stages files for the directory `root`, which is made if it is not there. */
  static async in(root: string): Promise<Staging> {
    const made = await makeDirectories(root);
    await removeStale(root);
    try {
      return new Staging(
        root,
        await Deno.makeTempDir({ dir: root, prefix: ".schedscope-", suffix: ".partial" }),
        made,
      );
    } catch (error) {
      for (const directory of made.toReversed()) await Deno.remove(directory).catch(() => {});
      throw error;
    }
  }

  /** Where to write the file that is to be at `path`, relative to the root. */
  add(path: string): string {
    // Not the name it gets, so that no pattern finds it before it is whole.
    const from = `${this.#staging}/${this.#files.length}.partial`;
    this.#files.push({ from, to: `${this.#root}/${path}` });
    return from;
  }

  /** The file at `path`, relative to the root, is to go when the others come. */
  drop(path: string): void {
    this.#gone.push(`${this.#root}/${path}`);
  }

  /** Puts all files in their places. Where one cannot be, all that were there before are put back, and the error is thrown. */
  async commit(): Promise<void> {
    const undo: (() => Promise<void>)[] = [];
    const setAside = async (path: string) => {
      const aside = `${this.#staging}/${undo.length}.old`;
      try {
        await Deno.rename(path, aside);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        throw error;
      }
      undo.push(() => Deno.rename(aside, path));
    };
    try {
      for (const path of this.#gone) await setAside(path);
      for (const { from, to } of this.#files) {
        const made = await makeDirectories(to.slice(0, to.lastIndexOf("/")));
        for (const directory of made) undo.push(() => Deno.remove(directory));
        await setAside(to);
        await Deno.rename(from, to);
        undo.push(() => Deno.remove(to));
      }
    } catch (error) {
      for (const step of undo.toReversed()) await step().catch(() => {});
      throw error;
    }
    this.#made.length = 0;
  }

  /** Removes what is left of the writing: all of it, if it did not come to the commit. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#staging, { recursive: true }).catch(() => {});
    for (const directory of this.#made.toReversed()) await Deno.remove(directory).catch(() => {});
  }
}

/** No writing takes as long. */
const STALE_MS = 24 * 3_600_000;

/** Removes what a writer that was killed has left in `root`, unless files that were set aside are in it. */
async function removeStale(root: string): Promise<void> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(root)) {
      if (!isDirectory || !/^\.schedscope-.*\.partial$/.test(name)) continue;
      const path = `${root}/${name}`;
      const { mtime } = await Deno.stat(path);
      const files = await Array.fromAsync(Deno.readDir(path));
      const old = files.some((file) => file.name.endsWith(".old"));
      if (!old && mtime !== null && Date.now() - mtime.getTime() > STALE_MS) {
        await Deno.remove(path, { recursive: true });
      }
    }
  } catch {
    // It is another's, or gone: it does not stand in the way.
  }
}

/** Makes `path` and what is missing above it; returns what was made, the outermost first. */
async function makeDirectories(path: string): Promise<string[]> {
  try {
    await Deno.mkdir(path);
    return [path];
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      if ((await Deno.stat(path)).isDirectory) return [];
      throw new Deno.errors.NotADirectory(`${path} is there already, and is no directory`);
    }
    const above = path.replace(/\/+[^/]*\/*$/, "");
    if (!(error instanceof Deno.errors.NotFound) || above === "" || above === path) throw error;
    const made = await makeDirectories(above);
    return [...made, ...await makeDirectories(path)];
  }
}
