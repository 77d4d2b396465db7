import { zstdCompressSync } from "node:zlib";
import { join, pick, type Random, splice, spoil } from "../seeded.ts";
import {
  compressedRecords,
  makePerfData,
  type PerfDataPieces,
  recordsIn,
  takeApart,
} from "../trace/perf_data/make_perf_data.ts";
import { makeTraceDat } from "../trace/trace_dat/make_trace_dat.ts";
import { damageFormatText, damageNameList } from "./format_text.ts";
import { smallPieces } from "./ingredients.ts";
import { damageJson } from "./json.ts";
import { damageLines } from "./lines.ts";
import { damagePacked, type Wrap, wrap, zstdPlaces } from "./packed.ts";
import { damagePages } from "./pages.ts";
import { damageProtobuf, protobufFields } from "./perfetto.ts";
import { damageFormatsInPlace, perfDataStructure } from "./perf_data.ts";
import { damageStructure, Structure } from "./structure.ts";
import { damagePieces, traceDatStructure } from "./trace_dat.ts";

/** Files by their path in a directory; one called "" is a file and no directory. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Something to damage. */
export interface Subject {
  /** What its cases are counted by. */
  readonly format: string;
  readonly name: string;
  /** As it was recorded. */
  readonly whole: Files;
  /** Which modification time a file is to have. Default: that of when it is written. */
  readonly stamp?: (path: string) => Date;
  /** A damaged one, which follows from `random` alone. */
  readonly damage: (random: Random) => Files;
}

const single = (bytes: Uint8Array): Files => new Map([["", bytes]]);

/** Everything that can be damaged: made of what `makeIngredients` left in `directory`. */
export function loadSubjects(directory: string): Subject[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  const ending = (end: string) => names.filter((name) => name.endsWith(end));
  const subjects: Subject[] = [];
  for (const name of ending(".perf")) {
    const path = `${directory}/${name}`;
    const isDirectory = Deno.statSync(path).isDirectory;
    subjects.push(
      isDirectory ? perfDirectory(name, readFiles(path)) : perfData(name, Deno.readFileSync(path)),
    );
  }
  for (const name of ending(".perfetto")) {
    const bytes = Deno.readFileSync(`${directory}/${name}`);
    const fields = protobufFields(bytes);
    const damage = (random: Random) => single(damageProtobuf(bytes, fields, random));
    subjects.push({ format: "perfetto", name, whole: single(bytes), damage });
  }
  if (names.includes("cache")) subjects.push(cache(`${directory}/cache`));
  subjects.push(
    ...traceDats(`${directory}/capture.tracefs`),
    tracefs(readFiles(`${directory}/capture.tracefs`)),
  );
  for (const name of ending(".txt")) {
    const text = Deno.readFileSync(`${directory}/${name}`);
    subjects.push({
      format: "text",
      name,
      whole: single(text),
      damage: (random) => single(damageLines(text, random)),
    });
  }
  return [...subjects, ...packed(subjects)];
}

function readFiles(directory: string, prefix = ""): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (
    const { name, isDirectory } of [...Deno.readDirSync(directory)].sort((x, y) => x.name < y.name ? -1 : 1)
  ) {
    if (!isDirectory) files.set(`${prefix}${name}`, Deno.readFileSync(`${directory}/${name}`));
    else {for (const [path, bytes] of readFiles(`${directory}/${name}`, `${prefix}${name}/`)) {
        files.set(path, bytes);
      }}
  }
  return files;
}

function perfData(name: string, bytes: Uint8Array): Subject {
  const structure = perfDataStructure(bytes);
  const view = new DataView(bytes.buffer);
  const canBeRebuilt = structure.littleEndian && view.getUint32(8, true) === 104;
  const pieces = canBeRebuilt ? takeApart(bytes) : undefined;
  const damage = (random: Random): Uint8Array => {
    const kind = random(10);
    if (pieces !== undefined && kind < 3) {
      const rebuilt = makePerfData(kind === 0 ? packedRecords(pieces, random) : otherFormats(pieces, random));
      // What was rebuilt has its places elsewhere.
      return random(3) === 0 ? damageStructure(rebuilt, perfDataStructure(rebuilt), random) : rebuilt;
    }
    if (kind === 3) return damageFormatsInPlace(bytes, structure, random);
    return damageStructure(bytes, structure, random);
  };
  return { format: "perf.data", name, whole: single(bytes), damage: (random) => single(damage(random)) };
}

