import { crc32 } from "node:zlib";
import { type Column, type Columns, DictColumn } from "../../frame/column.ts";
import { writeArrow } from "../../frame/to_arrow.ts";
import { STREAM_EVENTS } from "../stream.ts";
import type { Trace } from "../trace.ts";
import type { Identity } from "./identity.ts";
import { isThere } from "./read_entry.ts";
import {
  type AnyArray,
  type ArrayName,
  type ColumnPlace,
  type EntryMeta,
  type EventPlace,
  type FilePlace,
  STREAM_COLUMNS,
  type TablePlace,
  toJson,
  type Told,
} from "./layout.ts";

/**
 * Writes `trace` as the entry at `entry` in `directory`, beside it first, and then in its place if the recording is `unchanged` still.
 * Returns whether it is there; a disk that is full or may not be written is no error,
 * for the trace is open already. Throws the signal's reason.
 */
export async function writeEntry(
  directory: string,
  entry: string,
  trace: Trace,
  path: string,
  identity: Identity,
  unchanged: () => boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let partial: string | undefined;
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    partial = await Deno.makeTempDir({ dir: directory, prefix: ".", suffix: ".partial" });
    const writer = new EntryWriter(partial);
    await writer.write(trace, path, identity, signal);
    if (!unchanged()) return false;
    // Another process was faster: what it wrote may be in use already.
    if (isThere(entry, identity)) return true;
    return await takePlace(partial, entry);
  } catch {
    signal?.throwIfAborted();
    return false;
  } finally {
    if (partial !== undefined) await Deno.remove(partial, { recursive: true }).catch(() => {});
  }
}

/** Puts the directory `partial` at `entry`. Where another process does the same now, one of both wins. */
async function takePlace(partial: string, entry: string): Promise<boolean> {
  const aside = `${partial}.old`;
  try {
    await Deno.rename(entry, aside).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await Deno.rename(partial, entry);
    return true;
  } finally {
    await Deno.remove(aside, { recursive: true }).catch(() => {});
  }
}

