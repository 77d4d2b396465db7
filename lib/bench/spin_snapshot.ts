import type { RegionHead, RegionThread } from "./spin_region.ts";

/** A look at a spin run while it goes on. Durations are ns. */
export interface SpinSnapshot {
  /** Time since the threads were let go, by CLOCK_MONOTONIC as this process sees it. */
  readonly elapsed: number;
  /** Threads that spin at this moment. */
  readonly spinning: number;
  /** Threads that sleep at this moment. */
  readonly sleeping: number;
  /** Gaps over the threshold so far, of both kinds. */
  readonly gaps: number;
  /** The longest gap of kind run so far. */
  readonly runMax: number;
  /** The longest gap of kind wake so far. */
  readonly wakeMax: number;
  /** Sum of the gaps of kind run over the threshold. */
  readonly runTime: number;
}

/** What the threads' counters say. */
export function spinSnapshot(
  head: RegionHead,
  threads: readonly RegionThread[],
  elapsed: number,
): SpinSnapshot {
  const ns = 1e9 / head.hz;
  let spinning = 0, sleeping = 0, gaps = 0, runMax = 0, wakeMax = 0, runTime = 0;
  for (const thread of threads.slice(0, head.threads)) {
    if (thread.state === "spinning") spinning++;
    if (thread.state === "sleeping") sleeping++;
    gaps += thread.counter("run_count") + thread.counter("wake_count");
    runMax = Math.max(runMax, thread.counter("run_max") * ns);
    wakeMax = Math.max(wakeMax, thread.counter("wake_max") * ns);
    runTime += thread.counter("run_ticks") * ns;
  }
  return { elapsed, spinning, sleeping, gaps, runMax, wakeMax, runTime };
}
