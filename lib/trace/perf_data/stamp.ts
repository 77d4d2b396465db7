import { layoutOfId, type Layouts } from "./layout.ts";
import { type RecordParts, RecordType, walkSteps } from "./walk.ts";

/** What stamps are counted from, as the clock's own in ns. */
export interface StampOrigin {
  /** What a reader counts from: see {@linkcode findBase}. */
  readonly base: bigint;
  /** Stamp of ts = 0. */
  readonly epoch: bigint;
}

/** Stamps further than this from the base are damage: 52 days, below which offsets are exact in a float. */
const FURTHEST = 2 ** 52;

/**
 * ns since the base (its two words) of the stamp at word `at`; -Infinity where perf wrote none (0 or all ones), NaN where it
 * cannot be one of this recording.
 */
export function stampAt(i32: Int32Array, at: number, baseHigh: number, baseLow: number): number {
  const low = i32[at]! >>> 0;
  const high = i32[at + 1]! >>> 0;
  if ((high === 0 && low === 0) || (high === 0xffffffff && low === 0xffffffff)) return -Infinity;
  const stamp = (high - baseHigh) * 4294967296 + (low - baseLow);
  return stamp < FURTHEST && stamp > -FURTHEST ? stamp : NaN;
}

/** Stamps that are looked at: more than half of them are not damaged. */
const LOOKED_AT = 9;

/**
 * The stamp (the clock's own, ns) that others are counted from: the oldest of the first few, without those that are nowhere
 * near the others. 0 where no record has one.
 */
export function findBase(records: RecordParts, layouts: Layouts): bigint {
  const stamps = firstStamps(records, layouts).sort((x, y) => (x < y ? -1 : x > y ? 1 : 0));
  const middle = stamps[stamps.length >> 1] ?? 0n;
  return stamps.find((stamp) => middle - stamp < BigInt(FURTHEST)) ?? 0n;
}

function firstStamps(records: RecordParts, layouts: Layouts): bigint[] {
  const stamps: bigint[] = [];
  const { idWord, tailIdWord, all } = layouts;
  const only = idWord < 0 ? all[0] : undefined;
  const visit = (i32: Int32Array, at: number, type: number, _misc: number, words: number) => {
    if (type >= RecordType.FirstOfTool || stamps.length >= LOOKED_AT) return;
    const isSample = type === RecordType.Sample;
    const id = isSample ? idWord : words - tailIdWord;
    const found = only ?? (id >= 2 && id + 2 <= words ? layoutOfId(layouts, i32, at + id) : undefined);
    const layout = found ?? (isSample ? undefined : all[0]);
    if (layout === undefined || layout.foreign) return;
    const word = isSample ? layout.time : layout.tailTime < 0 ? -1 : words - layout.tailTime;
    if (word < 2 || word + 2 > words) return;
    const stamp = (BigInt(i32[at + word + 1]! >>> 0) << 32n) | BigInt(i32[at + word]! >>> 0);
    if (stamp !== 0n && stamp !== 0xffffffff_ffffffffn) stamps.push(stamp);
  };
  for (let part = 0; part < records.parts.length && stamps.length < LOOKED_AT; part++) {
    const steps = walkSteps(records, part, visit);
    while (stamps.length < LOOKED_AT && !steps.next().done);
    steps.return([]);
  }
  return stamps;
}
