import type { OpenTraceOptions } from "../trace/open.ts";
import type { Trace } from "../trace/trace.ts";
import { wholeNumber } from "./whole_number.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";

/** Options of the commands that open a trace. */
export const TRACE_OPTIONS = {
  "formats-from": { value: true },
  instance: { value: true },
  guest: { value: true },
  cache: {},
} as const satisfies Record<string, OptionSpec>;

/** Their help, as the commands print it. */
export const TRACE_HELP =
  `  --formats-from PATH   where a killed recorder left its perf.data without the layouts of the events: a tracefs
                        (machine: this one's), or another perf.data of the same boot
  --instance NAME       which buffer of a trace.dat, where it holds several
  --guest PID           the guest with this process on the host, where a perf.data has guests beside it
  --cache               keep what is opened, so that the next time takes a tenth (in SCHEDSCOPE_CACHE, which does the same
                        for all commands, or the user's cache directory)`;

/** What they say of how to open a trace. */
export function traceOptions(args: ParsedArgs<keyof typeof TRACE_OPTIONS>): OpenTraceOptions {
  const formatsFrom = args.get("formats-from");
  const instance = args.get("instance");
  const guest = args.get("guest");
  return {
    ...(formatsFrom === undefined ? {} : { formatsFrom }),
    ...(instance === undefined ? {} : { instance }),
    ...(guest === undefined ? {} : { guest: wholeNumber(guest, "--guest") }),
    ...(args.has("cache") ? { cache: true } : {}),
  };
}

/** Tells on standard error how much of the machine's time `trace` covers, where that is not practically all. */
export function tellCoverage({ quality: { share } }: Trace): void {
  if (share >= 0.9995) return;
  console.error(`The trace covers ${(share * 100).toFixed(2)} % of CPU-time; see schedscope info.`);
}
