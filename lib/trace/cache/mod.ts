/**
 * Traces that were opened before, kept as Arrow IPC files in a directory, so that the next open reads only what is asked for.
 *
 * An entry is a directory: `meta.json` says what the trace is and where its columns lie, `stream.arrow` has the scheduler's events,
 * `e0.arrow`, `e1.arrow`, ... the fields of each event that was recorded.
 *
 * @module
 */
import type { OpenTraceOptions } from "../open.ts";
import type { Trace } from "../trace.ts";
import { evict } from "./evict.ts";
import { entryName, identityOf, settled } from "./identity.ts";
import { readEntry } from "./read_entry.ts";
import { writeEntry } from "./write_entry.ts";

/** Most bytes of all entries, unless it is said. */
const LIMIT = 4 * 2 ** 30;

/**
 * The whole trace at `path` out of the cache in `directory`; if it is not there, or is no longer what is at `path`, by `open`, and
 * then it is kept for the next time.
 *
 * With options that ask for a part of the trace, or that its stream is not made, only what is in the cache already is used. Where the cache cannot be read or written,
 * or `path` is no file, the result is that of `open`.
 */
export async function openCached(
  path: string,
  options: OpenTraceOptions,
  directory: string,
  open: (path: string, options: OpenTraceOptions) => Promise<Trace>,
): Promise<Trace> {
  const { signal, window, events, columns, lazy, formatsFrom, cacheSize = LIMIT } = options;
  signal?.throwIfAborted();
  // Layouts from elsewhere may change while the file stays; guests beside their host are rare, and an entry has no place for them.
  if (formatsFrom !== undefined || options.guest !== undefined) return await open(path, options);
  const before = identityOf(path, options);
  if (before === undefined) return await open(path, options);
  const entry = `${directory}/${entryName(before)}`;
  const kept = readEntry(entry, path, before);
  if (kept !== undefined) return kept;
  const part = window !== undefined || events !== undefined || columns !== undefined;
  if (part || lazy === true) return await open(path, options);
  if (!await settled(before, signal)) return await open(path, options);
  const trace = await open(path, options);
  if (trace.guests.length > 0) return trace;
  const unchanged = () => identityOf(path, options)?.text === before.text;
  const written = await writeEntry(directory, entry, trace, path, before, unchanged, signal);
  if (written) evict(directory, entry, cacheSize);
  return trace;
}
