import { type ByteSource, readExactly } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";

/** `PERFILE2` as the first eight bytes of a file in this machine's byte order. */
export const MAGIC = "PERFILE2";

/** A part of the file. */
export interface Section {
  /** Byte of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** What perf knew of one event: `struct perf_event_attr` and the ids of its counters. */
export interface PerfAttr {
  /** PERF_TYPE_*: 2 is a tracepoint. */
  readonly type: number;
  /** For a tracepoint its id. */
  readonly config: bigint;
  /** PERF_SAMPLE_* bits: which fields a sample has. */
  readonly sampleType: number;
  /** PERF_FORMAT_* bits. */
  readonly readFormat: number;
  /** Whether records other than samples end with the sample's identity. */
  readonly sampleIdAll: boolean;
  /** Clock of the stamps, where the event chose one. */
  readonly clockid: number | undefined;
  /** Ids that records carry. */
  readonly ids: readonly bigint[];
  /** Whether its samples are of another machine than the one that is read; see `partByMachine`. */
  readonly foreign?: boolean;
  /** CPU of the guest that its samples are of; -1 or absent where they tell it themselves. */
  readonly vcpu?: number;
}

/** The head of a perf.data file. */
export interface PerfHeader {
  /** Byte order of everything in the file. */
  readonly littleEndian: boolean;
  readonly attrs: readonly PerfAttr[];
  /** The records. Reaches to the end of the file where the recorder died before it could write the size. */
  readonly data: Section;
  /** Whether the recorder died: no size in the header, and no feature sections. */
  readonly unfinished: boolean;
  /** Feature sections by bit number (HEADER_*). */
  readonly features: ReadonlyMap<number, Section>;
}

/** Most events and ids of events that are believed. */
export const MAX_ATTRS = 4096;
const MAX_IDS = 1 << 20;

const ATTR_SAMPLE_ID_ALL = 1n << 18n;
const ATTR_USE_CLOCKID = 1n << 25n;

/** Whether the file that begins with `head` has this machine's byte order. Throws where it is no perf.data. */
export function isLittleEndian(source: ByteSource, head: Uint8Array): boolean {
  const magic = String.fromCharCode(...head.subarray(0, 8));
  if (magic === MAGIC) return true;
  if (magic === [...MAGIC].reverse().join("")) return false;
  throw new TraceFormatError(source.name, 0, MAGIC, JSON.stringify(magic));
}

/** Reads the head of a perf.data file: layout in perf's documentation, perf.data-file-format.txt. */
export function readHeader(source: ByteSource): PerfHeader {
  if (source.size < 104) {
    throw new TraceFormatError(
      source.name,
      source.size,
      "the 104-byte header of perf.data",
      "the end of the file",
    );
  }
  const bytes = readExactly(source, 0, 104, "the header of perf.data");
  const view = new DataView(bytes.buffer);
  const little = isLittleEndian(source, bytes);
  const headerSize = readSize(view, 8, little);
  if (headerSize !== 104) {
    throw new TraceFormatError(
      source.name,
      8,
      "header size 104, or 16 for a recording to a pipe",
      `${headerSize}`,
    );
  }
  const attrStride = readSize(view, 16, little);
  const attrs = sectionAt(view, 24, little);
  const data = sectionAt(view, 40, little);
  const unfinished = data.size === 0;
  const records = unfinished ? { offset: data.offset, size: source.size - data.offset } : {
    offset: data.offset,
    size: Math.min(data.size, source.size - data.offset),
  };
  if (records.size < 0) {
    throw new TraceFormatError(
      source.name,
      40,
      `data within ${source.size} bytes`,
      `data at byte ${data.offset}`,
    );
  }
  return {
    littleEndian: little,
    attrs: readAttrs(source, attrs, attrStride, little),
    data: records,
    unfinished,
    features: unfinished ? new Map() : readFeatureTable(source, view, data.offset + data.size, little),
  };
}

function readAttrs(source: ByteSource, section: Section, stride: number, little: boolean): PerfAttr[] {
  if (stride < 80 || section.size % stride !== 0 || section.size / stride > MAX_ATTRS || section.size === 0) {
    throw new TraceFormatError(
      source.name,
      24,
      `1 to ${MAX_ATTRS} attributes of at least 80 bytes`,
      `${section.size} bytes in steps of ${stride}`,
    );
  }
  const bytes = readExactly(source, section.offset, section.size, "the event attributes");
  const view = new DataView(bytes.buffer);
  const attrs: PerfAttr[] = [];
  for (let at = 0; at < section.size; at += stride) {
    const ids = sectionAt(view, at + stride - 16, little);
    if (ids.size > MAX_IDS * 8) {
      throw new TraceFormatError(
        source.name,
        section.offset + at + stride - 8,
        `at most ${MAX_IDS} ids`,
        `${ids.size / 8}`,
      );
    }
    const idBytes = readExactly(source, ids.offset, ids.size & ~7, "the ids of an event");
    attrs.push(parseAttr(view, at, parseIds(idBytes, little), little));
  }
  return attrs;
}

/** The ids in `bytes`, u64 each. */
export function parseIds(bytes: Uint8Array, little: boolean): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => view.getBigUint64(i * 8, little));
}

