import process from "node:process";
import { startLive } from "../trace/live/mod.ts";
import type { LiveTrace } from "../trace/live/live_trace.ts";
import { parseArgs } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { cpuList } from "./spin_args.ts";
import { TerminalScreen } from "./terminal_screen.ts";
import { topTasks } from "./top_tasks.ts";
import { sortTasks, topLines, type TopSample, type TopSort } from "./top_view.ts";
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

const KEYS = "r run  w wait  d delay  g gap   p pause  q quit";
const SORTS: Readonly<Record<string, TopSort>> = { r: "run", w: "wait", d: "delay", g: "gap" };
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseArgs(args, {
    delay: { short: "d", value: true },
    count: { short: "n", value: true },
    batch: { short: "b" },
    sort: { short: "s", value: true },
    limit: { short: "l", value: true },
    cpus: { value: true },
    json: {},
    help: { short: "h" },
  });
  if (parsed.has("help")) {
    console.log(HELP.trimEnd());
    return ExitCode.Ok;
  }
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

interface How {
  /** ns. */
  readonly delay: number;
  readonly count: number;
  readonly sort: TopSort;
  readonly limit?: number;
}

/** A sample at the end of each interval. */
async function* samples(
  live: LiveTrace,
  { delay, count }: How,
  signal: AbortSignal,
): AsyncGenerator<TopSample> {
  let own = process.cpuUsage();
  let measured = performance.now();
  let next = measured;
  for (let i = 0; i < count; i++) {
    next = Math.max(next + delay / 1e6, performance.now());
    await sleep(next - performance.now(), signal);
    if (signal.aborted) return;
    const { trace, events, lost } = live.take();
    const tasks = topTasks(trace);
    const used = process.cpuUsage(own);
    const now = performance.now();
    yield {
      tasks,
      at: new Date(),
      dur: trace.span.to - trace.span.from,
      events,
      lost,
      coverage: trace.quality.share,
      cpus: live.cpus.length,
      kernel: trace.host.release ?? "",
      own: (used.user + used.system) / 1e3 / Math.max(1, now - measured),
      ownTids: ownThreads(live),
    };
    own = process.cpuUsage();
    measured = now;
  }
}

async function showScreen(live: LiveTrace, how: How, stop: AbortController): Promise<void> {
  let sort = how.sort;
  let paused = false;
  let sample: TopSample | undefined;
  const draw = () => {
    const { columns: width, rows } = screen.size;
    const height = how.limit === undefined ? rows : Math.min(rows, how.limit + 5);
    screen.draw(
      sample === undefined
        ? ["schedscope top: the first interval is not over yet", "", KEYS].slice(0, rows)
        : topLines(sample, { sort, width, height, paused, styled: true, keys: KEYS }),
    );
  };
  using screen = new TerminalScreen((key) => {
    if (key === "q" || key === "Q" || key === "\x1b" || key === "\x03") stop.abort();
    else if (Object.hasOwn(SORTS, key)) sort = SORTS[key]!;
    else if (key === "p" || key === "P" || key === " ") paused = !paused;
    else return;
    if (!stop.signal.aborted) draw();
  }, () => draw());
  draw();
  for await (const each of samples(live, how, stop.signal)) {
    if (paused) continue;
    sample = each;
    draw();
  }
}

async function printPictures(live: LiveTrace, how: How, signal: AbortSignal): Promise<void> {
  let first = true;
  for await (const sample of samples(live, how, signal)) {
    const height = (how.limit ?? 20) + 4;
    const width = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 120;
    const lines = topLines(sample, { sort: how.sort, width, height }).map((line) => line.trimEnd());
    while (lines.at(-1) === "") lines.pop();
    write(`${first ? "" : "\n"}${lines.join("\n")}\n`);
    first = false;
  }
}

async function printJson(live: LiveTrace, how: How, signal: AbortSignal): Promise<void> {
  for await (const sample of samples(live, how, signal)) {
    const { tasks, at, dur, events, lost, coverage, cpus, kernel, own, ownTids } = sample;
    const sorted = sortTasks(tasks, how.sort);
    const rows = (how.limit === undefined ? sorted : sorted.head(how.limit)).toJSON();
    const marked = rows.map((row) => ({ ...row, own: ownTids.has(Number(row.tid)) }));
    const facts = { at: at.toISOString(), dur, events, lost, coverage, cpus, kernel, own_cpu: own };
    write(`${JSON.stringify({ ...facts, sort: how.sort, tasks: marked })}\n`);
  }
}

/** Threads of this program, and of the shell that guards the instance. */
function ownThreads(live: LiveTrace): Set<number> {
  const tids = new Set<number>([Deno.pid]);
  if (live.guardPid !== undefined) tids.add(live.guardPid);
  try {
    for (const { name } of Deno.readDirSync("/proc/self/task")) tids.add(Number(name));
  } catch {
    // Only the main one, then.
  }
  return tids;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, ms));
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function sortOf(text: string): TopSort {
  const found = Object.values(SORTS).find((each) => each === text);
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

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
