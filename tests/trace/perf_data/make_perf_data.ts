import { join, type Size } from "../../seeded.ts";

/**
 * What a little-endian perf.data file is made of: a second reading of the format (perf.data-file-format.txt), kept apart
 * from the library's.
 */
export interface PerfDataPieces {
  /** Each event's `perf_event_attr` and its ids. */
  readonly attrs: readonly { readonly attr: Uint8Array; readonly ids: readonly bigint[] }[];
  /** All records, one after another. */
  readonly records: Uint8Array;
  /** Contents of the feature sections, by their bit. */
  readonly features: ReadonlyMap<number, Uint8Array>;
}

/** One record of {@linkcode PerfDataPieces.records}. */
export interface PerfRecord {
  readonly type: number;
  /** Its byte. */
  readonly from: number;
  /** The byte after it and what belongs to it. */
  readonly to: number;
}

/** PERF_RECORD_* that tests make or look for. */
export const RECORD = {
  sample: 9,
  tracingData: 66,
  finishedRound: 68,
  idIndex: 69,
  compressed: 81,
  compressed2: 83,
};

/** Takes a file (not that of a pipe) apart. */
export function takeApart(file: Uint8Array): PerfDataPieces {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const [stride, attrsAt, attrsSize, dataAt, dataSize] = [16, 24, 32, 40, 48].map(u64) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const attrs = Array.from({ length: attrsSize / stride }, (_, i) => {
    const at = attrsAt + i * stride;
    const [from, size] = [u64(at + stride - 16), u64(at + stride - 8)];
    return {
      attr: file.slice(at, at + stride - 16),
      ids: Array.from({ length: size / 8 }, (_, id) => view.getBigUint64(from + id * 8, true)),
    };
  });
  const features = new Map<number, Uint8Array>();
  let at = dataAt + dataSize;
  for (let bit = 0; bit < 256; bit++) {
    if (((file[72 + (bit >> 3)]! >> (bit & 7)) & 1) === 0) continue;
    features.set(bit, file.slice(u64(at), u64(at) + u64(at + 8)));
    at += 16;
  }
  return { attrs, records: file.slice(dataAt, dataAt + dataSize), features };
}

/** Puts a file together. */
export function makePerfData({ attrs, records, features }: PerfDataPieces): Uint8Array<ArrayBuffer> {
  const stride = (attrs[0]?.attr.length ?? 128) + 16;
  const idsSize = attrs.reduce((sum, { ids }) => sum + ids.length * 8, 0);
  const attrsAt = 104 + idsSize;
  const dataAt = attrsAt + stride * attrs.length;
  const bits = [...features.keys()].sort((x, y) => x - y);
  let idsAt = 104;
  const attrParts = attrs.flatMap(({ attr, ids }) => {
    const section = [u64s(idsAt, ids.length * 8)];
    idsAt += ids.length * 8;
    return [attr, ...section];
  });
  let sectionAt = dataAt + records.length + bits.length * 16;
  const table = bits.map((bit) => {
    const { length } = features.get(bit)!;
    sectionAt += length;
    return u64s(sectionAt - length, length);
  });
  const bitmap = new Uint8Array(32);
  for (const bit of bits) bitmap[bit >> 3]! |= 1 << (bit & 7);
  return join([
    new TextEncoder().encode("PERFILE2"),
    u64s(104, stride, attrsAt, stride * attrs.length, dataAt, records.length, 0, 0),
    bitmap,
    ...attrs.map(({ ids }) => u64s(...ids)),
    ...attrParts,
    records,
    ...table,
    ...bits.map((bit) => features.get(bit)!),
  ]);
}

/** The records in `bytes` from byte `at` on. */
export function recordsIn(bytes: Uint8Array, at = 0, littleEndian = true): PerfRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: PerfRecord[] = [];
  while (at + 8 <= bytes.length) {
    const type = view.getUint32(at, littleEndian);
    const size = Math.max(8, view.getUint16(at + 6, littleEndian));
    const more = type === RECORD.tracingData && at + 12 <= bytes.length
      ? Math.ceil(view.getUint32(at + 8, littleEndian) / 8) * 8
      : 0;
    found.push({ type, from: at, to: Math.min(bytes.length, at + size + more) });
    at += size + more;
  }
  return found;
}

/** One record with `content`, to which zeros are added up to a multiple of 8 bytes unless it is compressed. */
export function makeRecord(type: number, content: Uint8Array, misc = 0): Uint8Array<ArrayBuffer> {
  const odd = type === RECORD.compressed;
  const size = 8 + (odd ? content.length : Math.ceil(content.length / 8) * 8);
  const record = new Uint8Array(size);
  const view = new DataView(record.buffer);
  view.setUint32(0, type, true);
  view.setUint16(4, misc, true);
  view.setUint16(6, size, true);
  record.set(content, 8);
  return record;
}

/** The stream `packed` as compressed records with at most `size` bytes of it each. */
export function compressedRecords(packed: Uint8Array, type: 81 | 83, size = 60_000): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += size) {
    const piece = packed.subarray(at, at + size);
    pieces.push(makeRecord(type, type === 81 ? piece : join([u64s(piece.length), piece])));
  }
  return join(pieces);
}

/** Integers of 8 bytes each, the lowest byte first. */
export function u64s(...values: (number | bigint)[]): Uint8Array<ArrayBuffer> {
  return integers(8, values);
}

/** Integers of 4 bytes each, the lowest byte first. */
export function u32s(...values: number[]): Uint8Array<ArrayBuffer> {
  return integers(4, values);
}

function integers(size: Size, values: readonly (number | bigint)[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (size === 8) view.setBigUint64(i * 8, BigInt(value), true);
    else view.setUint32(i * 4, Number(value), true);
  });
  return bytes;
}
