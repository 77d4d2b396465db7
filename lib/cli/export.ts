import { EXPORT_FORMATS, type ExportFormat, exportTrace, isTableFormat } from "../trace/export.ts";
import { openTrace } from "../trace/open.ts";
import type { Trace } from "../trace/trace.ts";
import { oneFile, parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { tellCoverage, TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { parseWindow } from "./window_args.ts";

/** One line for the list of commands. */
export const summary =
  "writes a trace for Perfetto, trace-cmd, DuckDB, pandas, jq: whatever is to read it next";

const HELP = `Usage: schedscope export FILE --to FORMAT [-o OUTPUT] [OPTIONS]

Writes the recording FILE, of whatever kind, as another. It appears whole or not at all.

FORMAT        OUTPUT
  perfetto    a file for ui.perfetto.dev: all events, names, wakeups; the causes of gaps under each thread, and the holes
  trace.dat   a file (version 6) for trace-cmd and KernelShark
  ftrace      the kernel's text; without -o to standard output
  jsonl       an object for each event in order of time; without -o to standard output
  arrow       a directory with an Arrow IPC file for each table
  csv         the same as CSV
  parquet     a directory of tables partitioned by host and run, to which the next run is added

Options:
${TRACE_HELP}
  -o, --output PATH     where to; - is standard output
  --window FROM,TO      only this part, from the recording's start on: 1.5s,2s or 250ms, (to the end)
  --event NAME,...      only these events, such as sched:sched_switch
  --table NAME,...      for tables: only these. One table goes to the file OUTPUT, or to standard output
  --gaps DURATION       shortest gap whose cause is written (Perfetto: default 1ms; tables: the table gaps, default none)
  --host NAME           for parquet: the partition's host (default: the trace's)
  --run NAME            for parquet: the partition's run (default: the name of FILE)
  --ns                  for ftrace: stamps in nanoseconds (default: microseconds, as the kernel)
  -h, --help            this text

Examples:
  schedscope export perf.data --to perfetto -o trace.pftrace      then open it at https://ui.perfetto.dev
  schedscope export perf.data --to trace.dat -o trace.dat && trace-cmd report trace.dat
  schedscope export trace.dat --to jsonl --event sched:sched_switch | jq -r .next_comm | sort | uniq -c
  for f in run-*.data; do schedscope export $f --to parquet -o runs; done
  duckdb -c "SELECT run, count(*) FROM 'runs/switches/**/*.parquet' GROUP BY run"
  schedscope export perf.data --to csv --table switches --window 1s,1.1s | head
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    to: { value: true },
    output: { short: "o", value: true },
    window: { value: true },
    event: { value: true },
    table: { value: true },
    gaps: { value: true },
    host: { value: true },
    run: { value: true },
    ns: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const format = formatOf(parsed.get("to"));
  const window = parsed.get("window");
  const events = parsed.get("event")?.split(",");
  const tables = parsed.get("table")?.split(",");
  if (tables !== undefined && !isTableFormat(format)) {
    throw new UsageError(`--table is for arrow, parquet and csv, not for ${format}`);
  }
  const single = tables?.length === 1 && format !== "parquet";
  const output = parsed.get("output") ??
    (single || format === "ftrace" || format === "jsonl" ? "-" : undefined);
  if (output === undefined) throw new UsageError(`Expected -o, where the ${format} is to go`);
  if (output === "-" && (format === "trace.dat" || isTableFormat(format) && !single)) {
    throw new UsageError(
      `${format} cannot go to standard output${isTableFormat(format) ? " but for one --table" : ""}`,
    );
  }
  const threshold = parsed.get("gaps");
  const shortest = threshold === undefined
    ? format === "perfetto" ? 1e6 : undefined
    : parseDuration(threshold, "--gaps");
  const host = parsed.get("host");
  const name = parsed.get("run");

  await interruptible(async (signal) => {
    const trace = await openTrace(file, {
      ...traceOptions(parsed),
      ...(window === undefined ? {} : { window: parseWindow(window) }),
      ...(events === undefined ? {} : { events }),
      signal,
    });
    const found = shortest === undefined ? undefined : await gapsOf(trace, shortest, threshold !== undefined);
    await exportTrace(trace, format, output, {
      ...(found === undefined
        ? {}
        : { tracks: found.tracks, more: { gaps: found.table, causes: found.causes } }),
      ...(tables === undefined ? {} : { tables }),
      ...(host === undefined ? {} : { host }),
      ...(name === undefined ? {} : { run: name }),
      single,
      nanoseconds: parsed.has("ns"),
      signal,
    });
    tellCoverage(trace);
  });
  return ExitCode.Ok;
}

function formatOf(text: string | undefined): ExportFormat {
  const format = EXPORT_FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  const found = text === undefined ? "nothing" : JSON.stringify(text);
  throw new UsageError(`Expected --to to be one of ${EXPORT_FORMATS.join(", ")} but found ${found}`);
}

/** FROM,TO of which either may be left out. */
/** The ledger of gaps, for its tracks and tables; undefined where the trace lacks the events and nobody insisted. */
async function gapsOf(trace: Trace, threshold: number, wanted: boolean) {
  const { gaps } = await import("../sched/gaps.ts");
  const { gapTracks } = await import("../sched/gap_tracks.ts");
  const complete = trace.has("sched:sched_switch") &&
    (trace.has("sched:sched_waking") || trace.has("sched:sched_wakeup"));
  if (!complete && !wanted) return undefined;
  const ledger = gaps(trace, { threshold });
  return { tracks: gapTracks(ledger), table: ledger.gaps, causes: ledger.causes };
}
