import { latency } from "../sched/latency/latency.ts";
import type { LatencySortKey } from "../sched/latency/perf_6_1.ts";
import { openTrace } from "../trace/open.ts";
import { oneFile, parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { wholeNumber } from "./whole_number.ts";
import { tellCoverage, TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";

/** One line for the list of commands. */
export const summary = "how long threads waited for a CPU once they wanted one (as perf sched latency)";

const SORT_KEYS: readonly LatencySortKey[] = ["avg", "max", "switch", "runtime", "pid"];

const HELP = `Usage: schedscope latency [OPTIONS] FILE

A line for each name of threads (or for each thread): run time, number of waits, and how long they were: mean, percentiles,
the longest and when. A wait begins with the waking, or when the thread lost its CPU while runnable, and ends when it runs.

Options:
  -p, --pids            a line for each thread
  -s, --sort KEY,...    avg, max (default), switch, runtime, pid
  -n, --top N           lines (default: all)
      --rules RULES     correct (default), or perf-6.1: the output of perf 6.1 to the byte, but for its line on lost events,
                        with its mistakes: it does not know sched_waking, takes R+ for asleep, and needs
                        sched_stat_runtime for run times
      --json            one JSON object
${TRACE_HELP}
  -h, --help            this text

Examples:
  schedscope latency perf.data
  schedscope latency -p -n 10 perf.data
  schedscope latency --json perf.data | jq '.threads[] | select(.p99_delay > 1e6) | .comm'
  diff <(perf sched latency -i perf.data) <(schedscope latency --rules perf-6.1 perf.data)
`;

/** Column that each key sorts by. */
const COLUMN = {
  avg: "avg_delay",
  max: "max_delay",
  switch: "count",
  runtime: "run",
  pid: "tid",
} as const satisfies Record<LatencySortKey, string>;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    pids: { short: "p" },
    sort: { short: "s", value: true },
    top: { short: "n", value: true },
    rules: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const rules = parsed.get("rules") ?? "correct";
  if (rules !== "correct" && rules !== "perf-6.1") {
    throw new UsageError(`--rules is correct or perf-6.1 and not ${JSON.stringify(rules)}`);
  }
  const sort = parsed.get("sort")?.split(",").map(sortKey);
  const top = parsed.get("top");
  const limit = top === undefined ? undefined : wholeNumber(top, "--top");
  const byThread = parsed.has("pids");
  const trace = await openTrace(file, traceOptions(parsed));
  if (rules === "perf-6.1") {
    if (parsed.has("json") || limit !== undefined) {
      throw new UsageError("--json and --top go with --rules correct");
    }
    trace.requireEvent("latency", "sched:sched_switch");
    const { writePerfLatency } = await import("../sched/latency/perf_6_1.ts");
    const { ByteWriter } = await import("../sched/timehist/byte_writer.ts");
    const { writeStdout } = await import("./write_stdout.ts");
    const out = new ByteWriter(writeStdout);
    writePerfLatency(trace, out, { byThread, ...(sort === undefined ? {} : { sort }) });
    out.flush();
    return ExitCode.Ok;
  }
  let table = latency(trace, { by: byThread ? "thread" : "comm" });
  for (const key of (sort ?? []).toReversed()) table = table.sort(COLUMN[key], { descending: true });
  const { quality } = trace;
  if (parsed.has("json")) {
    const threads = table.head(limit ?? table.length).toJSON();
    console.log(JSON.stringify({ epoch: trace.epoch.toString(), coverage: quality.share, threads }));
    return ExitCode.Ok;
  }
  console.log(table.toText({ limit: limit ?? table.length, width: 200 }));
  tellCoverage(trace);
  return ExitCode.Ok;
}

function sortKey(text: string): LatencySortKey {
  const key = SORT_KEYS.find((each) => each === text.trim());
  if (key === undefined) {
    throw new UsageError(`--sort is of ${SORT_KEYS.join(", ")} and not ${JSON.stringify(text)}`);
  }
  return key;
}
