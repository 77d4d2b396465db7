import { type ByteSource, readExactly } from "../byte_source.ts";
import { TraceFormatError } from "../errors.ts";
import { Feature } from "./features.ts";
import {
  isLittleEndian,
  MAX_ATTRS,
  parseAttr,
  parseIds,
  type PerfAttr,
  type PerfHeader,
  type Section,
} from "./header.ts";
import { RecordType } from "./walk.ts";

const HEAD = 16;
/** Bytes of a sane `struct perf_event_attr`: 64 in the first kernel that had it, 136 today. */
const LEAST_ATTR = 64;

/** Whether `source` is a recording to a pipe: its header is 16 bytes, and the rest is told by records. */
export function isPipe(source: ByteSource): boolean {
  if (source.size < HEAD) return false;
  const head = readExactly(source, 0, HEAD, "the header of perf.data");
  return new DataView(head.buffer).getBigUint64(8, isLittleEndian(source, head)) === BigInt(HEAD);
}

/**
 * Reads the attributes, the features and the place of the event formats from the records that come before the first
 * sample. The sections of the result are those records' contents.
 */
export function readPipeHeader(source: ByteSource): PerfHeader {
  const head = readExactly(source, 0, HEAD, "the header of perf.data");
  const littleEndian = isLittleEndian(source, head);
  const attrs: PerfAttr[] = [];
  const features = new Map<number, Section>();
  using reader = source.open();
  const bytes = new Uint8Array(1 << 16);
  const view = new DataView(bytes.buffer);
  for (let at = HEAD; at + 8 <= source.size;) {
    if (reader.read(bytes.subarray(0, 8), at) < 8) break;
    const type = view.getUint32(0, littleEndian);
    const size = view.getUint16(6, littleEndian);
    if (size < 8 || at + size > source.size) break; // damage: the pass over the records tells of it
    if (isOfRecording(type) && attrs.length > 0) break;
    let next = at + size;
    if (
      type === RecordType.HeaderAttr || type === RecordType.TracingData || type === RecordType.HeaderFeature
    ) {
      reader.read(bytes.subarray(8, size), at + 8);
      if (type === RecordType.HeaderAttr) {
        if (attrs.length === MAX_ATTRS) {
          throw new TraceFormatError(source.name, at, `at most ${MAX_ATTRS} attributes`, "one more");
        }
        attrs.push(readAttrRecord(source, at, bytes.subarray(0, size), littleEndian));
      } else if (type === RecordType.TracingData && size >= 12) {
        const length = view.getUint32(8, littleEndian);
        features.set(Feature.TracingData, { offset: next, size: length });
        next += Math.ceil(length / 8) * 8;
      } else if (type === RecordType.HeaderFeature && size >= 16) {
        const bit = Number(view.getBigUint64(8, littleEndian) & 0xffffn);
        features.set(bit, { offset: at + 16, size: size - 16 });
      }
    }
    at = next;
  }
  if (attrs.length === 0) {
    throw new TraceFormatError(source.name, HEAD, "HEADER_ATTR records with the recorded events", "none");
  }
  return {
    littleEndian,
    attrs,
    data: { offset: HEAD, size: source.size - HEAD },
    unfinished: false,
    features,
  };
}

/** Whether records of `type` come only when all that is needed to read them was told. */
function isOfRecording(type: number): boolean {
  return type === RecordType.Sample || type === RecordType.FinishedRound ||
    type === RecordType.Compressed || type === RecordType.Compressed2;
}

/** HEADER_ATTR: the head, the attribute in its own size, and ids to the end. */
function readAttrRecord(source: ByteSource, at: number, record: Uint8Array, littleEndian: boolean): PerfAttr {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const size = record.length < 16 ? 0 : view.getUint32(12, littleEndian) || LEAST_ATTR;
  if (size < LEAST_ATTR || 8 + size > record.length) {
    throw new TraceFormatError(
      source.name,
      at + 12,
      `an attribute of ${LEAST_ATTR} to ${record.length - 8} bytes`,
      `${size}`,
    );
  }
  const attr = new DataView(record.buffer, record.byteOffset + 8, size);
  return parseAttr(attr, 0, parseIds(record.subarray(8 + size), littleEndian), littleEndian);
}
