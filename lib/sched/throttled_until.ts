import { type CpuTimes, sliceBefore } from "./cpu_times.ts";

/**
 * Until when the bandwidth of its group kept a thread from running that lost the CPU of `times` at `from` and waited there, unmoved, until
 * `to`; `from` where it did not. `a` and `b` are the slices under way at either end.
 *
 * A CPU that idles would run a thread that waits there. So wherever it idled the thread had been throttled, and, since throttling lasts
 * until it is lifted, before that as well, whoever ran meanwhile.
 */
export function throttledUntil(times: CpuTimes, from: number, to: number, a: number, b: number): number {
  const last = sliceBefore(times, to, b);
  const idle = last < 0 ? -1 : times.lastIdle[last]!;
  if (idle < 0 || idle < a) return from;
  return Math.max(from, Math.min(to, idle + 1 < times.ts.length ? times.ts[idle + 1]! : Infinity));
}
