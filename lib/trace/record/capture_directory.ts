import { META_FILE } from "../tracefs/meta.ts";
import { RecordingError } from "./errors.ts";
import { isAlive, ownedName, ownerOf } from "./owner.ts";

/**
 * A directory that comes to be under another name beside its place, and moves there when it is whole.
 *
 * What a dead process left unfinished beside the same place is removed first.
 */
export class CaptureDirectory {
  /** Where it is made. */
  readonly path: string;
  readonly #target: string;

  /** Makes the directory for `target`; throws where something else than a capture is in the way. */
  constructor(target: string) {
    this.#target = target.replace(/\/+$/, "");
    if (this.#target === "") {
      throw new Error(`Expected a path for the capture but found ${JSON.stringify(target)}`);
    }
    refuseOthers(this.#target);
    removeUnfinished(this.#target);
    this.path = `${this.#target}.${ownedName()}`;
    Deno.mkdirSync(`${this.path}/per_cpu`, { recursive: true });
  }

  /** Writes `content` to the file `name` below it, with the directories on the way. */
  write(name: string, content: string | Uint8Array): void {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
  }

  /** Moves it to its place, where it takes the place of an older capture. */
  publish(): void {
    refuseOthers(this.#target);
    const old = `${this.#target}.${ownedName()}`;
    let replaced = false;
    try {
      Deno.renameSync(this.#target, old);
      replaced = true;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    Deno.renameSync(this.path, this.#target);
    if (replaced) Deno.removeSync(old, { recursive: true });
  }

  /** Removes it unfinished. */
  discard(): void {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function refuseOthers(target: string): void {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.lstatSync(target);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const empty = stat.isDirectory && [...Deno.readDirSync(target)].length === 0;
  if (empty) return;
  try {
    if (
      stat.isDirectory && Deno.readTextFileSync(`${target}/${META_FILE}`).includes('"schedscope-tracefs"')
    ) return;
  } catch {
    // No capture, then.
  }
  throw new RecordingError(
    `${target} is there already and is no tracefs capture; name another output or remove it`,
  );
}

function removeUnfinished(target: string): void {
  const slash = target.lastIndexOf("/");
  const parent = slash < 0 ? "." : target.slice(0, slash) || "/";
  const prefix = `${target.slice(slash + 1)}.`;
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(parent)];
  } catch {
    return;
  }
  for (const { name, isDirectory } of entries) {
    if (!isDirectory || !name.startsWith(prefix)) continue;
    const owner = ownerOf(name.slice(prefix.length));
    if (owner !== undefined && !isAlive(owner)) Deno.removeSync(`${parent}/${name}`, { recursive: true });
  }
}
