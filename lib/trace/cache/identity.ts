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
  /** From when on (ms since 1970) a change of the recording has other stamps than these. */
  readonly distinct: number;
}

/**
 * Whether an option of `openTrace` makes another trace of the same file, so that each value has an entry of its own. Every option
 * stands here, so that a new one cannot be forgotten.
 */
const MAKES_ANOTHER: Readonly<Record<keyof OpenTraceOptions, boolean>> = {
  instance: true,
  guest: true,
  formatsFrom: true,
  // These are taken out of the whole trace.
  window: false,
  events: false,
  columns: false,
  // The same trace in another way.
  signal: false,
  maxUnpacked: false,
  lazy: false,
  workers: false,
  cache: false,
  cacheSize: false,
};

/** Rises with the layout of the entries. */
const LAYOUT = 1;

/** More files than these are no recording, nor are deeper ones: events/SYSTEM/NAME.format is the deepest. */
const MOST_FILES = 10_000;
const MOST_DEPTH = 4;

/** What is at `path` now; undefined where it is no file or directory, or cannot be looked at. */
export function identityOf(path: string, options: OpenTraceOptions): Identity | undefined {
  if (path === "-") return undefined;
  try {
    const real = realpathSync(path);
    const chosen = JSON.stringify(
      Object.entries(options).filter(([name, value]) =>
        value !== undefined && MAKES_ANOTHER[name as keyof OpenTraceOptions] !== false
      ).sort(),
    );
    const facts: string[] = [];
    let distinct = 0;
    for (const file of filesAt(real)) {
      // Deno tells the modification time in ms, and the change time, which nobody can set back, in whole seconds.
      const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file);
      // Files of the kernel, whose content is made when it is read, have neither size nor change.
      if (size === 0 && file === real) return undefined;
      facts.push([file, dev, ino, size, mtimeMs, ctimeMs].join(" "));
      distinct = Math.max(distinct, mtimeMs + TICK_MS, Math.floor(ctimeMs / 1000) * 1000 + 1000 + TICK_MS);
    }
    if (facts.length === 0) return undefined;
    const text = [`layout ${LAYOUT}`, readerVersion(), chosen, ...facts].join("\n");
    return { path: real, options: chosen, text, distinct };
  } catch {
    return undefined;
  }
}

/**
 * The files of a recording: itself, or those in its directory. Empty where it is something else; throws a RangeError where there are
 * more than any recording has, or deeper.
 */
function filesAt(path: string, found: string[] = [], depth = 0): string[] {
  const { isFile, isDirectory } = Deno.statSync(path);
  if (isFile) found.push(path);
  if (found.length > MOST_FILES || depth > MOST_DEPTH) {
    throw new RangeError(`${path}: too much for a recording`);
  }
  if (!isDirectory) return found;
  for (const entry of [...Deno.readDirSync(path)].sort((x, y) => (x.name < y.name ? -1 : 1))) {
    filesAt(`${path}/${entry.name}`, found, depth + 1);
  }
  return found;
}

/** The name of an entry's directory: people know it by the file's name. */
export function entryName({ path, options }: Identity): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/[^\w.-]/g, "_").slice(0, 80);
  return `${name}-${crc32(`${path}\n${options}`).toString(16).padStart(8, "0")}`;
}

/** The kernel's stamps stand still for a tick, 10 ms at the most. */
const TICK_MS = 20;

/**
 * Waits until a change of the recording would have other stamps than it has now, for a second at the most: without it, one that is made
 * right after the recording was read would not be seen. Returns whether that can be: not where the stamps are of a clock that is
 * ahead. Throws the signal's reason.
 */
export async function settled({ distinct }: Identity, signal?: AbortSignal): Promise<boolean> {
  const wait = distinct - Date.now();
  if (wait <= 0) return true;
  if (wait > 1000 + 2 * TICK_MS) return false;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, wait);
    signal?.addEventListener("abort", done);
  });
  signal?.throwIfAborted();
  return true;
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
