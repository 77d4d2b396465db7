import { scan } from "../../trace/perf_data/mod.ts";
import { openTrace } from "../../trace/open.ts";
import { summarize, type TimehistSummary, timehistSummary } from "./summary.ts";
import { type RunFilter, RunTracker } from "./track_runs.ts";

/**
 * The same as {@linkcode timehistSummary} of the recording at `path`, in half the time where it is a perf.data: the rows
 * are summed up while they are read and not kept.
 *
 * Throws what `openTrace` throws, and `MissingEventError` where the recording has no sched_switch.
 */
export async function summarizeFile(
  path: string,
  filter: Omit<RunFilter, "from" | "to"> = {},
): Promise<TimehistSummary> {
  if (await isPerfData(path)) {
    const tracker = new RunTracker(filter);
    const scanned = scan(path, (rows, order, count) => tracker.take(rows, order, count));
    if (scanned !== undefined) {
      const { trace, start, end } = scanned;
      trace.requireEvent("timehist", "sched:sched_switch");
      return summarize(tracker.finish(), trace, end - start, filter.cpus);
    }
  }
  return timehistSummary(await openTrace(path), filter);
}

async function isPerfData(path: string): Promise<boolean> {
  if ((await Deno.stat(path)).isDirectory) return false;
  using file = await Deno.open(path);
  const magic = new Uint8Array(8);
  await file.read(magic);
  return new TextDecoder().decode(magic) === "PERFILE2";
}
