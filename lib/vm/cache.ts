import { createHash } from "node:crypto";
import { resolve } from "node:path";

/**
 * Where files of `kind` ("kernel", "initrd", ...) are kept between runs: below `SCHEDSCOPE_CACHE` where that is set, else below
 * `$XDG_CACHE_HOME/schedscope` or `~/.cache/schedscope`. It is not created by asking for its name.
 */
export function cacheDirectory(kind?: string): string {
  const own = Deno.env.get("SCHEDSCOPE_CACHE");
  const base = own ||
    `${Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "."}/.cache`}/schedscope`;
  return kind === undefined ? resolve(base) : resolve(base, kind);
}

/** The sha256 of `parts` in hexadecimal; where one ends and the next begins counts too. */
export function cacheKey(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    hash.update(`${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/**
 * The path of the file `name` among those of `kind` in the cache. Where it is not there, `write` is called with a temporary path in
 * the same directory, and what it wrote there gets its name when it is whole: a file in the cache is complete, also after a crash, and
 * several processes may do this at once. What `write` throws is thrown on, and leaves nothing.
 */
export async function cachedFile(
  kind: string,
  name: string,
  write: (temporary: string) => Promise<void>,
): Promise<string> {
  const directory = cacheDirectory(kind);
  const path = `${directory}/${name}`;
  if (await isFile(path)) return path;
  await Deno.mkdir(directory, { recursive: true });
  await sweep(directory);
  const temporary = await Deno.makeTempFile({ dir: directory, prefix: PREFIX });
  try {
    await write(temporary);
    await Deno.chmod(temporary, 0o644);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  return path;
}

/** What marks a file that is being written. */
const PREFIX = ".writing-";
/** Longer than anything takes to be written. */
const AN_HOUR_MS = 3_600_000;

/** Removes what processes left that were killed while they wrote. */
async function sweep(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = `${directory}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.mtime && Date.now() - info.mtime.getTime() > AN_HOUR_MS) {
      await Deno.remove(path).catch(() => {});
    }
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
