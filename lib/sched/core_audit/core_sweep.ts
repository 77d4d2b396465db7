import type { CpuTimeline } from "./cpu_timeline.ts";

/**
 * Calls `take` for each stretch of time in which nothing changes on any of `timelines`, in order, with the codes of what runs on each
 * (one array that is used again). Changes at the same stamp are one: no stretch is empty.
 */
export function coreSweep(
  timelines: readonly CpuTimeline[],
  take: (from: number, to: number, running: Int32Array) => void,
): void {
  const n = timelines.length;
  const at = new Int32Array(n);
  const until = Float64Array.from(timelines, ({ ts }) => ts[1]!);
  const running = Int32Array.from(timelines, ({ group }) => group[0]!);
  let from = timelines[0]!.ts[0]!;
  const end = timelines[0]!.ts[timelines[0]!.tid.length]!;
  while (from < end) {
    let to = end;
    for (let i = 0; i < n; i++) if (until[i]! < to) to = until[i]!;
    if (to > from) take(from, to, running);
    for (let i = 0; i < n; i++) {
      const { ts, group } = timelines[i]!;
      while (until[i]! <= to && at[i]! + 1 < group.length) {
        const next = ++at[i]!;
        until[i] = ts[next + 1]!;
        running[i] = group[next]!;
      }
      if (until[i]! <= to) until[i] = Infinity;
    }
    from = to;
  }
}
