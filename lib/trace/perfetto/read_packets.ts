import { inflateSync, zstdDecompressSync } from "node:zlib";
import type { ByteSource } from "../byte_source.ts";
import { Packet } from "./packets.ts";
import { ProtoCursor } from "./proto_cursor.ts";

/** Bytes that make no sense. */
export interface PacketDamage {
  readonly kind: "corrupt" | "truncated";
  /** Byte of the file. */
  readonly offset: number;
}

/** Takes the packet in `bytes[from, to)`; `offset` is its place in the file. The bytes hold during the call only. */
export type PacketVisitor = (bytes: Uint8Array, from: number, to: number, offset: number) => void;

const CHUNK = 1 << 22;
/** Largest packet that is believed: Perfetto's own are of some KiB, converters make some of MiB. */
const MAX_PACKET = 1 << 26;
/** Most bytes that one packed packet may become, and all of them per byte of the file. */
const MAX_UNPACKED = 1 << 26;
const MAX_RATIO = 200;
const MAX_DAMAGE = 1000;

/**
 * Calls `visit` for each packet of the trace in `source`, packed ones unpacked, in memory of fixed size (or that of its largest
 * packet). Bytes between packets that make no sense are skipped, and told of.
 */
export function forEachPacket(source: ByteSource, visit: PacketVisitor): PacketDamage[] {
  const damage: PacketDamage[] = [];
  const tell = (kind: PacketDamage["kind"], offset: number) => {
    if (damage.length < MAX_DAMAGE) damage.push({ kind, offset });
  };
  let budget = Math.max(1 << 28, source.size * MAX_RATIO);
  const cursor = new ProtoCursor();
  const packed = new ProtoCursor();
  const packet = (bytes: Uint8Array, from: number, to: number, offset: number) => {
    packed.reset(bytes, from, to);
    // A packed packet has only that field.
    const first = bytes[from]! | (bytes[from + 1]! << 8);
    if (first !== COMPRESSED_TAG && first !== ZSTD_TAG) return visit(bytes, from, to, offset);
    while (packed.next()) {
      if (packed.field !== Packet.compressed && packed.field !== Packet.zstdCompressed) continue;
      const inner = unpack(
        bytes.subarray(packed.from, packed.to),
        packed.field,
        Math.min(MAX_UNPACKED, budget),
      );
      if (inner === undefined) {
        tell("corrupt", offset);
        continue;
      }
      budget -= inner.length;
      const within = new ProtoCursor().reset(inner, 0, inner.length);
      while (within.next()) {
        if (within.field === Packet.packet && within.type === 2) visit(inner, within.from, within.to, offset);
      }
      if (within.broken) tell("corrupt", offset);
    }
  };
  using reader = source.open();
  let buffer = new Uint8Array(Math.min(CHUNK, source.size + 1));
  let filled = 0;
  let position = 0;
  let lost = false;
  for (;;) {
    const got = reader.read(buffer.subarray(filled), position);
    position += got;
    filled += got;
    const ended = position >= source.size || got === 0;
    let at = 0;
    let need = 0;
    const origin = position - filled;
    while (at < filled) {
      if (buffer[at] === PACKET_TAG) {
        cursor.reset(buffer, at + 1, filled);
        const whole = cursor.varint();
        const length = whole ? cursor.unsigned : 0;
        const begin = cursor.at;
        if (!whole && filled - at < 12) break;
        const fits = whole && length <= MAX_PACKET && begin + length <= filled &&
          (!lost || isPacket(buffer, begin, begin + length));
        if (fits) {
          lost = false;
          if (length > 0) packet(buffer, begin, begin + length, origin + begin);
          at = begin + length;
          continue;
        }
        if (whole && !lost && length <= MAX_PACKET && origin + begin + length <= source.size) {
          need = begin + length - at;
          break;
        }
        if (whole && !lost && length <= MAX_PACKET && ended) {
          tell("truncated", origin + at);
          return damage;
        }
      }
      if (!lost) tell("corrupt", origin + at);
      lost = true;
      const next = buffer.subarray(0, filled).indexOf(PACKET_TAG, at + 1);
      at = next < 0 ? filled : next;
    }
    if (ended) {
      if (at < filled && !lost) tell("truncated", origin + at);
      return damage;
    }
    if (at === 0 && filled === buffer.length || need > buffer.length) {
      const wider = new Uint8Array(Math.max(need, buffer.length * 2));
      wider.set(buffer.subarray(at, filled));
      buffer = wider;
    } else buffer.copyWithin(0, at, filled);
    filled -= at;
  }
}

const PACKET_TAG = (Packet.packet << 3) | 2;
const COMPRESSED_TAG = tag(Packet.compressed);
const ZSTD_TAG = tag(Packet.zstdCompressed);

/** The two bytes of a tag above 15, of a field with a length. */
function tag(field: number): number {
  const value = (field << 3) | 2;
  return (value & 0x7f) | 0x80 | ((value >> 7) << 8);
}

/** Fields that are looked at before bytes are taken for a packet: all would take a time that grows with its square. */
const FIELDS = 64;

/** Whether `bytes[from, to)` is a message whose first fields make sense, and may be TracePacket's. */
function isPacket(bytes: Uint8Array, from: number, to: number): boolean {
  const cursor = new ProtoCursor().reset(bytes, from, to);
  let fields = 0;
  while (fields < FIELDS && cursor.next()) {
    if (cursor.field > 10_000) return false;
    fields++;
  }
  return !cursor.broken && fields > 0;
}

function unpack(bytes: Uint8Array, field: number, most: number): Uint8Array | undefined {
  try {
    const options = { maxOutputLength: most };
    return field === Packet.compressed ? inflateSync(bytes, options) : zstdDecompressSync(bytes, options);
  } catch {
    return undefined;
  }
}
