import { whyNotRunning } from "../sched/why_not_running.ts";
import { gaps } from "../sched/gaps.ts";
import { openTrace } from "../trace/open.ts";
import { oneFile, parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary = "what a thread did at a moment, and if it did not run, why, in words";

const HELP = `Usage: schedscope why [OPTIONS] FILE

Says what a thread did at a moment of the recording FILE: if it waited, for whom, since when, who had woken it, and how the whole
wait divides into causes; if it slept, who woke it.

Options:
${TRACE_HELP}
  -t, --tid TID         the thread (needed)
      --at TIME         the moment since the recording's start, such as 3.2041s or 3204.1ms, as gaps and timehist print them
                        (default: the middle of the thread's longest wait)
      --json            one JSON object
  -h, --help            this text

Examples:
  schedscope why -t 4711 perf.data
  schedscope why -t 4711 --at 3.2041s perf.data
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    tid: { short: "t", value: true },
    at: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const tid = parsed.get("tid");
  if (tid === undefined) throw new UsageError("which thread? --tid TID");
  const thread = wholeNumber(tid, "--tid");
  const moment = parsed.get("at");
  const at = moment === undefined ? undefined : parseDuration(moment, "--at");
  const trace = await openTrace(file, traceOptions(parsed));
  const { to } = trace.span;
  if (at !== undefined && at > to) {
    throw new UsageError(`--at ${moment} lies behind the recording's end, ${(to / 1e9).toFixed(6)}s`);
  }
  const when = at ?? middleOfLongestWait();
  const why = whyNotRunning(trace, thread, when);
  console.log(parsed.has("json") ? JSON.stringify({ tid: thread, ts: when, why }) : why);
  return ExitCode.Ok;

  function middleOfLongestWait(): number {
    const { gaps: waits } = gaps(trace, { tids: [thread], threshold: 0, limit: 1 });
    if (waits.length === 0) {
      throw new UsageError(`thread ${thread} never waits in the trace: ask for a moment with --at`);
    }
    const { ts, dur } = waits.row(0);
    return ts + dur / 2;
  }
}