const TRACING_DATA = 1;
const COMPRESSED = 27;

/** The same records compressed, after or before damage. */
function packedRecords(pieces: PerfDataPieces, random: Random): PerfDataPieces {
  const { records, features } = pieces;
  const found = new Structure(true);
  for (const { from, to } of recordsIn(records)) {
    found.part("record", from, to);
    found.place("type", 4, from);
    found.place("size", 2, from + 6);
    found.place("content", 8, from + 8);
    for (let at = from + 16; at + 4 <= Math.min(to, from + 80); at += 4) found.place("content", 4, at);
  }
  const inner = random(2) === 0 ? records : damageStructure(records, found, random);
  let stream: Uint8Array = zstdCompressSync(inner);
  if (random(2) === 0) {
    const frame = new Structure(true);
    for (const { at, size } of zstdPlaces(stream, 0, stream.length)) frame.place("zstd", size, at);
    stream = damageStructure(stream, frame, random);
  }
  const packed = compressedRecords(
    stream,
    pick(random, [81, 83] as const),
    Math.max(pick(random, [1, 3, 100, 5000, 60_000]), stream.length / 500 | 0),
  );
  const mixed = random(4) === 0 ? join([packed, records.subarray(0, random(5000) * 8)]) : packed;
  const announced = new Map(features).set(COMPRESSED, new Uint8Array(20));
  return { ...pieces, records: mixed, features: random(10) === 0 ? features : announced };
}

/** The same with other format texts. */
function otherFormats(pieces: PerfDataPieces, random: Random): PerfDataPieces {
  const tracing = pieces.features.get(TRACING_DATA);
  if (tracing === undefined) return pieces;
  let damaged = tracing;
  const known = /name: (sched_switch|sched_waking|sched_process_exit|irq_handler_entry|signal_generate)\n/;
  for (let i = 1 + random(2); i > 0; i--) {
    const view = new DataView(damaged.buffer, damaged.byteOffset, damaged.length);
    const texts: number[] = [];
    // Where a format's text begins; its size is the u64 before it.
    for (let at = 8; (at = damaged.indexOf(0x6e, at)) >= 0; at++) {
      const head = new TextDecoder("latin1").decode(damaged.subarray(at, at + 60));
      if (known.test(head) && head.startsWith("name: ")) texts.push(at);
    }
    if (texts.length === 0) return pieces;
    const at = pick(random, texts);
    const size = Number(view.getBigUint64(at - 8, true));
    if (!(size <= damaged.length - at)) break;
    const text = damageFormatText(damaged.slice(at, at + size), random);
    damaged = splice(damaged, at, at + size, text);
    new DataView(damaged.buffer).setBigUint64(at - 8, BigInt(text.length), true);
  }
  return { ...pieces, features: new Map(pieces.features).set(TRACING_DATA, damaged) };
}

/** A directory: `data` is a perf.data, and `data.0` and so on are records only. */
function perfDirectory(name: string, whole: Files): Subject {
  const head = perfData(name, whole.get("data")!);
  const parts = new Map(
    [...whole].filter(([path]) => path !== "data").map(([path, bytes]) => {
      const structure = new Structure(true);
      for (const { from, to } of recordsIn(bytes)) {
        structure.part("record", from, to);
        structure.place("type", 4, from);
        structure.place("size", 2, from + 6);
        for (let at = from + 8; at + 4 <= Math.min(to, from + 60); at += 4) structure.place("content", 4, at);
      }
      return [path, structure];
    }),
  );
  return {
    format: "perf.data directory",
    name,
    whole,
    damage: (random) => {
      const files = new Map(whole);
      const path = pick(random, [...whole.keys()]);
      const bytes = whole.get(path)!;
      if (path === "data") files.set(path, head.damage(random).get("")!);
      else files.set(path, damageStructure(bytes, parts.get(path)!, random));
      if (random(20) === 0) files.delete(pick(random, [...whole.keys()]));
      if (random(20) === 0) files.set("data.4294967296", bytes);
      return files;
    },
  };
}

