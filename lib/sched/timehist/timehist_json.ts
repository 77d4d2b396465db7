import type { Trace } from "../../trace/trace.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { timehistSummary } from "./summary.ts";
import { timehist } from "./timehist.ts";
import type { RunFilter } from "./tracked_runs.ts";
import { utf8 } from "./utf8.ts";

/**
 * Writes the runs of `trace` as lines of JSON, or their sums as one document. Times are ns; null where not known. `ts` is
 * relative to `epoch`, which the document has and the lines do not: they have `time`, ns of the recording's clock, as text.
 */
export function writeTimehistJson(trace: Trace, out: ByteWriter, filter: RunFilter, summary: boolean): void {
  if (summary) {
    const { threads, cpus, ...rest } = timehistSummary(trace, filter);
    const document = { epoch: String(trace.epoch), ...rest, threads: threads.toJSON(), cpus: cpus.toJSON() };
    out.text(utf8(JSON.stringify(document)));
    out.text("\n");
    return;
  }
  const rows = timehist(trace, filter);
  const ts = rows.column("ts");
  for (let row = 0; row < rows.length; row++) {
    const time = String(trace.epoch + BigInt(ts[row]!));
    out.text(utf8(JSON.stringify({ time, ...rows.row(row) })));
    out.text("\n");
  }
}
