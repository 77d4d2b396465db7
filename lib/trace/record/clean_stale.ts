import { isAlive, ownerOf } from "./owner.ts";
import { TRACEFS } from "./tracefs_root.ts";

/** What dead owners had left, and what became of it. */
export interface CleanedUp {
  /** Paths that were removed. */
  readonly removed: readonly string[];
  /** Paths that could not be removed, and why. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/** Where things are made that a killed process may leave. */
const DIRECTORIES: readonly string[] = ["/dev/shm", "/tmp"];

/** Paths of what dead processes left behind: tracefs instances, and files in `directories` with a dead owner's name. */
export function findStale(directories: readonly string[] = DIRECTORIES): string[] {
  return [`${TRACEFS}/instances`, ...directories].flatMap(orphans);
}

/**
 * Removes what dead processes left behind: tracefs instances (their events turned off first), and files and directories in
 * `directories` whose names have a dead owner in them.
 *
 * What belongs to a living process, or has no owner in its name, is left alone. Does nothing without permission.
 */
export function cleanStale(directories: readonly string[] = DIRECTORIES): CleanedUp {
  const removed: string[] = [];
  const failed: { path: string; reason: string }[] = [];
  for (const path of findStale(directories)) {
    try {
      if (path.startsWith(`${TRACEFS}/`)) removeInstance(path);
      else Deno.removeSync(path, { recursive: true });
      removed.push(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      failed.push({ path, reason: error instanceof Error ? error.message : String(error) });
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
      const owner = ownerOf(name);
      if (owner !== undefined && !isAlive(owner)) found.push(`${directory}/${name}`);
    }
  } catch {
    // A directory that is not there, or that this process may not read, has nothing that it could remove.
  }
  return found;
}
