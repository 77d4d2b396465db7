import type { PageLayout, RingBufferRecords, StampBounds } from "../ring_buffer.ts";
import type { TscToNs } from "./facts.ts";
import type { LoadedPages } from "./pages.ts";

/** Pages that are looked at to find when the recording was. */
const SAMPLE = 1001;
/** Most ticks from the middle of a recording to its ends: offsets stay exact in a float. */
const REACH = 1n << 52n;

/**
 * Stamps between which all of a recording must lie: around the middle one of its pages, so that a page with a stamp
 * from elsewhere is known for damaged. Undefined where there is no page.
 */
export function recordingBounds(
  loaded: readonly LoadedPages[],
  layout: PageLayout,
): StampBounds | undefined {
  const total = loaded.reduce((sum, { bytes }) => sum + Math.floor(bytes.length / layout.size), 0);
  const step = Math.max(1, Math.floor(total / SAMPLE));
  const stamps: bigint[] = [];
  for (const { bytes } of loaded) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + layout.size <= bytes.length; at += layout.size * step) {
      stamps.push(view.getBigUint64(at + layout.stampOffset, layout.littleEndian));
    }
  }
  if (stamps.length === 0) return undefined;
  const middle = stamps.sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))[stamps.length >> 1]!;
  return { from: middle > REACH ? middle - REACH : 0n, to: middle + REACH };
}

/** Nanoseconds of a tick count, as trace-cmd computes them. */
export function tscToNs(ticks: bigint, { mult, shift }: TscToNs): bigint {
  return ticks * BigInt(mult) >> BigInt(shift);
}

/** Records with ticks since `firstTick` to records with ns since then; each is rounded as trace-cmd does. */
export function recordsInNs(records: RingBufferRecords, firstTick: bigint, rule: TscToNs): RingBufferRecords {
  const epoch = tscToNs(firstTick, rule);
  const since = (ticks: number) => Number(tscToNs(firstTick + BigInt(Math.round(ticks)), rule) - epoch);
  const { ts, length } = records;
  for (let i = 0; i < length; i++) ts[i] = since(ts[i]!);
  const holes = records.holes.map((hole) => ({ ...hole, from: since(hole.from), to: since(hole.to) }));
  return { ...records, holes };
}
