import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { flipBits, join, pick, type Random, splice, spoil } from "../seeded.ts";
import { damageInteger, type Place, Structure } from "./structure.ts";

/** Where the numbers of zstd frames from byte `at` up to `to` are: frame heads and block heads (RFC 8878, 3.1). */
export function zstdPlaces(bytes: Uint8Array, at: number, to: number): Place[] {
  const places: Place[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(to, bytes.length);
  while (at + 6 <= end && view.getUint32(at, true) === 0xfd2fb528) {
    const descriptor = bytes[at + 4]!;
    places.push({ at, size: 4 }, { at: at + 4, size: 1 }, { at: at + 4, size: 1 }, { at: at + 5, size: 1 });
    const single = (descriptor >> 5) & 1;
    const content = [single, 2, 4, 8][descriptor >> 6]!;
    const from = at + 6 - single + [0, 1, 2, 4][descriptor & 3]!;
    if (content > 0) places.push({ at: from, size: content as Place["size"] });
    at = from + content;
    for (let last = false; !last && at + 3 <= end;) {
      // A block's head has three bytes: last, type, size.
      const head = view.getUint16(at, true) | (bytes[at + 2]! << 16);
      places.push({ at, size: 1 }, { at: at + 1, size: 2 });
      // The heads of its literals and of its sequences.
      for (let i = 3; i < 10; i++) places.push({ at: at + i, size: 1 });
      last = (head & 1) === 1;
      at += 3 + (((head >> 1) & 3) === 1 ? 1 : head >> 3);
    }
    if ((descriptor & 4) !== 0) {
      places.push({ at, size: 4 });
      at += 4;
    }
  }
  return places.filter((place) => place.at + place.size <= bytes.length);
}

/** How something can be packed. */
export type Wrap = "gzip" | "zstd" | "zlib";

/** `bytes` packed, in one piece or in several. */
export function wrap(bytes: Uint8Array, how: Wrap, random: Random): Uint8Array {
  const pack = (piece: Uint8Array): Uint8Array =>
    how === "zstd"
      ? zstdCompressSync(piece, { params: { 100: pick(random, [1, 3, 9]), 201: random(2), 200: random(2) } })
      : how === "gzip"
      ? gzipSync(piece, { level: 1 })
      : deflateSync(piece, { level: 1 });
  if (random(3) !== 0) return pack(bytes);
  const middle = random(bytes.length + 1);
  const skipped = how === "zstd" && random(2) === 0
    ? join([
      Uint8Array.of(0x50 + random(16), 0x2a, 0x4d, 0x18, random(20), 0, 0, 0),
      new Uint8Array(random(20)),
    ])
    : new Uint8Array();
  return join([pack(bytes.subarray(0, middle)), skipped, pack(bytes.subarray(middle))]);
}

/** What is packed, damaged where the decoder looks. */
export function damagePacked(packed: Uint8Array, how: Wrap, random: Random): Uint8Array {
  let damaged = packed.slice();
  const places = how === "zstd" ? zstdPlaces(packed, 0, packed.length) : gzipPlaces(packed);
  switch (random(6)) {
    case 0:
      return spoil(damaged, random);
    case 1:
      flipBits(damaged, random, 2);
      return damaged;
    case 2: // something follows
      return join([
        damaged,
        pick(random, [new Uint8Array(random(50)), packed, packed.subarray(0, random(40))]),
      ]);
    case 3:
      damaged = damaged.slice(0, random(damaged.length + 1));
      return damaged;
    default:
      for (let i = 1 + random(3); i > 0 && places.length > 0; i--) {
        // Most of the numbers are those of blocks; the frame's are at the start.
        const place = random(2) === 0 ? places[random(Math.min(6, places.length))]! : pick(random, places);
        if (random(2) === 0) damageInteger(damaged, place, true, random);
        else damaged[place.at]! ^= 1 << random(8);
      }
      return random(10) === 0 ? splice(damaged, 0, random(12)) : damaged;
  }
}

function gzipPlaces(bytes: Uint8Array): Place[] {
  const structure = new Structure(true);
  structure.place("head", 1, ...[2, 3, 4, 8, 9, 10, 11, 12, 13, 14]);
  structure.place("end", 4, bytes.length - 8, bytes.length - 4);
  return [...structure.places.values()].flat().filter(({ at, size }) => at >= 0 && at + size <= bytes.length);
}