function traceDats(capture: string): Subject[] {
  const pieces = smallPieces(capture);
  const second = {
    name: "b",
    clock: "mono",
    cpus: pieces.buffers[0]!.cpus.map((bytes) => bytes.subarray(0, 4096)),
  };
  const both = { ...pieces, buffers: [...pieces.buffers, second] };
  return ([[6, "none"], [7, "none"], [7, "zlib"], [7, "zstd"]] as const).map(([version, packing]) => {
    const bytes = makeTraceDat({ ...both, version, packing });
    const structure = traceDatStructure(bytes);
    return {
      format: "trace.dat",
      name: `version ${version}, ${packing}`,
      whole: single(bytes),
      damage: (random) => {
        if (random(5) < 3) return single(damageStructure(bytes, structure, random));
        const made = makeTraceDat({ ...damagePieces({ ...both, version, packing }, random) });
        return single(random(4) === 0 ? spoil(made, random) : made);
      },
    };
  });
}

function tracefs(whole: Files): Subject {
  // Formats and pages are many, the rest is one of each.
  const kinds = [/\.raw$/, /\.raw$/, /\.raw$/, /\.format$/, /meta\.json$/, /header_page$/, /saved_/, /./];
  return {
    format: "tracefs",
    name: "capture",
    whole,
    damage: (random) => {
      const files = new Map(whole);
      for (let i = pick(random, [1, 1, 1, 2, 4]); i > 0; i--) {
        const kind = pick(random, kinds);
        const path = pick(random, [...files.keys()].filter((name) => kind.test(name)));
        if (path === undefined) continue;
        if (random(40) === 0) files.delete(path);
        else files.set(path, damageFile(path, files.get(path)!, random));
      }
      return files;
    },
  };
}

/** The cache of `plain.perf`: its files are damaged and have the stamps that they had. */
function cache(directory: string): Subject {
  const whole = readFiles(directory);
  const stamp = (path: string) => Deno.statSync(`${directory}/${path}`).mtime!;
  return {
    format: "cache",
    name: "of plain.perf",
    whole,
    stamp,
    damage: (random) => {
      const files = new Map(whole);
      const path = pick(random, [...whole.keys()]);
      const bytes = whole.get(path)!;
      // What has another size is found out at once.
      const damaged = path.endsWith(".json") && random(2) === 0
        ? damageJson(bytes, random)
        : spoil(bytes, random);
      const fitted = bytes.slice();
      fitted.set(damaged.subarray(0, fitted.length));
      files.set(path, random(4) === 0 ? damaged : fitted);
      return files;
    },
  };
}

function damageFile(path: string, bytes: Uint8Array, random: Random): Uint8Array {
  if (random(20) === 0) return spoil(bytes, random);
  if (path.endsWith(".raw")) return damagePages(bytes.subarray(0, 4096 * 6), random);
  if (path.endsWith(".format") || path === "header_page") return damageFormatText(bytes, random);
  if (path.endsWith(".json")) return damageJson(bytes, random);
  return path.startsWith("saved_") ? damageNameList(bytes, random) : spoil(bytes, random);
}

/** What is a file, packed: the packing is damaged, or what is in it. */
function packed(subjects: readonly Subject[]): Subject[] {
  const inside = subjects.filter(({ whole }) => whole.has("")).filter((_, i) => i % 3 === 0);
  return (["gzip", "zstd"] as const).map((how: Wrap) => ({
    format: how,
    name: "of any file",
    whole: single(wrap(inside[0]!.whole.get("")!, how, () => 1)),
    damage: (random) => {
      const subject = pick(random, inside);
      const damaged = random(3) === 0;
      const bytes = (damaged ? subject.damage(random) : subject.whole).get("")!;
      const wrapped = wrap(bytes, how, random);
      return single(damaged ? wrapped : damagePacked(wrapped, how, random));
    },
  }));
}
