import { Trace } from "../trace.ts";
import { withOutput } from "../write/output.ts";
import { writeCapture } from "./write_capture.ts";
import { writeEvents } from "./write_events.ts";

/** Options of {@linkcode writeTraceDat}. */
export interface WriteTraceDatOptions {
  /** Ends the writing with its reason. Nothing is left behind. Default: none. */
  signal?: AbortSignal;
}

/**
 * Writes a trace, or the tracefs capture in a directory, as a trace.dat of version 6 at `output`, which `trace-cmd report` and
 * KernelShark open.
 *
 * A capture's pages, formats and saved names go over as they are. A trace's events go into pages made for them, with all of
 * their fields: by the formats that the trace has (perf.data's are those of the kernel), and for sources without layouts
 * (texts, Perfetto) by formats made up from the fields' names; what was lost stands where it was lost. Each thread has the last
 * name that is known of it, as the file has room for one.
 *
 * What version 6 has no place for is left behind: the processes of threads, the CPUs' topology and the wall clock. A capture's
 * stamps of the time-stamp counter get a `TSC2NSEC` rule whose rate is exact to 1 in 2^31; a trace's are ns already. A clock
 * that is not known becomes `local`.
 *
 * The file comes to be under another name beside `output` and takes its place when it is whole. Throws `TraceFormatError`
 * where the directory is no capture, and an Error where the file cannot be written.
 */
export async function writeTraceDat(
  from: Trace | string,
  output: string,
  options: WriteTraceDatOptions = {},
): Promise<void> {
  const { signal } = options;
  await withOutput(output, { signal }, async (write) => {
    if (from instanceof Trace) await writeEvents(from, write, signal);
    else await writeCapture(from, write);
  });
}
