import { realpathSync, statSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { OpenTraceOptions } from "../open.ts";

/** What makes an entry the one of a recording. */
export interface Identity {
  /** Where the recording really is. */
  readonly path: string;
  /** Of which buffer of it, and so on: the options that make another trace of the same file. */
  readonly options: string;
  /** All of it: two that are equal have the same bytes behind them, and were read by the same reader. */
  readonly text: string;
  /** Last change of the recording, ns since 1970. */
  readonly changed: bigint;
}

/** Rises with the layout of the entries. */
const LAYOUT = 1;

/** More files than this are no recording of ours. */
const MOST_FILES = 10_000;

/** What is at `path` now; undefined where it is no file or directory, or cannot be looked at. */
export function identityOf(path: string, options: OpenTraceOptions): Identity | undefined {
  if (path === "-") return undefined;
  try {
    const real = realpathSync(path);
    const chosen = JSON.stringify({ instance: options.instance });
    const facts: string[] = [];
    let changed = 0n;
    for (const file of filesAt(real)) {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
      // The change time moves even where someone sets the modification time back.
      facts.push([file, dev, ino, size, mtimeNs, ctimeNs].join(" "));
      if (ctimeNs > changed) changed = ctimeNs;
      if (facts.length > MOST_FILES) return undefined;
    }
    if (facts.length === 0) return undefined;
    const text = [`layout ${LAYOUT}`, readerVersion(), chosen, ...facts].join("\n");
    return { path: real, options: chosen, text, changed };
  } catch {
    return undefined;
  }
}

/** The files of a recording: itself, or those in its directory. Empty where it is something else. */
function filesAt(path: string): string[] {
  const { isFile, isDirectory } = Deno.statSync(path);
  if (isFile) return [path];
  if (!isDirectory) return [];
  const found: string[] = [];
  for (const entry of [...Deno.readDirSync(path)].sort((x, y) => (x.name < y.name ? -1 : 1))) {
    if (found.length > MOST_FILES) break;
    found.push(...filesAt(`${path}/${entry.name}`));
  }
  return found;
}

/** The name of an entry's directory: people know it by the file's name. */
export function entryName({ path, options }: Identity): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/[^\w.-]/g, "_").slice(0, 80);
  return `${name}-${crc32(`${path}\n${options}`).toString(16).padStart(8, "0")}`;
}

/** Stamps of a file stand still for up to a tick of the kernel, 10 ms at the most; twice that for clocks that are not our own. */
const TICK_MS = 20;

/**
 * Waits until a change of the recording would have another stamp than it has now. Without it, one that is made right after it was
 * read would not be seen.
 */
export async function settled({ changed }: Identity, signal?: AbortSignal): Promise<void> {
  const age = Date.now() - Number(changed / 1_000_000n);
  if (age > TICK_MS || age < -TICK_MS) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, TICK_MS);
    signal?.addEventListener("abort", done);
  });
  signal?.throwIfAborted();
}

let version: string | undefined;

/**
 * What tells this reader from another: the package's version and place, and where it runs from a directory of sources, when they
 * were changed.
 */
function readerVersion(): string {
  if (version !== undefined) return version;
  const sources: string[] = [];
  if (import.meta.url.startsWith("file:")) {
    for (const room of ["../", "../../frame/"]) {
      for (const file of filesAt(new URL(room, import.meta.url).pathname.replace(/\/$/, ""))) {
        const { mtime, size } = Deno.statSync(file);
        sources.push(`${file} ${size} ${mtime?.getTime()}`);
      }
    }
  }
  return version = `${import.meta.url} ${crc32(sources.join("\n"))}`;
}
