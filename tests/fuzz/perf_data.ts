import { type Random, splice } from "../seeded.ts";
import { recordsIn } from "../trace/perf_data/make_perf_data.ts";
import { damageFormatText } from "./format_text.ts";
import { Structure } from "./structure.ts";

/** What the bytes of a perf.data mean: a file or what came out of a pipe, of either byte order. */
export function perfDataStructure(bytes: Uint8Array): Structure {
  const little = bytes[0] === 0x50;
  const found = new Structure(little);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number) => Number(view.getBigUint64(at, little));
  found.place("header", 8, 8);
  if (u64(8) === 16) {
    found.part("header", 0, 16);
    records(bytes, 16, found);
    return found;
  }
  found.place("header", 8, 16, 24, 32, 40, 48);
  found.place("feature bits", 1, ...Array.from({ length: 32 }, (_, i) => 72 + i));
  const [stride, attrs, attrsSize, data, dataSize] = [16, 24, 32, 40, 48].map(u64) as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (let at = attrs; at < attrs + attrsSize; at += stride) {
    attribute(found, at);
    found.place("section of ids", 8, at + stride - 16, at + stride - 8);
    const ids = u64(at + stride - 16);
    for (let id = ids; id < ids + u64(at + stride - 8); id += 8) found.place("id", 8, id);
    found.part("attribute", at, at + stride);
  }
  let table = data + dataSize;
  for (let bit = 0; bit < 256; bit++) {
    const byte = little ? bit >> 3 : (bit >> 3) ^ 7;
    if (((bytes[72 + byte]! >> (bit & 7)) & 1) === 0) continue;
    found.place("feature table", 8, table, table + 8);
    feature(bytes, found, bit, u64(table), u64(table + 8));
    table += 16;
  }
  records(bytes.subarray(0, data + dataSize), data, found);
  return found;
}

function attribute(found: Structure, at: number): void {
  found.place("type and size of an attribute", 4, at, at + 4);
  found.place("what an attribute records", 8, at + 8, at + 16, at + 24, at + 32, at + 40);
  found.place("end of an attribute", 4, at + 48, at + 52, at + 80, at + 88, at + 92);
}

function feature(bytes: Uint8Array, found: Structure, bit: number, at: number, size: number): void {
  if (bit === 1) {
    try {
      return tracingData(bytes, at, found);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // damaged already: what was found is enough
    }
  }
  for (let word = at; word + 4 <= Math.min(at + size, at + 96); word += 4) {
    found.place(`feature ${bit}`, 4, word);
  }
}

/** Sizes and counts of TRACING_DATA at `at`. */
function tracingData(bytes: Uint8Array, at: number, found: Structure): void {
  const start = at;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[bytes.indexOf(0, at + 10) + 1] === 0;
  const skipString = () => {
    at = bytes.indexOf(0, at) + 1;
    if (at === 0) throw new RangeError("No string: it is not what was recorded");
  };
  at += 10;
  skipString();
  found.place("byte order of the formats", 1, at, at + 1);
  found.place("page size of the formats", 4, at + 2);
  at += 6;
  const text = (what: string) => {
    found.place(`size of ${what}`, 8, at);
    const from = at;
    at += 8 + Number(view.getBigUint64(at, little));
    found.part(what, from, at);
  };
  const count = () => {
    found.place("number of formats", 4, at);
    at += 4;
    return view.getUint32(at - 4, little);
  };
  skipString();
  text("a header");
  skipString();
  text("a header");
  for (let n = count(); n > 0; n--) text("a format");
  for (let systems = count(); systems > 0; systems--) {
    skipString();
    for (let n = count(); n > 0; n--) text("a format");
  }
  found.part("formats", start, at);
}

/** The same file with some format texts damaged, of the same length. */
export function damageFormatsInPlace(bytes: Uint8Array, structure: Structure, random: Random): Uint8Array {
  const texts = structure.parts.get("a format") ?? [];
  let damaged = bytes;
  for (let i = 1 + random(4); i > 0 && texts.length > 0; i--) {
    const { from, to } = texts[random(texts.length)]!;
    const text = damageFormatText(bytes.slice(from + 8, to), random);
    const fitted = new Uint8Array(to - from - 8).fill(0x0a);
    fitted.set(text.subarray(0, fitted.length));
    damaged = splice(damaged, from + 8, to, fitted);
  }
  return damaged;
}

const HEADER_ATTR = 64;
const TRACING_DATA = 66;
const SAMPLE = 9;

function records(bytes: Uint8Array, at: number, found: Structure): void {
  const little = found.littleEndian;
  for (const { type, from, to } of recordsIn(bytes, at, little)) {
    const kind = type === SAMPLE ? "sample" : `record ${type}`;
    found.part(type === SAMPLE ? "sample" : "record", from, to);
    found.place(type === SAMPLE ? "type of a sample" : "type of a record", 4, from);
    found.place("misc", 2, from + 4);
    found.place(type === SAMPLE ? "size of a sample" : "size of a record", 2, from + 6);
    if (type === HEADER_ATTR) attribute(found, from + 8);
    if (type === TRACING_DATA) {
      found.place("size of TRACING_DATA", 4, from + 8);
      tracingData(bytes, from + 16, found);
      continue;
    }
    if (type === 81 || type === 83) {
      // The heads of the frames and blocks that are likely to begin here.
      for (let i = 8; i < 40 && from + i < to; i++) found.place("compressed data", 1, from + i);
      found.place("compressed size", 8, from + 8);
      continue;
    }
    for (let word = from + 8; word + 8 <= Math.min(to, from + 80); word += 8) {
      found.place(kind, 8, word);
      found.place(kind, 4, word, word + 4);
    }
    if (to - from >= 40) found.place(`end of ${kind}`, 8, to - 8, to - 16, to - 24, to - 32);
    if (type === SAMPLE) {
      found.place("stamp", 8, from + 32);
      for (let word = from + 56; word + 4 <= to; word += 4) found.place("raw data", 4, word);
    }
  }
}
