import { partAt, type RandomSchedule } from "./random_schedule.ts";

/** A stretch of a made-up schedule in which nothing changes. */
export interface TrueMoment {
  readonly from: number;
  readonly to: number;
  /** By CPU who runs; 0 idle. */
  readonly running: readonly number[];
  /** Threads that are runnable and do not run, and the CPU in whose queue each is. */
  readonly waiting: readonly { readonly tid: number; readonly cpu: number }[];
}

/** All moments from `from` to `to`, found by looking at everybody at each time at which anybody changed. */
export function trueMoments(schedule: RandomSchedule, from: number, to: number): TrueMoment[] {
  const times = new Set([from, to]);
  for (const parts of schedule.parts.values()) for (const part of parts) times.add(part.from);
  for (const slices of schedule.running) for (const slice of slices) times.add(slice.from);
  const sorted = [...times].filter((time) => time >= from && time <= to).sort((x, y) => x - y);
  return sorted.slice(1).map((end, i) => {
    const at = sorted[i]!;
    const parts = schedule.tids.map((tid) => ({ tid, part: partAt(schedule, tid, at) }));
    return {
      from: at,
      to: end,
      running: schedule.running.map((slices) => slices.findLast((slice) => slice.from <= at)?.tid ?? 0),
      waiting: parts.filter(({ part }) => part?.state === "woken" || part?.state === "preempted")
        .map(({ tid, part }) => ({ tid, cpu: part!.cpu })),
    };
  });
}
