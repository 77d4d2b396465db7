import { scan } from "../../trace/perf_data/mod.ts";
import { openTrace } from "../../trace/open.ts";
import { StreamBuilder } from "../../trace/stream_builder.ts";
import { ChunkWriter, makeSharedChunks } from "../../trace/row_chunks.ts";
import { summarize, type TimehistSummary, timehistSummary } from "./summary.ts";
import type { RunFilter, TrackedRuns } from "./track_runs.ts";

/** Below this many bytes a second thread is not worth its start. */
const WORTH_A_THREAD = 16e6;

/** Rows that a round of reading may have before more room is made; what is not used costs nothing. */
const ROUND = 1 << 20;

/**
 * The same as {@linkcode timehistSummary} of the recording at `path`, in less than half the time where it is a large
 * perf.data: the rows are not kept, and a second thread sums them up while this one reads and sorts.
 *
 * Throws what `openTrace` throws, and `MissingEventError` where the recording has no sched_switch.
 */
export async function summarizeFile(
  path: string,
  filter: Omit<RunFilter, "from" | "to"> = {},
): Promise<TimehistSummary> {
  if (await isLargePerfData(path)) {
    const summary = await summarizeInTwo(path, filter);
    if (summary !== undefined) return summary;
  }
  return timehistSummary(await openTrace(path), filter);
}

/**
 * undefined where it cannot be done: some of the records were written late, so that all must be there before they can be
 * sorted, or the second thread does not work.
 */
async function summarizeInTwo(path: string, filter: RunFilter): Promise<TimehistSummary | undefined> {
  const worker = new Worker(new URL("./summary_worker.ts", import.meta.url), { type: "module" });
  const answer = new Promise<TrackedRuns>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`The thread that sums up the rows failed: ${event.message}`));
    };
  });
  answer.catch(() => {}); // it is awaited only if the reading succeeds
  try {
    const chunks = makeSharedChunks();
    const { cpus, pids, tids } = filter;
    worker.postMessage({
      chunks,
      filter: { ...(cpus && { cpus }), ...(pids && { pids }), ...(tids && { tids }) },
    });
    const writer = new ChunkWriter(chunks, (message) => worker.postMessage(message));
    const builder = new StreamBuilder(ROUND, {
      sink: (rows, order, count) => writer.take(rows, order, count),
    });
    const trace = scan(path, builder);
    if (!builder.drain() || writer.stalled) return undefined;
    trace.requireEvent("timehist", "sched:sched_switch");
    worker.postMessage("end");
    const { start, end } = builder.finish();
    const tracked = await answer.catch(() => undefined);
    return tracked && summarize(tracked, trace, end - start, filter.cpus);
  } finally {
    worker.terminate();
  }
}

async function isLargePerfData(path: string): Promise<boolean> {
  const { isDirectory, size } = await Deno.stat(path);
  if (isDirectory || size < WORTH_A_THREAD) return false;
  using file = await Deno.open(path);
  const magic = new Uint8Array(8);
  await file.read(magic);
  return new TextDecoder().decode(magic) === "PERFILE2";
}
