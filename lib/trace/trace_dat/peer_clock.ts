import type { TimeShift, TimeShiftSample } from "./facts.ts";

/** Corrections between two samples are interpolated (trace-cmd's TRACECMD_TSYNC_FLAG_INTERPOLATE). */
const INTERPOLATE = 1;

/**
 * What the stamp `tick` of `cpu` is on the peer's clock, in integers of 64 bits as trace-cmd computes it: multiplied by the
 * scaling of the sample before it, and moved by that sample's offset or by one between it and the next. With one sample
 * there is only its offset; a CPU without samples keeps its stamps.
 */
export function peerStamp(tick: bigint, { flags, cpus }: TimeShift, cpu: number): bigint {
  const samples = cpus[cpu];
  if (samples === undefined || samples.length === 0) return tick;
  if (samples.length === 1) return BigInt.asUintN(64, tick + samples[0]!.offset);
  // Before the first one and behind the last one its neighbours go on.
  const at = Math.min(Math.max(lastNotAfter(samples, tick), 0), samples.length - 2);
  const before = samples[at]!;
  const offset = (flags & INTERPOLATE) === 0 ? before.offset : between(before, samples[at + 1]!, tick);
  const scaled = BigInt.asUintN(64, tick * before.scaling) >> (before.fraction & 63n);
  return BigInt.asUintN(64, scaled + offset);
}

function between(before: TimeShiftSample, after: TimeShiftSample, tick: bigint): bigint {
  const delta = BigInt.asIntN(64, after.time - before.time);
  if (delta === 0n) return before.offset;
  const weighted = BigInt.asIntN(64, (tick - before.time) * (after.offset - before.offset));
  return before.offset + BigInt.asIntN(64, weighted + delta / 2n) / delta;
}

/** Index of the last sample that is not after `tick`; -1 where all are. */
function lastNotAfter(samples: readonly TimeShiftSample[], tick: bigint): number {
  let from = 0;
  let to = samples.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (samples[middle]!.time <= tick) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}
