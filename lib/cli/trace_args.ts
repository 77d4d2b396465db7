import type { OpenTraceOptions } from "../trace/open.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";

/** Options of the commands that open a trace. */
export const TRACE_OPTIONS = {
  "formats-from": { value: true },
  instance: { value: true },
} as const satisfies Record<string, OptionSpec>;

/** Their help, as the commands print it. */
export const TRACE_HELP =
  `  --formats-from PATH   where a killed recorder left its perf.data without the layouts of the events: a tracefs
                        (machine: this one's), or another perf.data of the same boot
  --instance NAME       which buffer of a trace.dat, where it holds several`;

/** What they say of how to open a trace. */
export function traceOptions(args: ParsedArgs<keyof typeof TRACE_OPTIONS>): OpenTraceOptions {
  const formatsFrom = args.get("formats-from");
  const instance = args.get("instance");
  return {
    ...(formatsFrom === undefined ? {} : { formatsFrom }),
    ...(instance === undefined ? {} : { instance }),
  };
}
