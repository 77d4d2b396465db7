import type { PageLayout, StampBounds } from "../ring_buffer.ts";
import { pageStamp } from "../tracefs/page_index.ts";
import type { PageStore } from "../tracefs/page_store.ts";
import type { TscToNs } from "./facts.ts";

/** Pages that are looked at to find when the recording was. */
const SAMPLE = 101;
/** Most ticks from the middle of a recording to its ends: offsets stay exact in a float. */
const REACH = 1n << 52n;

/**
 * Stamps between which all of a recording must lie: around the middle one of its pages, so that a page with a stamp
 * from elsewhere is known for damaged. Undefined where there is no page.
 */
export function recordingBounds(store: PageStore, layout: PageLayout): StampBounds | undefined {
  const pages = store.cpus.map(({ size }) => Math.floor(size / layout.size));
  const step = Math.max(1, Math.ceil(pages.reduce((sum, count) => sum + count, 0) / SAMPLE));
  const stamps: bigint[] = [];
  using reader = store.open();
  pages.forEach((count, list) => {
    for (let page = 0; page < count; page += step) {
      const stamp = pageStamp(reader, list, page, layout);
      if (stamp !== undefined) stamps.push(stamp);
    }
  });
  if (stamps.length === 0) return undefined;
  const middle = stamps.sort((x, y) => (x < y ? -1 : x > y ? 1 : 0))[stamps.length >> 1]!;
  return { from: middle > REACH ? middle - REACH : 0n, to: middle + REACH };
}

/** Nanoseconds of a tick count, as trace-cmd computes them. */
export function tscToNs(ticks: bigint, { mult, shift }: TscToNs): bigint {
  return ticks * BigInt(mult) >> BigInt(shift);
}

/**
 * Makes what turns ticks since `first` into ns since then, each rounded as trace-cmd does: `(first + t) * mult >> shift` less
 * `first * mult >> shift`, which is `(r + t * mult) >> shift` where r is what the first shift lost.
 */
export function ticksToNs(
  first: bigint,
  rule: TscToNs,
): (ts: Float64Array, from: number, to: number) => void {
  const { mult, shift } = rule;
  const lost = BigInt.asUintN(shift, first * BigInt(mult));
  const exactly = (ticks: number) =>
    Number((lost + BigInt(Math.round(ticks)) * BigInt(mult)) >> BigInt(shift));
  // In halves that a float holds: t = high * 2^20 + low. The carry stays below 2^53 if shift does not exceed 51.
  const unit = 2 ** (shift - 20);
  const whole = 2 ** shift;
  const rest = Number(lost);
  const highest = mult > 0 ? Math.floor(2 ** 53 / mult) : 0;
  const simple = shift >= 20 && shift <= 51;
  return (ts, from, to) => {
    for (let i = from; i < to; i++) {
      const ticks = ts[i]!;
      const high = Math.floor(ticks / 2 ** 20);
      if (!simple || high >= highest || ticks < 0) {
        ts[i] = exactly(ticks);
        continue;
      }
      const product = high * mult;
      const units = Math.floor(product / unit);
      const carry = (product - units * unit) * 2 ** 20 + (ticks - high * 2 ** 20) * mult + rest;
      ts[i] = units + Math.floor(carry / whole);
    }
  };
}

/** The same for clocks that are corrected: ticks since `first` to what `stampOf` makes of the tick, since `epoch`. */
export function stampsToNs(
  first: bigint,
  epoch: bigint,
  stampOf: (tick: bigint) => bigint,
): (ts: Float64Array, from: number, to: number) => void {
  return (ts, from, to) => {
    for (let i = from; i < to; i++) {
      ts[i] = Number(stampOf(first + BigInt(Math.round(ts[i]!))) - epoch);
    }
  };
}
