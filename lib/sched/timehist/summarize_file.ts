import type { TimehistSummary } from "./summary.ts";
import type { Answer } from "./summary_worker.ts";
import type { RunFilter } from "./tracked_runs.ts";

// The modules that do the work are imported when the second thread is on its way: it takes as long to start as they do.

/** Below this many bytes a second thread is not worth its start. */
const WORTH_A_THREAD = 16e6;

/**
 * The same as {@linkcode timehistSummary} of the recording at `path`, in less than half the time where it is a large
 * perf.data: the rows are not kept, and a second thread sorts and sums them up while this one reads.
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
  const { openTrace } = await import("../../trace/open.ts");
  const { timehistSummary } = await import("./summary.ts");
  return timehistSummary(await openTrace(path), filter);
}

/**
 * undefined where it cannot be done: some of the records were written late, so that all must be there before they can be
 * sorted, or the second thread does not work.
 */
async function summarizeInTwo(path: string, filter: RunFilter): Promise<TimehistSummary | undefined> {
  const worker = new Worker(new URL("./summary_worker.ts", import.meta.url), { type: "module" });
  const answer = new Promise<Answer>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`The thread that sums up the rows failed: ${event.message}`));
    };
  });
  answer.catch(() => {}); // it is awaited only if the reading succeeds
  try {
    const { ChunkRows, makeSharedChunks } = await import("../../trace/row_chunks.ts");
    const { scan } = await import("../../trace/perf_data/mod.ts");
    const { summarize } = await import("./summary.ts");
    const chunks = makeSharedChunks();
    const { cpus, pids, tids } = filter;
    worker.postMessage({
      chunks,
      filter: { ...(cpus && { cpus }), ...(pids && { pids }), ...(tids && { tids }) },
    });
    const rows = new ChunkRows(chunks, (message) => worker.postMessage(message));
    const trace = await scan(path, rows);
    rows.settle(Infinity);
    if (rows.disordered || rows.stalled) return undefined;
    trace.requireEvent("timehist", "sched:sched_switch");
    worker.postMessage("end");
    const found = await answer.catch(() => undefined);
    if (found === undefined || found.disordered) return undefined;
    return summarize(found.tracked, trace, found.end - found.start, filter.cpus);
  } finally {
    worker.terminate();
  }
}

/** Whether the file at `path` is a perf.data for which a second thread pays. */
export async function isLargePerfData(path: string): Promise<boolean> {
  if (path === "-") return false;
  const { isFile, size } = await Deno.stat(path);
  if (!isFile || size < WORTH_A_THREAD) return false;
  using file = await Deno.open(path);
  const magic = new Uint8Array(8);
  await file.read(magic);
  return new TextDecoder().decode(magic) === "PERFILE2";
}
