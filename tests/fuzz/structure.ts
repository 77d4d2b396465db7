import {
  edgeInteger,
  join,
  pick,
  type Random,
  readInteger,
  type Size,
  someRange,
  splice,
  spoil,
  writeInteger,
} from "../seeded.ts";

/** An integer in a file that something depends on. */
export interface Place {
  readonly at: number;
  readonly size: Size;
}

/** A part of a file that may be missing, come twice, or stand elsewhere. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** What the bytes of a file mean, as far as damage has to know it. */
export class Structure {
  /** Byte order of the integers. */
  readonly littleEndian: boolean;
  /** Integers by what they are, so that rare ones are hit as often as frequent ones. */
  readonly places = new Map<string, Place[]>();
  /** Parts by what they are. */
  readonly parts = new Map<string, Part[]>();

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian;
  }

  /** Notes integers of `size` bytes at each of `at`. */
  place(what: string, size: Size, ...at: number[]): void {
    const list = this.places.get(what) ?? [];
    for (const each of at) list.push({ at: each, size });
    this.places.set(what, list);
  }

  /** Notes a part. */
  part(what: string, from: number, to: number): void {
    const list = this.parts.get(what) ?? [];
    list.push({ from, to });
    this.parts.set(what, list);
  }
}

/** A copy of `bytes` with one to five things damaged that mean something, and now and then some that mean nothing. */
export function damageStructure(bytes: Uint8Array, structure: Structure, random: Random): Uint8Array {
  let damaged = new Uint8Array(bytes);
  const kinds = [...structure.places.values()].filter((list) => list.length > 0);
  if (kinds.length > 0 && random(8) !== 0) {
    for (let i = pick(random, [1, 1, 1, 2, 3, 5]); i > 0; i--) {
      damageInteger(damaged, pick(random, pick(random, kinds)), structure.littleEndian, random);
    }
  }
  // Places are those of the whole file: what moves bytes comes after what changes them.
  const parts = [...structure.parts.values()].filter((list) => list.length > 0);
  if (parts.length > 0 && random(3) === 0) damaged = damageParts(damaged, pick(random, parts), random);
  if (random(12) === 0) damaged = spoil(damaged, random);
  if (random(20) === 0) damaged = damaged.slice(0, random(damaged.length + 1));
  return damaged;
}

/** Writes something else into the integer at `place`, in place. */
export function damageInteger(
  bytes: Uint8Array,
  { at, size }: Place,
  littleEndian: boolean,
  random: Random,
): void {
  // Sometimes the other byte order, or an integer of another size that lies there.
  const order = random(24) === 0 ? !littleEndian : littleEndian;
  const width = random(24) === 0 ? pick(random, [1, 2, 4, 8] as const) : size;
  const now = readInteger(bytes, at, width, littleEndian);
  writeInteger(bytes, at, width, edgeInteger(random, width, now, bytes.length), order);
}

function damageParts(
  bytes: Uint8Array<ArrayBuffer>,
  parts: readonly Part[],
  random: Random,
): Uint8Array<ArrayBuffer> {
  const i = random(parts.length);
  const one = parts[i]!;
  const other = pick(random, parts);
  const content = ({ from, to }: Part) => bytes.slice(from, to);
  switch (random(7)) {
    case 0: // gone
      return splice(bytes, one.from, one.to);
    case 1: // many times
      return splice(bytes, one.to, one.to, join(Array(pick(random, [1, 1, 2, 50])).fill(content(one))));
    case 2: // in place of another
      return splice(bytes, other.from, other.to, content(one));
    case 3: { // elsewhere
      const moved = content(one);
      return splice(splice(bytes, one.from, one.to), Math.min(other.from, bytes.length), other.from, moved);
    }
    case 4: { // a part of it gone
      const { from, to } = someRange(random, one.to - one.from);
      return splice(bytes, one.from + from, one.from + to);
    }
    case 5: { // and all up to another
      const [from, to] = one.from < other.from ? [one.from, other.from] : [other.from, one.from];
      return splice(bytes, from, to);
    }
    default:
      return splice(bytes, one.from, one.to, spoil(content(one), random));
  }
}
