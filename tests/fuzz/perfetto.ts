import { pick, type Random, splice, spoil } from "../seeded.ts";
import type { Part } from "./structure.ts";

/** One field of a protobuf message: where its value is, and its own fields where it is a message. */
interface Field {
  readonly tagAt: number;
  readonly kind: number;
  /** The value, or for what has a length the bytes behind that. */
  readonly from: number;
  readonly to: number;
  readonly lengthAt: number;
}

/** What a protobuf file consists of: all fields, of messages within messages as well. */
export function protobufFields(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  walk(bytes, 0, bytes.length, fields, 0);
  return fields;
}

function walk(bytes: Uint8Array, from: number, to: number, into: Field[], depth: number): boolean {
  const found: Field[] = [];
  for (let at = from; at < to;) {
    const tag = varint(bytes, at, to);
    if (tag === undefined || tag.value >> 3n === 0n || tag.value >> 3n > 0x1fff_ffffn) return false;
    const kind = Number(tag.value & 7n);
    const value = varint(bytes, tag.end, to);
    const size = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? Number(value?.value ?? 1n << 53n) : 0;
    const start = kind === 2 ? value?.end ?? to + 1 : tag.end;
    const end = kind === 0 ? value?.end ?? to + 1 : start + size;
    if (end > to || ![0, 1, 2, 5].includes(kind)) return false;
    found.push({ tagAt: at, kind, from: start, to: end, lengthAt: kind === 2 ? tag.end : -1 });
    at = end;
  }
  into.push(...found);
  for (const field of found) {
    // What looks like a message is likely to be one.
    if (field.kind === 2 && field.to > field.from && depth < 8) {
      walk(bytes, field.from, field.to, into, depth + 1);
    }
  }
  return true;
}

function varint(bytes: Uint8Array, at: number, to: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10 && at + i < to; i++) {
    value |= BigInt(bytes[at + i]! & 0x7f) << BigInt(7 * i);
    if (bytes[at + i]! < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

/** A protobuf file in which values, tags and lengths are others, or fields are missing, come twice or elsewhere. */
export function damageProtobuf(bytes: Uint8Array, fields: readonly Field[], random: Random): Uint8Array {
  const damaged = bytes.slice();
  // Most fields are those of events: what comes first says what the rest means.
  const any = () => random(3) === 0 ? fields[random(Math.min(fields.length, 200))]! : pick(random, fields);
  for (let i = pick(random, [1, 1, 2, 5, 30]); i > 0; i--) damageField(damaged, any(), random);
  const [one, other]: Part[] = [any(), any()].map(({ tagAt, to }) => ({ from: tagAt, to }));
  switch (random(12)) {
    case 0:
      return splice(damaged, one!.from, one!.to);
    case 1:
      return splice(damaged, one!.to, one!.to, damaged.slice(one!.from, one!.to));
    case 2:
      return splice(damaged, other!.from, other!.to, damaged.slice(one!.from, one!.to));
    case 3:
      return spoil(damaged, random);
    case 4:
      return damaged.slice(0, random(damaged.length + 1));
    default:
      return damaged;
  }
}

function damageField(bytes: Uint8Array, { tagAt, kind, from, to, lengthAt }: Field, random: Random): void {
  if (random(5) === 0) bytes[tagAt] = random(3) === 0 ? random(256) : bytes[tagAt]! ^ (1 << random(7));
  else if (lengthAt >= 0 && random(2) === 0) {
    bytes[lengthAt] = pick(random, [0, 1, 0x7f, 0x80, 0xff, bytes[lengthAt]! + 1, bytes[lengthAt]! - 1]);
  } else if (kind === 0) {
    // Another value of as many bytes, or one that does not end.
    for (let at = from; at < to; at++) {
      const value = pick(random, [0, 0x7f, random(128)]);
      bytes[at] = at + 1 < to || random(16) === 0 ? value | 0x80 : value;
    }
  } else for (let i = random(4); i >= 0 && to > from; i--) bytes[from + random(to - from)] = random(256);
}
