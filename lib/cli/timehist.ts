import type { TimehistPrintOptions, TimeWindow } from "../sched/timehist/options.ts";
import type { TimehistCoverage } from "../sched/timehist/timehist_print.ts";
import type { Trace } from "../trace/trace.ts";
import { type OptionSpec, parseArgs, type ParsedArgs } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { writeStdout } from "./write_stdout.ts";

/** One line for the list of commands. */
export const summary =
  "every run of every thread: how long, and what it waited for before (as perf sched timehist)";

const HELP = `Usage: schedscope timehist [OPTIONS] FILE

Prints a line for each run of a thread on a CPU: when it ended, how long the thread had been off the CPU before (wait
time), how much of that it was runnable after a wakeup (wake delay) or after a preemption (preempted), and how long it ran.
FILE is whatever schedscope info can read. '?' is what the recording does not tell.

Options, those of perf sched timehist:
  -s, --summary        only the sums for each thread and the idle time of each CPU
  -S, --with-summary   the lines, then the sums
  -w, --wakeups        a line for each wakeup
  -n, --next           the task that runs next
  -M, --migrations     a line for each migration
  -V, --cpu-visual     a column for each CPU
  -I, --idle-hist      only idle
      --state          the state that the task left in; with -s, what it waited for
      --time FROM,TO   seconds of the recording's clock; either may be left out
  -C, --cpu LIST       only these CPUs, such as 0,2-3
  -p, --pid LIST       only these processes
  -t, --tid LIST       only these threads
  -i, --input FILE     the same as FILE
and ours:
      --rules RULES    correct (default), or perf-6.1: the output of perf 6.1 to the byte, with its mistakes
      --json           lines of JSON, one for each run; with -s one document. Times are ns, null = not known
  -h, --help           this text
${TRACE_HELP}

How much of the machine's time the lines cover is said on stderr. Exit codes: 0 ok, 1 failed, 2 wrong usage.

Examples:
  schedscope timehist perf.data                  # every run
  schedscope timehist -s perf.data               # who ran how much
  schedscope timehist -s --state perf.data       # who waited for what
  schedscope timehist -MVw --state -C 0 perf.data
  schedscope timehist --time 12.5,12.6 -t 4242 perf.data
  schedscope timehist --json perf.data | jq -c 'select(.wake_delay > 1e6)'
  diff <(perf sched timehist -MVw -i perf.data) <(schedscope timehist --rules perf-6.1 -MVw perf.data)
`;

const OPTIONS = {
  "summary": { short: "s" },
  "with-summary": { short: "S" },
  "wakeups": { short: "w" },
  "next": { short: "n" },
  "migrations": { short: "M" },
  "cpu-visual": { short: "V" },
  "idle-hist": { short: "I" },
  "state": {},
  "time": { value: true },
  "cpu": { short: "C", value: true },
  "pid": { short: "p", value: true },
  "tid": { short: "t", value: true },
  "input": { short: "i", value: true },
  "rules": { value: true },
  ...TRACE_OPTIONS,
  "json": {},
  "help": { short: "h" },
} as const satisfies Record<string, OptionSpec>;

type Args = ParsedArgs<keyof typeof OPTIONS>;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const given: Args = parseArgs(args, OPTIONS);
  if (given.has("help")) {
    console.log(HELP.trimEnd());
    return ExitCode.Ok;
  }
  const files = [...given.all("input"), ...given.rest];
  if (files.length !== 1) throw new UsageError(`expected one FILE but found ${files.length}`);
  const rules = given.get("rules") ?? "correct";
  if (rules !== "correct" && rules !== "perf-6.1") {
    throw new UsageError(`--rules is correct or perf-6.1 and not ${JSON.stringify(rules)}`);
  }
  const options = printOptions(given);
  const json = given.has("json");
  if (json && rules !== "correct") {
    throw new UsageError("--json has its own form and goes with --rules correct");
  }

  const open = traceOptions(given);
  const plain = options.time === undefined && Object.keys(open).length === 0;
  if (rules === "correct" && options.summaryOnly === true && !json && plain) {
    return await printSums(files[0]!, options);
  }
  if (rules === "correct" && !json && Object.keys(open).length === 0) {
    const { isPlainPrint, printFile } = await import("../sched/timehist/print_file.ts");
    const coverage = isPlainPrint(options) ? await printFile(files[0]!, options) : undefined;
    if (coverage?.brokenPipe) return 141;
    if (coverage !== undefined) {
      console.error(coverageLine(coverage));
      return ExitCode.Ok;
    }
  }
  const engine = rules === "correct"
    ? import("../sched/timehist/timehist_print.ts")
    : import("../sched/timehist/perf_6_1.ts");
  const { openTrace } = await import("../trace/open.ts");
  const trace = await openTrace(files[0]!, open);
  const { ByteWriter } = await import("../sched/timehist/byte_writer.ts");
  const out = new ByteWriter(writeStdout);
  const loaded = await engine;
  if ("writePerfTimehist" in loaded) {
    checkCpus(trace, options.cpus);
    trace.requireEvent("timehist", "sched:sched_switch");
    loaded.writePerfTimehist(trace, out, options);
    out.flush();
    return ExitCode.Ok;
  }
  if (json) {
    const { writeTimehistJson } = await import("../sched/timehist/timehist_json.ts");
    writeTimehistJson(trace, out, loaded.runFilter(trace, options), options.summaryOnly === true);
    out.flush();
    return ExitCode.Ok;
  }
  const coverage = loaded.writeTimehist(trace, out, options);
  out.flush();
  console.error(coverageLine(coverage));
  return ExitCode.Ok;
}

