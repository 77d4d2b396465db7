import { tracefsRoot } from "../trace/record/tracefs_root.ts";
import { parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { cpuList } from "./spin_args.ts";
import type { TopSort } from "./top_view.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary = "who runs, who waits and for whom: a live view of the scheduler in the terminal";

const HELP = `Usage: schedscope top [OPTIONS]

Shows every second which threads ran and which wanted to run and did not: how long, how late, and who had their CPU. It
reads the scheduler's events from a tracefs instance of its own, which is removed at the end.

  RUN      time on a CPU in the last interval
  WAIT     time in it in which the thread was runnable and did not run
  DELAY99  99th percentile of its waits; a wait counts from the moment it was woken or lost its CPU
  GAP      the longest wait. One that goes on grows from interval to interval
  CAUSE    why, as far as the gap lies in the interval, and CULPRIT: who had the CPU. See schedscope gaps
  S        at the end it R ran, W waited, S slept, X had ended
  UNKNOWN  time in the interval of which the trace does not tell

Keys: r, w, d, g sort by run, wait, delay, gap; p pause; q, Esc or Ctrl-C quit. Threads of this program are marked by *.

Options:
  -d, --delay TIME   length of an interval (default 1s, at least 100ms)
  -n, --count N      end after N intervals
  -b, --batch        pictures one after the other, as text (so too where standard output is no terminal)
  -s, --sort BY      run, wait, delay or gap (default run)
  -l, --limit N      most threads in a picture or line (default: what fits; 20 with --batch; all with --json)
      --cpus LIST    follow only these CPUs, such as 0-3,8
      --json         a line of JSON for each interval; times are ns, null = not known
  -h, --help         this text

Examples:
  sudo schedscope top
  sudo schedscope top -s gap -d 5s
  sudo schedscope top -b -n 1 | head -20
  sudo schedscope top --json | jq -c '{at, worst: (.tasks | max_by(.gap) | {comm, gap, cause, culprit})}'

Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the machine lacks something, with the command that would help. What a kill -9
leaves behind, schedscope doctor --clean removes.
`;

const SORTS: readonly TopSort[] = ["run", "wait", "delay", "gap"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    delay: { short: "d", value: true },
    count: { short: "n", value: true },
    batch: { short: "b" },
    sort: { short: "s", value: true },
    limit: { short: "l", value: true },
    cpus: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) {
    throw new UsageError(`Expected no arguments but found ${parsed.rest.join(" ")}`);
  }
  const delay = parseDuration(parsed.get("delay") ?? "1s", "--delay");
  if (!(delay >= 100e6 && delay <= 3600e9)) {
    throw new UsageError("Expected --delay to be from 100ms to 60m");
  }
  const count = atLeastOne(parsed.get("count"), "--count") ?? Infinity;
  const limit = atLeastOne(parsed.get("limit"), "--limit");
  const cpus = parsed.get("cpus");
  const batch = parsed.has("batch") || !Deno.stdout.isTerminal() || !Deno.stdin.isTerminal();
  const how = {
    delay,
    count,
    sort: sortOf(parsed.get("sort") ?? "run"),
    ...(limit === undefined ? {} : { limit }),
  };
  // What may not be is said at once; the rest is loaded when it may.
  await tracefsRoot();
  const [{ startLive }, { printJson, printPictures, showScreen }] = await Promise.all([
    import("../trace/live/mod.ts"),
    import("./top_loop.ts"),
  ]);
  const stop = new AbortController();
  const abort = () => stop.abort();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, abort);
  try {
    await using live = await startLive(cpus === undefined ? {} : { cpus: cpuList(cpus) });
    if (parsed.has("json")) await printJson(live, how, stop.signal);
    else if (batch) await printPictures(live, how, stop.signal);
    else await showScreen(live, how, stop);
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, abort);
  }
  return ExitCode.Ok;
}

function sortOf(text: string): TopSort {
  const found = SORTS.find((each) => each === text);
  if (found === undefined) {
    throw new UsageError(`Expected --sort to be run, wait, delay or gap but found ${JSON.stringify(text)}`);
  }
  return found;
}

function atLeastOne(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = wholeNumber(text, option);
  if (value < 1) throw new UsageError(`Expected ${option} to be at least 1 but found ${value}`);
  return value;
}
