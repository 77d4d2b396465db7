/**
 * The tests' only source of random numbers, and what they do to bytes by it. The same seed makes the same numbers in
 * every run, so that a case that fails can be run again.
 *
 * @module
 */

/** A whole number from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** Numbers that follow from `seed` (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

/** One of `list`. */
export function pick<T>(random: Random, list: ArrayLike<T>): T {
  return list[random(list.length)]!;
}

/** Bytes of an integer. */
export type Size = 1 | 2 | 4 | 8;

/** Integers at which sizes, offsets, counts and stamps go wrong: 0 and all ones, powers of two and their neighbours. */
const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 9n, 15n, 16n, 17n, 100n, 1000n, 4095n, 4096n, 65528n],
  ...[7n, 8n, 15n, 16n, 20n, 24n, 31n, 32n, 40n, 48n, 53n, 62n, 63n, 64n].flatMap((bits) => [
    (1n << bits) - 1n,
    1n << bits,
    (1n << bits) + 1n,
  ]),
];

/** An integer of `size` bytes at which something may go wrong: an edge, a neighbour of `now`, a place below `length`, any. */
export function edgeInteger(random: Random, size: Size, now: bigint, length: number): bigint {
  const choose = (): bigint => {
    switch (random(8)) {
      case 0:
        return now + BigInt(random(33) - 16);
      case 1:
        return BigInt(random(Math.max(1, length)));
      case 2:
        return now ^ (1n << BigInt(random(size * 8)));
      case 3:
        return (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
      case 4:
        return now * BigInt(2 + random(15));
      default:
        return EDGES[random(EDGES.length)]!;
    }
  };
  return BigInt.asUintN(size * 8, choose());
}

/** The integer of `size` bytes at `at`. */
export function readInteger(bytes: Uint8Array, at: number, size: Size, littleEndian: boolean): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) {
    value = (value << 8n) | BigInt(bytes[littleEndian ? at + size - 1 - i : at + i] ?? 0);
  }
  return value;
}

/** Writes the integer `value` of `size` bytes at `at`; what lies outside of `bytes` is left out. */
export function writeInteger(
  bytes: Uint8Array,
  at: number,
  size: Size,
  value: bigint,
  littleEndian: boolean,
): void {
  for (let i = 0; i < size; i++) {
    const to = littleEndian ? at + i : at + size - 1 - i;
    if (to < bytes.length) bytes[to] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
}

/** One after another. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** `bytes` with those from `from` up to `to` replaced by `by`. */
export function splice(
  bytes: Uint8Array,
  from: number,
  to: number,
  by: Uint8Array = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  return join([bytes.subarray(0, from), by, bytes.subarray(Math.max(from, to))]);
}

/** Some of `bytes` turned over, bit by bit, in place. */
export function flipBits(bytes: Uint8Array, random: Random, most = 8): void {
  if (bytes.length === 0) return;
  for (let i = 1 + random(most); i > 0; i--) bytes[random(bytes.length)]! ^= 1 << random(8);
}

/** Some of `bytes` replaced by any, in place. */
export function anyBytes(bytes: Uint8Array, random: Random, most = 24): void {
  if (bytes.length === 0) return;
  for (let i = 1 + random(most); i > 0; i--) bytes[random(bytes.length)] = random(256);
}

/** Where something may be cut out of `length` bytes: mostly a little, in steps of `step`. */
export function someRange(random: Random, length: number, step = 1): { from: number; to: number } {
  const from = Math.floor(random(Math.max(1, length)) / step) * step;
  const most = random(4) === 0 ? length - from : Math.min(length - from, 4096);
  return { from, to: from + Math.ceil(random(most + 1) / step) * step };
}

/** A copy of `bytes` that is damaged without knowing what they mean. It may be shorter or longer. */
export function spoil(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const spoiled = new Uint8Array(bytes);
  const { from, to } = someRange(random, spoiled.length);
  switch (random(9)) {
    case 0:
    case 1:
      flipBits(spoiled, random);
      return spoiled;
    case 2:
      anyBytes(spoiled, random);
      return spoiled;
    case 3:
      anyBytes(spoiled, random, 200);
      return spoiled;
    case 4:
      return spoiled.fill(pick(random, [0, 0xff, random(256)]), from, to);
    case 5: // moved over others
      spoiled.copyWithin(random(spoiled.length + 1), from, to);
      return spoiled;
    case 6:
      return spoiled.slice(0, from);
    case 7: // gone
      return splice(spoiled, from, to);
    default: // twice
      return splice(spoiled, to, to, spoiled.slice(from, to));
  }
}
