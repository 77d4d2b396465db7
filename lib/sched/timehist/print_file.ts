import type { TimehistCoverage } from "./timehist_print.ts";
import type { TimehistPrintOptions } from "./options.ts";
import type { PrintAnswer } from "./print_worker.ts";
import { isLargePerfData } from "./summarize_file.ts";

// The modules that do the work are imported when the second thread is on its way: it takes as long to start as they do.

/** Whether {@linkcode printFile} can print what `options` ask for: rows with nothing between them, of the whole recording. */
export function isPlainPrint(options: TimehistPrintOptions): boolean {
  const { summaryOnly, withSummary, wakeups, next, migrations, cpuVisual, idleOnly, time } = options;
  return time === undefined &&
    [summaryOnly, withSummary, wakeups, next, migrations, cpuVisual, idleOnly].every((option) =>
      option !== true
    );
}

/**
 * Prints the runs of the large perf.data at `path` to stdout as `writeTimehist` does, in a fraction of its time and in bounded
 * memory: this thread reads, a second one sorts, follows the threads and writes. undefined, and nothing printed, where it
 * cannot: the file is small or no perf.data, some of its records were written late, or their names lie elsewhere.
 *
 * Throws what `openTrace` throws, `MissingEventError` where the recording has no sched_switch, and an Error where the second
 * thread fails. Where the reader of stdout is gone, `brokenPipe` of the result is set.
 */
export async function printFile(
  path: string,
  options: TimehistPrintOptions = {},
): Promise<TimehistCoverage & { readonly brokenPipe: boolean } | undefined> {
  if (!isPlainPrint(options) || !await isLargePerfData(path)) return undefined;
  const worker = new Worker(new URL("./print_worker.ts", import.meta.url), { type: "module" });
  const answer = new Promise<PrintAnswer>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`The thread that prints the rows failed: ${event.message}`));
    };
  });
  answer.catch(() => {}); // it is awaited only if the reading succeeds
  try {
    const { ChunkRows, makeSharedChunks } = await import("../../trace/row_chunks.ts");
    const { readAhead } = await import("../../trace/perf_data/read_ahead.ts");
    const ahead = await readAhead(path);
    if (ahead === undefined) return undefined;
    ahead.trace.requireEvent("timehist", "sched:sched_switch");
    const chunks = makeSharedChunks();
    const { cpus, pids, tids, state } = options;
    worker.postMessage({
      chunks,
      filter: { ...(cpus && { cpus }), ...(pids && { pids }), ...(tids && { tids }) },
      base: ahead.base,
      state: state === true,
    });
    const rows = new ChunkRows(chunks, (message) => {
      worker.postMessage({ ...message, names: ahead.names.takeFresh() });
    });
    ahead.read(rows);
    rows.settle(Infinity);
    if (rows.stalled || rows.disordered) throw new Error(`${path} changed while it was read`);
    worker.postMessage("end");
    const { tracked, brokenPipe, from, to } = await answer;
    const { coverageOfRuns } = await import("./summary.ts");
    return { ...coverageOfRuns(tracked, ahead.trace, to - from, cpus), brokenPipe };
  } finally {
    worker.terminate();
  }
}
