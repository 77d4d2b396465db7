import { cleanStale } from "../record/clean_stale.ts";
import { tracefsRoot } from "../record/tracefs_root.ts";
import type { LiveOptions, LiveTrace } from "./live_trace.ts";

/**
 * Starts to follow what the scheduler does by a tracefs instance of its own, without a file.
 *
 * What dead processes left behind is removed first. Throws `MachineLacksError` where tracefs is not there or not allowed.
 *
 * ```ts ignore
 * import { startLive } from "@schedscope/schedscope/record";
 * import { latency } from "@schedscope/schedscope/sched";
 *
 * await using live = await startLive();
 * for (;;) {
 *   await new Promise((resolve) => setTimeout(resolve, 1000));
 *   console.log(latency(live.take().trace)); // of the last second
 * }
 * ```
 */
export async function startLive(options: LiveOptions = {}): Promise<LiveTrace> {
  await tracefsRoot();
  cleanStale();
  // Who may not, or records into a file only, need not load what analyses need.
  const { LiveTrace } = await import("./live_trace.ts");
  const live = new LiveTrace(options);
  try {
    live.guard();
    return live;
  } catch (error) {
    await live[Symbol.asyncDispose]();
    throw error;
  }
}
