import { isAlive, ownerOf } from "./owner.ts";
import { TRACEFS } from "./tracefs_root.ts";

/** What dead owners had left, and what became of it. */
export interface CleanedUp {
  /** Paths that were removed. */
  readonly removed: readonly string[];
  /** Paths that could not be removed, and why. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Removes what dead processes left behind: tracefs instances (their events turned off first) and, where
 * `directories` name some, files and directories there whose names have a dead owner in them.
 *
 * What belongs to a living process, or has no owner in its name, is left alone. Does nothing without permission.
 */
export function cleanStale(directories: readonly string[] = ["/dev/shm", "/tmp"]): CleanedUp {
  const removed: string[] = [];
  const failed: { path: string; reason: string }[] = [];
  const clear = (path: string, remove: (path: string) => void) => {
    try {
      remove(path);
      removed.push(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      failed.push({ path, reason: error instanceof Error ? error.message : String(error) });
    }
  };
  for (const name of orphans(`${TRACEFS}/instances`)) clear(`${TRACEFS}/instances/${name}`, removeInstance);
  for (const directory of directories) {
    for (const name of orphans(directory)) {
      clear(`${directory}/${name}`, (path) => Deno.removeSync(path, { recursive: true }));
    }
  }
  return { removed, failed };
}

/** Stops the tracefs instance at `path` and removes it; EBUSY where a process holds one of its files open. */
export function removeInstance(path: string): void {
  for (const file of ["tracing_on", "events/enable"]) {
    try {
      Deno.writeTextFileSync(`${path}/${file}`, "0", { create: false });
    } catch {
      // Removing the instance turns its events off too; this only stops them while it is still busy.
    }
  }
  Deno.removeSync(path);
}

function orphans(directory: string): string[] {
  const found: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(directory)) {
      const owner = ownerOf(name.replace(/^\./, ""));
      if (owner !== undefined && !isAlive(owner)) found.push(name);
    }
  } catch {
    // A directory that is not there, or that this process may not read, has nothing that it could remove.
  }
  return found;
}