/** Parses `struct perf_event_attr` at byte `at`, of which there are at least 64 bytes. */
export function parseAttr(view: DataView, at: number, ids: readonly bigint[], little: boolean): PerfAttr {
  const size = view.getUint32(at + 4, little);
  const flags = readFlags(view, at + 40, little);
  return {
    type: view.getUint32(at, little),
    config: view.getBigUint64(at + 8, little),
    sampleType: Number(view.getBigUint64(at + 24, little) & 0xffffffffn),
    readFormat: Number(view.getBigUint64(at + 32, little) & 0xffn),
    sampleIdAll: (flags & ATTR_SAMPLE_ID_ALL) !== 0n,
    clockid: (flags & ATTR_USE_CLOCKID) !== 0n && size >= 96 && at + 96 <= view.byteLength
      ? view.getInt32(at + 92, little)
      : undefined,
    ids,
  };
}

/** The attribute's bit field: a big-endian compiler puts the first bit of each byte where a little-endian one has the last. */
function readFlags(view: DataView, at: number, little: boolean): bigint {
  let flags = 0n;
  for (let i = 0; i < 8; i++) {
    const byte = view.getUint8(at + i);
    for (let bit = 0; bit < 8; bit++) {
      if ((byte >> (little ? bit : 7 - bit)) & 1) flags |= 1n << BigInt(i * 8 + bit);
    }
  }
  return flags;
}

function readFeatureTable(
  source: ByteSource,
  view: DataView,
  at: number,
  little: boolean,
): Map<number, Section> {
  const bits: number[] = [];
  for (let bit = 0; bit < 256; bit++) {
    // The map is an array of u64: the other byte order has each eight bytes the other way round.
    const byte = little ? bit >> 3 : (bit >> 3) ^ 7;
    if ((view.getUint8(72 + byte) >> (bit & 7)) & 1) bits.push(bit);
  }
  const features = new Map<number, Section>();
  if (at + bits.length * 16 > source.size) return features;
  const table = new DataView(readExactly(source, at, bits.length * 16, "the feature table").buffer);
  bits.forEach((bit, i) => {
    const section = sectionAt(table, i * 16, little);
    if (section.offset + section.size <= source.size) features.set(bit, section);
  });
  return features;
}

function sectionAt(view: DataView, at: number, little: boolean): Section {
  return { offset: readSize(view, at, little), size: readSize(view, at + 8, little) };
}

/** A u64 as a number; one beyond 2^53 becomes Infinity, so that every bound refuses it. */
function readSize(view: DataView, at: number, little: boolean): number {
  const value = view.getBigUint64(at, little);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
}
