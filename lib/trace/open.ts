import { type ByteSource, fileSource, memorySource } from "./byte_source.ts";
import { TraceFormatError } from "./errors.ts";
import type { ScanFormat } from "./scan.ts";
import type { Trace } from "./trace.ts";
import type { TraceWindow } from "./window.ts";

/** Options of {@linkcode openTrace}. */
export interface OpenTraceOptions {
  /** Ends the opening early with the signal's reason. Default: none. */
  signal?: AbortSignal;
  /**
   * Most bytes that may come out of a gzip or zstd file, or in from standard input. Default: 4 GiB, and for packed files no
   * more than 200 times their size (but 256 MiB in any case).
   */
  maxUnpacked?: number;
  /** Which buffer of a trace.dat (name of the tracefs instance). Default: the main one, or the first that has events. */
  instance?: string;
  /**
   * Where a perf.data whose recorder was killed takes its events' formats from: `machine` for this machine's tracefs, the path
   * of a tracefs, or that of another perf.data. It must be of the machine, and the boot, that recorded. Default: none, and
   * such a file is refused.
   */
  formatsFrom?: string;
  /**
   * Process, on the host, of the guest whose events are read, where the recording has a guest's beside its host's
   * (`perf inject --guest-data`); `trace.guests` has those there are. Its rows have the guest's CPUs. Default: the host's are.
   */
  guest?: number;
  /**
   * Only this part of the recording, as {@linkcode Trace.window} gives it; of a perf.data that is not compressed no more is
   * read than is needed for it. Default: all.
   */
  window?: TraceWindow;
  /**
   * Only these tracepoints (`system:name`), and what the recorder says of tasks and losses. Others are not there; to ask for
   * their columns is an error. Default: all.
   */
  events?: readonly string[];
  /** Fields of events that may be asked for, besides `ts`, `cpu` and `common_pid`; others give an error. Default: all. */
  columns?: readonly string[];
  /**
   * Events are counted and what is missing is found at once, but the stream of a perf.data is made when it is first asked
   * for: for those who only want to know what a recording holds. Default false.
   */
  lazy?: boolean;
  /**
   * Threads that read a large file together, this one among them; 1 = this one alone. Default: as many as pay, by the
   * file's size (300 MB at least) and the machine's CPUs (four at least). The result is the same.
   */
  workers?: number;
  /**
   * Keeps the trace, once it was read, as Arrow files in a directory, and reads it from there the next time, which is at least ten
   * times faster: a path, or true for `$XDG_CACHE_HOME/schedscope/traces` (`~/.cache/...`). To keep it takes several times as long
   * as to open it, as every event is decoded for it; a part (`window`, `events`, `columns`) or a `lazy` trace is not kept, but comes
   * out of what is. A recording that was changed is read again. Default: the directory in `SCHEDSCOPE_CACHE`, if it is set; false:
   * none.
   */
  cache?: boolean | string;
  /** Most bytes that the cache may take; what was used longest ago goes first. Default: 4 GiB. */
  cacheSize?: number;
}

/** A format that {@linkcode openTrace} knows: how it is told, and its reader, which is loaded when it is needed. */
export interface TraceFormat {
  /** What messages call it. */
  readonly name: string;
  /** Whether a file that begins with these bytes is of it. */
  readonly sniff: (head: Uint8Array) => boolean | Promise<boolean>;
  /**
   * Reads it from a file or from memory (standard input, what was packed). It may read less than all where the options ask
   * for a part: what it gives is narrowed to them afterwards, and need not be.
   */
  readonly open: (source: ByteSource, options: OpenTraceOptions) => Promise<Trace>;
  /** Reads one event of it in bounded memory; undefined where all must be opened for that. */
  readonly scan?: ScanFormat;
}

/** Bytes that a format may look at. */
const HEAD = 65536;

/** The first that knows the head reads the file: binary formats before texts. */
const FORMATS: readonly TraceFormat[] = [
  {
    name: "perf.data (PERFILE2)",
    sniff: (head) => startsWith(head, "PERFILE2") || startsWith(head, "2ELIFREP"),
    open: async (source, options) => (await import("./perf_data/mod.ts")).read(source, options),
    scan: async function* (source, request, options) {
      yield* (await import("./perf_data/mod.ts")).scanBatches(source, request, options);
    },
  },
  {
    name: "trace.dat",
    sniff: (head) => startsWith(head, "\x17\x08Dtracing"),
    open: async (source, options) => (await import("./trace_dat/read.ts")).read(source, options),
    async *scan(source, request, options) {
      yield* (await import("./trace_dat/read.ts")).scan(source, request, options);
    },
  },
  {
    name: "Perfetto",
    sniff: async (head) => head[0] === 0x0a && (await import("./perfetto/sniff.ts")).sniff(head),
    open: async (source) => (await import("./perfetto/mod.ts")).read(source),
  },
  {
    name: "text of ftrace, perf script or perf sched timehist",
    sniff: async (head) => (await import("./text/sniff.ts")).sniff(head) !== undefined,
    open: async (source, options) => (await import("./text/mod.ts")).read(source, options),
    async *scan(source, request) {
      yield* (await import("./text/mod.ts")).scan(source, request);
    },
  },
];

/**
 * Opens a recording: a perf.data file, the directory that `schedscope record` makes from tracefs, or what ftrace, trace-cmd,
 * `perf script` or `perf sched timehist` printed; a file also packed by gzip or zstd, and from standard input where `path`
 * is `-`. The content decides which, not the name.
 *
 * Damage (lost events, a cut tail, bytes that make no sense) does not stop it: see `trace.quality`. Throws
 * {@linkcode TraceFormatError} where the input is no trace at all, and what Deno throws where it cannot be read.
 */
