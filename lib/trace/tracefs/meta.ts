import { TraceFormatError } from "../errors.ts";
import type { TraceHost, TraceTopology } from "../trace.ts";

/** One moment as three clocks saw it; decimal strings, since JSON has no 64-bit integers. */
export interface CaptureMoment {
  /** Nanoseconds since 1970. */
  readonly wall: string;
  /** CLOCK_MONOTONIC in ns. */
  readonly mono: string;
  /** The trace clock: ticks for `x86-tsc` and `counter`, ns for the others. */
  readonly clock: string;
}

/** One CPU's `per_cpu/cpuN/stats`, read after the last page. */
export interface CaptureCpuStats {
  readonly cpu: number;
  /** Events that were overwritten before they were read. */
  readonly overrun: number;
  /** Events lost because an interrupt's events filled the buffer while one was written. */
  readonly commitOverrun: number;
  /** Events dropped because the buffer was full and must not overwrite. */
  readonly droppedEvents: number;
  /** Events that were read. */
  readonly readEvents: number;
  /** Events left unread; 0 in a capture that is whole. */
  readonly entries: number;
}

/** What `meta.json` of a tracefs capture says. */
export interface CaptureMeta {
  readonly format: "schedscope-tracefs";
  readonly version: 1;
  /** The recorder and its version. */
  readonly recorder: string;
  /** Name of the trace clock. */
  readonly clock: string;
  /** Ticks in a second, where the clock ticks and its rate is known. A multiple of 0.001. */
  readonly tscHz?: number;
  readonly littleEndian: boolean;
  /** Bytes of a page of memory, as `getconf PAGESIZE`. */
  readonly pageSize: number;
  readonly host: TraceHost;
  readonly topology: TraceTopology;
  readonly cpus: { readonly online: readonly number[]; readonly possible: readonly number[] };
  /** Just before tracing was turned on. */
  readonly started: CaptureMoment;
  /** Just after it was turned off. */
  readonly stopped: CaptureMoment;
  /** Buffer of each CPU in KiB. */
  readonly bufferKb: number;
  /** Events that were on, as `system:name`. */
  readonly events: readonly string[];
  readonly stats: readonly CaptureCpuStats[];
  /** What was noticed while recording. */
  readonly notes: readonly string[];
}

/** Name of the file that makes a directory a tracefs capture. */
export const META_FILE = "meta.json";

/** Reads `meta.json` out of the capture at `path`; throws {@linkcode TraceFormatError} where it is none. */
export async function readMeta(path: string): Promise<CaptureMeta> {
  const file = `${path}/${META_FILE}`;
  let text = "";
  let found: unknown;
  /** Byte of the file at which the character `index` is. */
  const byteOf = (index: number) => new TextEncoder().encode(text.slice(0, Math.max(0, index))).length;
  try {
    text = await Deno.readTextFile(file);
    found = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      const at = byteOf(brokenAt(text));
      throw new TraceFormatError(file, at, "JSON", cause.message, { cause });
    }
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      throw new TraceFormatError(path, 0, `a directory with ${META_FILE}`, "none", { cause });
    }
    throw cause;
  }
  /** `key` is what the value is called in the text. */
  const fail = (expected: string, value: unknown, key = ""): never => {
    const at = byteOf(text.indexOf(JSON.stringify(key)));
    throw new TraceFormatError(file, at, expected, String(JSON.stringify(value)).slice(0, 80));
  };
  if (!isRecord(found)) return fail("an object", found);
  if (found["format"] !== "schedscope-tracefs") {
    fail('format "schedscope-tracefs"', found["format"], "format");
  }
  if (found["version"] !== 1) fail("version 1", found["version"], "version");
  if (typeof found["clock"] !== "string") fail("the clock's name", found["clock"], "clock");
  if (typeof found["littleEndian"] !== "boolean") {
    fail("littleEndian true or false", found["littleEndian"], "littleEndian");
  }
  const hz = found["tscHz"];
  if (hz !== undefined && !(typeof hz === "number" && hz >= 1 && hz < 1e13)) {
    fail("ticks per second in tscHz", hz, "tscHz");
  }
  for (const key of ["host", "topology", "cpus"]) {
    if (!isRecord(found[key])) fail(`an object in ${key}`, found[key], key);
  }
  for (const key of ["packages", "cores"]) {
    const lists = (found["topology"] as Record<string, unknown>)[key];
    if (!Array.isArray(lists) || !lists.every(isNumbers)) {
      fail(`lists of CPU numbers in topology.${key}`, lists, key);
    }
  }
  // Recordings of older versions have none of these.
  for (const key of ["caches", "nodes"]) {
    const lists = (found["topology"] as Record<string, unknown>)[key];
    if (lists !== undefined && (!Array.isArray(lists) || !lists.every(isNumbers))) {
      fail(`lists of CPU numbers in topology.${key}`, lists, key);
    }
  }
  for (const key of ["online", "possible"]) {
    const list = (found["cpus"] as Record<string, unknown>)[key];
    if (!isNumbers(list)) fail(`CPU numbers in cpus.${key}`, list, key);
  }
  for (const key of ["started", "stopped"]) {
    const moment = found[key];
    const sane = isRecord(moment) &&
      ["wall", "mono", "clock"].every((name) =>
        typeof moment[name] === "string" && /^\d{1,20}$/.test(moment[name])
      );
    if (!sane) fail(`a moment in ${key}`, moment, key);
  }
  const counters = ["cpu", "overrun", "commitOverrun", "droppedEvents", "readEvents", "entries"];
  const stats = found["stats"];
  const sane = Array.isArray(stats) &&
    stats.every((row) => isRecord(row) && counters.every((key) => Number.isFinite(row[key])));
  if (!sane) fail("the CPUs' counters in stats", stats, "stats");
  for (const key of ["events", "notes"]) {
    const list = found[key];
    if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
      fail(`texts in ${key}`, list, key);
    }
  }
  return found as unknown as CaptureMeta;
}

/** Index of the first character of `text` that no JSON text has there; V8 does not always say. */
function brokenAt(text: string): number {
  let from = 0;
  let to = text.length;
  while (from < to) {
    const middle = (from + to + 1) >>> 1;
    if (canGoOn(text.slice(0, middle))) from = middle;
    else to = middle - 1;
  }
  return from;
}

/** Whether `text` is the beginning of a JSON text, or is one. */
function canGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = / at position (\d+)/.exec(message)?.[1];
    return /end of JSON|Unterminated/.test(message) || Number(position) === text.length;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
