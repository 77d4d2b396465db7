import { formatNs } from "../frame/format_ns.ts";
import { openTrace } from "../trace/open.ts";
import { gaps } from "../sched/gaps.ts";
import { longestGaps } from "../sched/longest_gaps.ts";
import { parseDuration } from "./duration.ts";
import { oneFile, parseCommand } from "./args.ts";
import { tellCoverage, TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { ExitCode } from "./exit_code.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "the moments in which a thread of a trace wanted to run and did not, each with its cause and culprit";

const HELP = `Usage: schedscope gaps [OPTIONS] FILE

Lists the longest stretches in which a thread of the recording FILE was runnable and did not run, with what caused each:
preempted by whom, queued behind whom, woken on an idle CPU, moved. The parts of a gap add up to its length.

Options:
${TRACE_HELP}
  --threshold DURATION  shortest gap to report (default 1ms)
  -t, --tid TID,...     only these threads
  -n, --top N           how many to print, the longest first (default 20)
  --json                one JSON object: the gaps in order of time, and the time by cause
  -h, --help            this text

Examples:
  schedscope gaps perf.data                     the 20 longest over 1 ms
  schedscope gaps --threshold 100us -t 4711 perf.data
  schedscope gaps --json perf.data | jq '.causes'
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    threshold: { value: true },
    tid: { short: "t", value: true },
    top: { short: "n", value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const threshold = parseDuration(parsed.get("threshold") ?? "1ms", "--threshold");
  const tids = parsed.get("tid")?.split(",").map((text) => wholeNumber(text, "--tid"));
  const top = wholeNumber(parsed.get("top") ?? "20", "--top");

  const trace = await openTrace(file, traceOptions(parsed));
  const ledger = gaps(trace, { threshold, ...(tids === undefined ? {} : { tids }) });
  const { quality } = trace;
  if (parsed.has("json")) {
    console.log(JSON.stringify({
      epoch: ledger.epoch.toString(),
      threshold_ns: threshold,
      total: ledger.total,
      coverage: quality.share,
      gaps: ledger.gaps.toJSON(),
      causes: ledger.causes.toJSON(),
    }));
    return ExitCode.Ok;
  }
  const explained = ledger.total > ledger.gaps.length ? `, the ${ledger.gaps.length} longest explained` : "";
  console.log(
    `${ledger.total} gaps of at least ${formatNs(threshold)} in ${formatNs(trace.span.to)}${explained}`,
  );
  if (ledger.gaps.length > 0) {
    console.log(longestGaps(ledger.gaps, top).toText({ limit: top }));
    console.log(`\n${ledger.causes.toText()}`);
  }
  tellCoverage(trace);
  return ExitCode.Ok;
}
