import type { CleanedUp } from "../trace/record/clean_stale.ts";
import { isAlive, ownerOf } from "../trace/record/owner.ts";
import { cgroupMounts } from "./cgroup_hierarchy.ts";

/** Directories of cgroups that processes made which are gone; `mounts` are the roots to look below. */
export function findStaleCgroups(mounts: readonly string[] = allMounts()): string[] {
  return mounts.flatMap((mount) => [...orphans(mount)]);
}

/** Removes them and the groups in them. What belongs to a living process is left alone. */
export function cleanStaleCgroups(mounts: readonly string[] = allMounts()): CleanedUp {
  const removed: string[] = [];
  const failed: { path: string; reason: string }[] = [];
  for (const path of findStaleCgroups(mounts)) {
    try {
      for (const { name, isDirectory } of [...Deno.readDirSync(path)]) {
        if (isDirectory) Deno.removeSync(`${path}/${name}`);
      }
      Deno.removeSync(path);
      removed.push(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      failed.push({ path, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { removed, failed };
}

function allMounts(): string[] {
  const { v1cpu, v2 } = cgroupMounts();
  return [...v1cpu, ...v2];
}

function* orphans(directory: string): Generator<string> {
  let names: Deno.DirEntry[];
  try {
    names = [...Deno.readDirSync(directory)];
  } catch {
    return; // gone meanwhile, or not for us
  }
  for (const { name, isDirectory } of names) {
    if (!isDirectory) continue;
    const owner = ownerOf(name);
    if (owner === undefined) yield* orphans(`${directory}/${name}`);
    else if (!isAlive(owner)) yield `${directory}/${name}`;
  }
}
