import { crc32 } from "node:zlib";
import { type Codes, type Column, type Columns, DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { EventFormat } from "../event_format.ts";
import type { Quality } from "../quality.ts";
import type { KindCode, SchedStream } from "../stream.ts";
import { gather, Trace, type TraceParts } from "../trace.ts";
import { openedHere } from "./evict.ts";
import type { Identity } from "./identity.ts";
import {
  type AnyArray,
  ARRAYS,
  type ColumnPlace,
  type EntryMeta,
  fromJson,
  STREAM_COLUMNS,
  type TablePlace,
  type Told,
} from "./layout.ts";

/**
 * The trace that the entry at `entry` holds, opened as `path`; undefined where there is none of `identity`, or it is damaged.
 * Columns are read, and held against their checksums, when they are first asked for.
 */
export function readEntry(entry: string, path: string, identity: Identity): Trace | undefined {
  try {
    const { meta, toldText, formatsText } = checkedMeta(entry, identity);
    const told = fromJson(toldText) as Told as Omit<TraceParts, "stream" | "formats" | "decode" | "quality">;
    const formats = new LateMap(() =>
      new Map((JSON.parse(formatsText) as EventFormat[]).map((format) => [format.name, format]))
    );
    const reader = new EntryReader(entry, meta);
    const trace: Trace = new Trace({
      ...told,
      ...(meta.ownPath ? { path } : {}),
      stream: () => reader.stream,
      formats,
      quality: () => reader.quality(),
      decode: (event, fields, exact): Record<string, Column> =>
        reader.decode(trace, event, fields, exact === true),
    });
    touch(entry);
    openedHere(entry);
    return trace;
  } catch {
    // No entry, or one that makes no sense: the recording itself is read.
    return undefined;
  }
}

/** Whether the entry at `entry` is one of `identity`, and its files are as they were written. */
export function isThere(entry: string, identity: Identity): boolean {
  try {
    checkedMeta(entry, identity);
    return true;
  } catch {
    return false;
  }
}

/** What `meta.json` says. Throws where it is damaged or of another recording, or the files are not those it tells of. */
function checkedMeta(
  entry: string,
  identity: Identity,
): { meta: EntryMeta; toldText: string; formatsText: string } {
  const text = Deno.readTextFileSync(`${entry}/meta.json`);
  const end = text.lastIndexOf("\n", text.length - 2) + 1;
  const body = text.slice(0, end);
  if (Number(text.slice(end)) !== crc32(body)) throw new RangeError("meta.json is damaged");
  const lines = body.split("\n");
  const meta = fromJson(lines[0]!) as EntryMeta;
  if (meta.identity !== identity.text) throw new RangeError("the entry is of another recording");
  for (const { name, size, mtime } of meta.files) {
    const found = Deno.statSync(`${entry}/${name}`);
    if (found.size !== size || (found.mtime?.getTime() ?? 0) !== mtime) {
      throw new RangeError(`${name} is damaged`);
    }
  }
  return { meta, toldText: lines[1]!, formatsText: lines[2]! };
}

/** Marks the entry as used now. Not being allowed to is no error. */
function touch(entry: string): void {
  try {
    const now = new Date();
    Deno.utimeSync(`${entry}/meta.json`, now, now);
  } catch {
    // A cache that may only be read.
  }
}

class EntryReader {
  readonly stream: SchedStream;
  readonly #entry: string;
  readonly #meta: EntryMeta;
  readonly #texts = new Map<string, Record<string, string[]>>();

  constructor(entry: string, meta: EntryMeta) {
    this.#entry = entry;
    this.#meta = meta;
    const { columns, rows, comms } = meta.stream;
    const stream = { length: rows, comms };
    for (const name of STREAM_COLUMNS) readOnce(stream, name, () => this.#column(name, columns[name]!));
    const { late } = meta;
    if (late !== null) {
      readOnce(stream, "late", () => {
        const row = this.#column("row", late.columns["row"]!) as Float64Array;
        const after = this.#column("after", late.columns["after"]!) as Float64Array;
        return Array.from(row, (value, i) => ({ row: value, after: after[i]! }));
      });
    }
    this.stream = stream as unknown as SchedStream;
  }

  quality(): Quality {
    const { lost, share, holes, coverage } = this.#meta.quality;
    return { lost, share, holes: this.#frame(holes), coverage: this.#frame(coverage) } as unknown as Quality;
  }

  decode(trace: Trace, event: string, fields: readonly string[], exact: boolean): Record<string, Column> {
    const place = this.#meta.events[event];
    if (place === undefined) throw new RangeError(`The recording has no event ${event}`);
    const out: Record<string, Column> = {};
    for (const field of fields) {
      const found = (exact ? place.exact[field] : undefined) ?? place.columns[field];
      if (found === undefined) {
        const names = trace.formats.get(event)?.fields.map(({ name }) => name) ?? [];
        throw new RangeError(
          place.refused[field] ?? `${event} has no field ${field}; it has: ${names.join(", ")}`,
        );
      }
      out[field] = "stream" in found
        ? gather(this.stream[found.stream] as Float64Array, trace.rowsOf(found.kind as KindCode))
        : this.#column(field, found);
    }
    return out;
  }

  #frame({ rows, columns }: TablePlace): Frame<Columns> {
    return new Frame<Columns>(
      Object.fromEntries(
        Object.entries(columns).map(([name, place]) => [name, () => this.#column(name, place)]),
      ),
      rows,
    );
  }

  #column(name: string, place: ColumnPlace): Column {
    if ("stream" in place) throw new TypeError(`${name} is not in a file of its own`);
    const Type = ARRAYS[place.type];
    if ("constant" in place) return (new Type(place.length) as Float64Array).fill(place.constant);
    const array = new Type(place.length) as AnyArray;
    const bytes = new Uint8Array(array.buffer as ArrayBuffer);
    try {
      this.#fill(bytes, `${this.#entry}/${place.file}`, place.at, place.crc);
      if (place.dictionary === undefined) return array;
      return new DictColumn(array as Codes, this.#list(place.dictionary, name));
    } catch (cause) {
      // It will be made again: what is in it is not to be trusted.
      try {
        Deno.removeSync(this.#entry, { recursive: true });
      } catch {
        // The next open finds it out as well.
      }
      throw new Error(
        `${this.#entry}, the cache of this trace, was damaged or replaced since it was opened; open the trace again`,
        { cause },
      );
    }
  }

  #fill(bytes: Uint8Array, path: string, at: number, crc: number): void {
    using file = Deno.openSync(path);
    file.seekSync(at, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) {
      const n = file.readSync(bytes.subarray(done));
      if (n === null) throw new RangeError(`${path} ends at byte ${at + done}`);
      done += n;
    }
    if (crc32(bytes) !== crc) throw new RangeError(`${path}: the checksum at byte ${at} is another`);
  }

  #list(file: string, name: string): string[] {
    let lists = this.#texts.get(file);
    if (lists === undefined) {
      const text = Deno.readTextFileSync(`${this.#entry}/${file}`);
      const end = text.lastIndexOf("\n", text.length - 2);
      const body = text.slice(0, end);
      if (Number(text.slice(end)) !== crc32(body)) throw new RangeError(`${file} is damaged`);
      this.#texts.set(file, lists = JSON.parse(body) as Record<string, string[]>);
    }
    return lists[name]!;
  }
}

/** Defines a property that is made when it is first read, and then is a plain one: loops may read it again and again. */
function readOnce(object: object, name: string, make: () => unknown): void {
  Object.defineProperty(object, name, {
    enumerable: true,
    configurable: true,
    get() {
      const value = make();
      Object.defineProperty(object, name, { value, enumerable: true, writable: false });
      return value;
    },
  });
}

/** A map that is made when it is first looked at. */
class LateMap<K, V> extends Map<K, V> {
  #make: (() => Map<K, V>) | undefined;

  constructor(make: () => Map<K, V>) {
    super();
    this.#make = make;
  }

  #made(): void {
    const make = this.#make;
    this.#make = undefined;
    if (make !== undefined) { for (const [key, value] of make()) super.set(key, value); }
  }

  override get size(): number {
    this.#made();
    return super.size;
  }

  override get(key: K): V | undefined {
    this.#made();
    return super.get(key);
  }

  override has(key: K): boolean {
    this.#made();
    return super.has(key);
  }

  override entries(): MapIterator<[K, V]> {
    this.#made();
    return super.entries();
  }

  override keys(): MapIterator<K> {
    this.#made();
    return super.keys();
  }

  override values(): MapIterator<V> {
    this.#made();
    return super.values();
  }

  override forEach(call: (value: V, key: K, map: Map<K, V>) => void): void {
    this.#made();
    super.forEach(call);
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