export async function openTrace(path: string, options: OpenTraceOptions = {}): Promise<Trace> {
  const directory = cacheDirectory(options.cache);
  const trace = directory === undefined
    ? await openAll(path, options)
    : await (await import("./cache/mod.ts")).openCached(path, options, directory, openAll);
  const { window, events, columns } = options;
  const part = window === undefined ? trace : trace.window(window);
  if (events === undefined && columns === undefined) return part;
  const { narrowed } = await import("./narrow.ts");
  return narrowed(part, { events, columns });
}

/** Where traces are kept; undefined where they are not to be. */
function cacheDirectory(cache: boolean | string | undefined): string | undefined {
  const variable = (name: string) =>
    Deno.permissions.querySync({ name: "env", variable: name }).state === "granted"
      ? Deno.env.get(name) || undefined
      : undefined;
  if (typeof cache === "string") return cache || undefined;
  if (cache === undefined) return variable("SCHEDSCOPE_CACHE");
  if (!cache) return undefined;
  const home = variable("HOME");
  const base = variable("XDG_CACHE_HOME") ?? (home === undefined ? undefined : `${home}/.cache`);
  if (base === undefined) throw new Error("cache: neither XDG_CACHE_HOME nor HOME is set; give a directory");
  return `${base}/schedscope/traces`;
}

async function openAll(path: string, options: OpenTraceOptions): Promise<Trace> {
  const trace = await openAny(path, options);
  if (options.guest === undefined || trace.guest === options.guest) return trace;
  throw new RangeError(
    `guest: ${trace.format} has no guests beside its host; it was opened for ${options.guest}`,
  );
}

async function openAny(path: string, options: OpenTraceOptions): Promise<Trace> {
  options.signal?.throwIfAborted();
  const info = path === "-" ? undefined : await Deno.stat(path);
  if (info?.isDirectory) {
    const perf = await import("./perf_data/mod.ts");
    if (perf.isDirectoryRecording(path)) return await perf.open(path, options);
    const tracefs = await import("./tracefs/mod.ts");
    return await tracefs.open(path, options);
  }
  const source = info?.isFile ? fileSource(path) : await readStream(path, options);
  const head = readHead(source);
  if (isPacked(head)) return await openPacked(source, head, options);
  return await openSource(source, head, options);
}

async function openSource(source: ByteSource, head: Uint8Array, options: OpenTraceOptions): Promise<Trace> {
  for (const format of FORMATS) if (await format.sniff(head)) return await format.open(source, options);
  const found = head.length === 0
    ? "an empty file"
    : JSON.stringify(new TextDecoder("latin1").decode(head.subarray(0, 16)));
  const known = FORMATS.map((each) => each.name).join(", ");
  throw new TraceFormatError(source.name, 0, `${known}, or a directory of tracefs pages`, found);
}

/**
 * The file at `path` as a source, and its format; undefined where it is neither a plain file of a format that is known nor the
 * directory of `perf record --threads` (then `source` is its file of that name).
 */
export async function traceFormat(
  path: string,
): Promise<{ source: ByteSource; format: TraceFormat } | undefined> {
  const info = path === "-" ? undefined : await Deno.stat(path);
  const isDirectory = info?.isDirectory === true &&
    (await import("./perf_data/mod.ts")).isDirectoryRecording(path);
  if (!isDirectory && info?.isFile !== true) return undefined;
  const source = fileSource(isDirectory ? `${path}/data` : path);
  const head = readHead(source);
  for (const format of FORMATS) if (await format.sniff(head)) return { source, format };
  return undefined;
}

async function openPacked(source: ByteSource, head: Uint8Array, options: OpenTraceOptions): Promise<Trace> {
  const { packingOf, unpack } = await import("./unpack.ts");
  const packed = new Uint8Array(source.size);
  {
    using reader = source.open();
    reader.read(packed, 0);
  }
  const { maxUnpacked, signal } = options;
  const unpacked = await unpack(packed, packingOf(head)!, source.name, { maxUnpacked, signal });
  return await openSource(unpacked, readHead(unpacked), options);
}

/** Standard input, or what is no regular file (a pipe), in memory. */
async function readStream(path: string, options: OpenTraceOptions): Promise<ByteSource> {
  const { readWhole } = await import("./read_whole.ts");
  const { maxUnpacked: most, signal } = options;
  if (path === "-") {
    const name = "standard input";
    return memorySource(await readWhole(Deno.stdin, name, { most, signal }), name);
  }
  using file = await Deno.open(path);
  return memorySource(await readWhole(file, path, { most, signal }), path);
}

function readHead(source: ByteSource): Uint8Array {
  const head = new Uint8Array(Math.min(HEAD, source.size));
  using reader = source.open();
  return head.subarray(0, reader.read(head, 0));
}

/** gzip, zstd, or a zstd frame to be skipped: see `packingOf`, which is not loaded where it is not needed. */
function isPacked(head: Uint8Array): boolean {
  const magic = head.length < 4 ? 0 : head[0]! | (head[1]! << 8) | (head[2]! << 16) | (head[3]! << 24);
  return (magic & 0xffff) === 0x8b1f || magic === (0xfd2fb528 | 0) || (magic & ~0xf) === 0x184d2a50;
}

function startsWith(head: Uint8Array, text: string): boolean {
  return head.length >= text.length && [...text].every((char, i) => head[i] === char.charCodeAt(0));
}