class EntryWriter {
  readonly #directory: string;
  readonly #files: FilePlace[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(
    trace: Trace,
    path: string,
    identity: Identity,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { stream, quality } = trace;
    const columns = Object.fromEntries(STREAM_COLUMNS.map((name) => [name, stream[name]]));
    const { late } = stream;
    const events: Record<string, EventPlace> = {};
    const streamPlace = this.#table("stream", columns, stream.length);
    let number = 0;
    for (const [event, count] of trace.counts) {
      // Lets a signal come through.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      if (count > 0 && trace.formats.has(event)) events[event] = this.#event(`e${number++}`, trace, event);
    }
    const table = (name: string, frame: { names: string[]; length: number; column(name: string): Column }) =>
      this.#table(
        name,
        Object.fromEntries(frame.names.map((column) => [column, frame.column(column)])),
        frame.length,
      );
    const meta: EntryMeta = {
      identity: identity.text,
      ownPath: trace.path === path,
      stream: { ...streamPlace, comms: stream.comms },
      late: late === undefined ? null : this.#table("late", {
        row: Float64Array.from(late, ({ row }) => row),
        after: Float64Array.from(late, ({ after }) => after),
      }, late.length),
      events,
      quality: {
        lost: quality.lost,
        share: quality.share,
        holes: table("holes", quality.holes as unknown as Parameters<typeof table>[1]),
        coverage: table("coverage", quality.coverage as unknown as Parameters<typeof table>[1]),
      },
      files: this.#files,
    };
    const told: Told = {
      format: trace.format,
      path: trace.path,
      epoch: trace.epoch,
      clock: trace.clock,
      host: trace.host,
      topology: trace.topology,
      counts: trace.counts,
      holes: trace.knownHoles,
      savedNames: trace.savedNames,
      span: trace.span,
      guests: trace.guests,
      guest: trace.guest,
    };
    // Three lines and a checksum: the layouts of all events are long, and parsed only where they are asked for.
    const text = `${toJson(meta)}\n${toJson(told)}\n${JSON.stringify([...trace.formats.values()])}\n`;
    Deno.writeTextFileSync(`${this.#directory}/meta.json`, `${text}${crc32(text)}\n`);
  }

  #event(file: string, trace: Trace, event: string): EventPlace {
    const { columns, refused } = decodeAll(trace, event);
    const kind = STREAM_EVENTS[event]?.kind;
    const shared: Record<string, ColumnPlace> = {};
    const safe: Columns = {};
    const exact: Columns = {};
    const rows = kind === undefined ? new Uint32Array() : trace.rowsOf(kind);
    for (const [name, column] of Object.entries(columns)) {
      const same = kind === undefined
        ? undefined
        : STREAM_COLUMNS.find((other) => isSame(column, trace.stream[other], rows));
      if (same !== undefined) shared[name] = { stream: same, kind: kind! };
      else if (
        column instanceof DictColumn && !column.dictionary.every((text) => /^[\x20-\x7e]*$/.test(text))
      ) {
        exact[name] = column;
        safe[name] = trace.eventColumns(event, [name])[name]!;
      } else safe[name] = column;
    }
    const length = trace.counts.get(event)!;
    const made = this.#table(file, safe, length);
    return {
      rows: length,
      columns: Object.fromEntries(
        Object.keys(columns).map((field) => [field, shared[field] ?? made.columns[field]!]),
      ),
      exact: Object.keys(exact).length === 0 ? {} : this.#table(`${file}.exact`, exact, length).columns,
      refused,
    };
  }

  /** Writes a table to a file of its own; columns of one value go without. */
  #table(name: string, columns: Columns, rows: number): TablePlace {
    const places: Record<string, ColumnPlace> = {};
    const stored: Columns = {};
    const arrays = new Map<string, AnyArray>();
    const texts: Record<string, readonly string[]> = {};
    for (const [field, column] of Object.entries(columns)) {
      if (column.length !== rows) {
        throw new RangeError(`${name}: ${field} has ${column.length} rows of ${rows}`);
      }
      if (column instanceof DictColumn) {
        texts[field] = column.dictionary;
        arrays.set(field, column.codes);
        // As text, if it can be: so that other programs can read the file.
        const plain = new Set(column.dictionary).size === column.dictionary.length &&
          column.dictionary.every((text) => text.isWellFormed()) &&
          (column.codes instanceof Uint32Array || column.codes instanceof Int32Array);
        stored[field] = plain ? column : column.codes;
        continue;
      }
      const constant = constantOf(column);
      if (constant !== undefined) {
        places[field] = { type: column.constructor.name as ArrayName, length: column.length, constant };
      } else {
        arrays.set(field, column);
        stored[field] = column;
      }
    }
    if (arrays.size > 0) this.#arrow(`${name}.arrow`, stored, rows, arrays, places);
    const lists = Object.entries(texts);
    if (lists.length > 0) {
      const file = `${name}.texts.json`;
      const text = JSON.stringify(texts);
      this.#file(file, (write) => write(new TextEncoder().encode(`${text}\n${crc32(text)}\n`)));
      for (const [field] of lists) {
        places[field] = { ...places[field], dictionary: file } as ColumnPlace;
      }
    }
    // In the order of the table.
    return {
      rows,
      columns: Object.fromEntries(Object.keys(columns).map((field) => [field, places[field]!])),
    };
  }

  /** Writes an Arrow file in one batch, so that each column lies in one piece, and notes where. */
  #arrow(
    file: string,
    columns: Columns,
    rows: number,
    arrays: ReadonlyMap<string, AnyArray>,
    places: Record<string, ColumnPlace>,
  ): void {
    const wanted = new Map<string, string[]>();
    const key = ({ byteOffset, byteLength }: Uint8Array | AnyArray) => `${byteOffset} ${byteLength}`;
    for (const [field, array] of arrays) {
      wanted.set(key(array), [...wanted.get(key(array)) ?? [], field]);
      if (rows === 0) places[field] = placeOf(file, 0, array);
    }
    this.#file(file, (write) => {
      let at = 0;
      writeArrow(columns, rows, (bytes) => {
        for (const field of wanted.get(key(bytes)) ?? []) {
          const array = arrays.get(field)!;
          if (array.buffer === bytes.buffer) places[field] ??= placeOf(file, at, array);
        }
        write(bytes);
        at += bytes.byteLength;
      }, { format: "file" });
    });
    for (const field of arrays.keys()) {
      if (places[field] === undefined) {
        throw new Error(`${file}: ${field} was not written as it is in memory`);
      }
    }
  }

  #file(name: string, make: (write: (bytes: Uint8Array) => void) => void): void {
    const path = `${this.#directory}/${name}`;
    {
      using file = Deno.openSync(path, { write: true, createNew: true });
      make((shared) => {
        const bytes = unshared(shared);
        for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      });
    }
    const { size, mtime } = Deno.statSync(path);
    this.#files.push({ name, size, mtime: mtime?.getTime() ?? 0 });
  }
}

/** The bytes, copied where they are shared between threads: files and checksums do not take those. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes as Uint8Array<ArrayBuffer>;
}

function placeOf(file: string, at: number, array: AnyArray): ColumnPlace {
  const { buffer, byteOffset, byteLength, length } = array;
  const crc = crc32(unshared(new Uint8Array(buffer, byteOffset, byteLength)));
  return { file, at, length, type: array.constructor.name as ArrayName, crc };
}

/** Every field of `event` with its exact text, and those that cannot be had. */
function decodeAll(
  trace: Trace,
  event: string,
): { columns: Record<string, Column>; refused: Record<string, string> } {
  const own = trace.formats.get(event)!.fields.map(({ name }) => name);
  const fields = [...new Set(["ts", "cpu", "common_pid", "common_flags", ...own])];
  try {
    return { columns: trace.eventColumns(event, fields, true), refused: {} };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const columns: Record<string, Column> = {};
  const refused: Record<string, string> = {};
  for (const field of fields) {
    try {
      columns[field] = trace.eventColumns(event, [field], true)[field]!;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused[field] = error.message;
    }
  }
  return { columns, refused };
}

/** Whether `column` is what `source` has at `rows`. */
function isSame(column: Column, source: AnyArray, rows: Uint32Array): boolean {
  if (column instanceof DictColumn || column.constructor !== source.constructor) return false;
  if (column.length !== rows.length) return false;
  const [values, others] = [column as Float64Array, source as Float64Array];
  for (let i = 0; i < values.length; i++) if (!Object.is(values[i], others[rows[i]!])) return false;
  return true;
}

/** The value that all rows have; undefined where there are none, several, or it is not finite. */
function constantOf(column: Exclude<Column, DictColumn>): number | undefined {
  const first = column[0];
  if (typeof first !== "number" || !Number.isFinite(first) || Object.is(first, -0)) return undefined;
  for (let i = 1; i < column.length; i++) if (column[i] !== first) return undefined;
  return first;
}