/** `-s`, which needs no more than one pass over the file. */
async function printSums(path: string, options: TimehistPrintOptions): Promise<number> {
  const { summarizeFile } = await import("../sched/timehist/summarize_file.ts");
  const [summary, { printSummary }, { ByteWriter }] = await Promise.all([
    summarizeFile(path, options),
    import("../sched/timehist/summary_print.ts"),
    import("../sched/timehist/byte_writer.ts"),
  ]);
  const out = new ByteWriter(writeStdout);
  printSummary(out, summary, options);
  out.flush();
  const { share, span, runs, censored, cpus, lost } = summary;
  console.error(coverageLine({ share, span, runs, censored, lost, cpus: cpus.length }));
  return ExitCode.Ok;
}

function printOptions(given: Args): TimehistPrintOptions {
  if (given.has("summary") && (given.has("wakeups") || given.has("next"))) {
    throw new UsageError("-s and -[n|w] are mutually exclusive");
  }
  const [cpus, pids, tids] = [given.get("cpu"), given.get("pid"), given.get("tid")];
  const time = given.get("time");
  return {
    summaryOnly: given.has("summary"),
    withSummary: given.has("with-summary"),
    wakeups: given.has("wakeups"),
    next: given.has("next"),
    migrations: given.has("migrations"),
    cpuVisual: given.has("cpu-visual"),
    idleOnly: given.has("idle-hist"),
    state: given.has("state"),
    ...(time === undefined ? {} : { time: parseWindow(time) }),
    ...(cpus === undefined ? {} : { cpus: parseCpus(cpus) }),
    ...(pids === undefined ? {} : { pids: parseIds("-p", pids) }),
    ...(tids === undefined ? {} : { tids: parseIds("-t", tids) }),
  };
}

/** `from,to` in seconds with up to nine digits behind the point, as perf_time__parse_str takes it. */
function parseWindow(text: string): TimeWindow {
  const match = /^(\d+(?:\.\d{0,9})?)?(?:,(\d+(?:\.\d{0,9})?)?)?$/.exec(text);
  const from = nanoseconds(match?.[1]);
  const to = nanoseconds(match?.[2]);
  if (match === null || (from !== undefined && to !== undefined && to !== 0n && to < from)) {
    throw new UsageError(`--time is FROM,TO in seconds, such as 12.5,12.6, and not ${JSON.stringify(text)}`);
  }
  return { from, to };
}

function nanoseconds(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const [seconds = "0", fraction = ""] = text.split(".");
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function parseCpus(text: string): Set<number> {
  const cpus = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || to < from || to > 65535) {
      throw new UsageError(`-C is a list of CPUs such as 0,2-3 and not ${JSON.stringify(text)}`);
    }
    for (let cpu = from; cpu <= to; cpu++) cpus.add(cpu);
  }
  return cpus;
}

/** perf refuses CPUs that the machine has no room for. */
function checkCpus(trace: Trace, cpus: ReadonlySet<number> | undefined): void {
  const room = trace.host.cpusAvailable;
  if (cpus === undefined || room === undefined) return;
  for (const cpu of cpus) {
    if (cpu >= room) {
      throw new RangeError(`CPU ${cpu} of -C is too large: the recorded machine has room for ${room}`);
    }
  }
}

function parseIds(option: string, text: string): Set<number> {
  if (!/^-?\d+(,-?\d+)*$/.test(text)) {
    throw new UsageError(`${option} is a list of numbers such as 1,42 and not ${JSON.stringify(text)}`);
  }
  return new Set(text.split(",").map(Number));
}

function coverageLine(coverage: TimehistCoverage): string {
  const { share, cpus, span, runs, censored, lost } = coverage;
  const percent = (100 * share).toFixed(1);
  const time = `${percent} % of ${cpus} CPUs x ${(span / 1e6).toFixed(3)} ms`;
  return `Covers ${time}; of ${censored} of ${runs} runs something is not known` +
    (lost > 0 ? ` (${lost} events were lost in recording).` : ".");
}
