/** An entry that was used this lately may be read from by another process. */
const IN_USE_MS = 10 * 60_000;

/** What a writer that was killed has left is older than any writing takes. */
const STALE_MS = 3_600_000;

const OPENED = new Set<string>();

/** This process reads columns of the entry whenever they are asked for. */
export function openedHere(entry: string): void {
  OPENED.add(entry);
}

/**
 * Removes the entries of `directory` that were used longest ago until all are at most `limit` bytes. Those that are in use (opened
 * by this process, or by anyone in the last ten minutes) and `kept` stay. Never throws.
 */
export function evict(directory: string, kept: string, limit: number): void {
  const entries: { path: string; size: number; used: number }[] = [];
  let total = 0;
  const now = Date.now();
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (!isDirectory) continue;
      const path = `${directory}/${name}`;
      if (/\.partial(\.old)?$/.test(name)) {
        if (now - (Deno.statSync(path).mtime?.getTime() ?? now) > STALE_MS) remove(path);
        continue;
      }
      const found = sizeOf(path);
      if (found === undefined) continue;
      total += found.size;
      entries.push({ path, ...found });
    }
  } catch {
    // Another process removes as well.
  }
  entries.sort((x, y) => x.used - y.used);
  for (const { path, size, used } of entries) {
    if (total <= limit) return;
    if (path === kept || OPENED.has(path) || now - used < IN_USE_MS) continue;
    remove(path);
    total -= size;
  }
}

/** Bytes of an entry and when it was last opened; undefined where it is none. */
function sizeOf(path: string): { size: number; used: number } | undefined {
  try {
    const used = Deno.statSync(`${path}/meta.json`).mtime?.getTime() ?? 0;
    let size = 0;
    for (const { name } of Deno.readDirSync(path)) size += Deno.statSync(`${path}/${name}`).size;
    return { size, used };
  } catch {
    return undefined;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It is gone, or not ours to remove.
  }
}
