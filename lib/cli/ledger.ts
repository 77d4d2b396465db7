import { ledger, LEDGER_PARTS } from "../sched/ledger.ts";
import { openTrace } from "../trace/open.ts";
import { oneFile, parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { tellCoverage, TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary = "where every thread's time went: parts that add up to its life to the nanosecond";

const GROUPS = ["thread", "comm", "process", "vm", "cgroup"] as const;

const HELP = `Usage: schedscope ledger [OPTIONS] FILE

A line for each thread (or group) of the recording FILE: on a CPU, behind whom of which class it waited, throttled, being moved, asleep and
by whom it was woken, blocked, unknown. The parts of a line add up to the thread's life in the recording. The one that waited most comes first.

Options:
${TRACE_HELP}
      --by GROUP        ${GROUPS.join(", ")} (default thread)
  -t, --tid TID,...     only these threads
  -n, --top N           lines (default 30)
  -a, --all             all columns, also those in which nobody has anything
      --json            one JSON object with all lines and columns
  -h, --help            this text

Examples:
  schedscope ledger perf.data
  schedscope ledger --by process -n 10 perf.data
  schedscope ledger --json perf.data | jq '.threads[] | select(.throttled > 0) | .comm'
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    by: { value: true },
    tid: { short: "t", value: true },
    top: { short: "n", value: true },
    all: { short: "a" },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const name = parsed.get("by") ?? "thread";
  const by = GROUPS.find((each) => each === name);
  if (by === undefined) {
    throw new UsageError(`--by is of ${GROUPS.join(", ")} and not ${JSON.stringify(name)}`);
  }
  const tids = parsed.get("tid")?.split(",").map((text) => wholeNumber(text, "--tid"));
  const top = wholeNumber(parsed.get("top") ?? "30", "--top");
  const trace = await openTrace(file, traceOptions(parsed));
  const table = ledger(trace, { by, ...(tids === undefined ? {} : { tids }) });
  const { quality } = trace;
  if (parsed.has("json")) {
    const epoch = trace.epoch.toString();
    console.log(JSON.stringify({ epoch, coverage: quality.share, threads: table.toJSON() }));
    return ExitCode.Ok;
  }
  const parts = LEDGER_PARTS.filter((part) =>
    parsed.has("all") || table.column(part).some((time) => time > 0)
  );
  const shown = by === "thread"
    ? table.select("comm", "tid", "wall", ...parts)
    : table.select("comm", "threads", "wall", ...parts);
  console.log(shown.toText({ limit: top, width: 400 }));
  tellCoverage(trace);
  return ExitCode.Ok;
}
