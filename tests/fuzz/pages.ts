import { pick, type Random } from "../seeded.ts";
import { damageStructure, Structure } from "./structure.ts";

/** What the bytes of ring-buffer pages mean, from byte `start` on up to `end`. */
export function pageStructure(
  bytes: Uint8Array,
  found: Structure,
  pageSize = 4096,
  start = 0,
  end = bytes.length,
): Structure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = found.littleEndian;
  for (let page = start; page + pageSize <= end; page += pageSize) {
    found.part("page", page, page + pageSize);
    found.place("stamp of a page", 8, page);
    found.place("stamp of a page", 4, page, page + 4);
    found.place("commit of a page", 4, page + 8, page + 12);
    const last = Math.min(
      page + pageSize,
      page + 16 + (view.getUint32(little ? page + 8 : page + 12, little) & 0xffff),
    );
    for (let at = page + 16; at + 8 <= last;) {
      const word = view.getUint32(at, little);
      const type = little ? word & 31 : word >>> 27;
      found.place("type and delta", 4, at);
      found.place("type and delta", 1, little ? at : at + 3);
      const long = type === 0 || type === 29;
      const size = type >= 30 ? 8 : long ? 4 + view.getUint32(at + 4, little) : 4 + type * 4;
      const body = long ? at + 8 : at + 4;
      if (long || type >= 30) found.place("length or stamp", 4, at + 4);
      if (type < 29) {
        found.place("id of an event", 2, body);
        found.place("thread of an event", 4, body + 4);
        for (let field = body + 8; field + 4 <= Math.min(last, at + size); field += 4) {
          found.place("field of an event", 4, field);
        }
        found.part("event", at, Math.min(last, at + size));
      }
      if (size < 8) break;
      at += size;
    }
  }
  return found;
}

/** One CPU's pages, damaged. */
export function damagePages(pages: Uint8Array, random: Random, littleEndian = true): Uint8Array {
  const damaged = damageStructure(pages, pageStructure(pages, new Structure(littleEndian)), random);
  // Flags of missed events, the type of a record: what single bits mean.
  for (let i = random(3); i > 0 && damaged.length > 4096; i--) {
    const page = random(Math.floor(damaged.length / 4096)) * 4096;
    const [at, bit] = random(2) === 0
      ? [page + 11, pick(random, [0x80, 0x40, 0xc0])]
      : [page + 16, 1 << random(8)];
    damaged[at]! ^= bit;
  }
  return damaged;
}
