import type { CpioEntry } from "./cpio_entry.ts";

/** The name that ends an archive. */
export const TRAILER = "TRAILER!!!";

/**
 * The entries and the directories that they lie in and that were not given. Throws a `TypeError` for a path that is not absolute and
 * plain, that appears twice, or that lies below something that is no directory.
 */
export function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const byPath = new Map<string, CpioEntry>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (byPath.has(entry.path)) throw new TypeError(`${JSON.stringify(entry.path)} is in the archive twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) {
      const parent = path.slice(0, cut);
      const found = byPath.get(parent);
      if (found === undefined) byPath.set(parent, { kind: "directory", path: parent });
      else if (found.kind !== "directory") {
        throw new TypeError(
          `${JSON.stringify(path)} lies below ${JSON.stringify(parent)}, which is a ${found.kind}`,
        );
      }
    }
  }
  return [...byPath.values()];
}

function checkPath(path: string): void {
  const parts = path.split("/");
  const plain = parts.length > 1 && parts[0] === "" && path.isWellFormed() && !path.includes("\0") &&
    parts.slice(1).every((part) => part !== "" && part !== "." && part !== "..");
  if (!plain) {
    throw new TypeError(
      `Expected an absolute path without ".", ".." and empty parts but found ${JSON.stringify(path)}`,
    );
  }
  if (path === `/${TRAILER}`) throw new TypeError(`${JSON.stringify(path)} is the name that ends an archive`);
}
