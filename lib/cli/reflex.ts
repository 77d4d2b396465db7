import { findWeight } from "../bench/reflex/find_weight.ts";
import { reflex } from "../bench/reflex/reflex.ts";
import { type ReflexOptions, type ReflexProgress, reflexSettings } from "../bench/reflex/reflex_options.ts";
import { type ReflexSweepOptions, runReflex } from "../bench/reflex/run_reflex.ts";
import { parseCommand, type ParsedArgs } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { cpuList } from "./spin_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "the scheduler benchmark: what a round costs when so many threads are runnable, with its claims proved";

const HELP = `Usage: schedscope reflex [OPTIONS]

Children stand in active sets; in each set one holds the token. Who holds it works for a while, and then either yields the CPU or
hands the token to the next of its set through a pipe and blocks until it comes back. So as many threads are runnable as there are
sets. Prints the mean of the wall time in us by the rounds of all children. Runs are repeated, each in a new process, until the 95 %
interval of the mean is within 1 % of it, at least 10 times and at most --max-runs: else the verdict is FRC, failed to reach confidence.

Options:
  -c, --children N       children, an even number (default 40)
  -a, --active N         active sets; divides the children (default half of them). A set of one never blocks
  -t, --time S           seconds of a run (default 1)
  -w, --weight W         percent of the rounds that hand the token on; the others yield (default 90)
  -r, --round US         us of work in a round, calibrated as CPU time (default 0)
  -o, --output N         1: words (default); 2: the line "children,   sets,   us"
  -q, --quiet            no progress, nothing but the result
      --min-runs N       fewest runs (default 10)
      --max-runs N       most runs (default 30)
      --width P          half of the interval's width, percent of the mean (default 1)
      --legacy-stop      the older, looser rule: from the second run on
      --cpus LIST        CPUs to run on, such as 0-3,8 (default: as inherited)
      --seed N           of the draws (default 5)
      --isolation WHERE  process (default) or thread: in this process, where the runtime disturbs it
      --trace            one more run is recorded and held against sched_waking and sched_switch (needs root)
      --sweep            every combination: -c, -a, -w and -r take lists such as 2,4,8
      --dir DIR          with --sweep: a file of each combination goes into DIR
      --find-weight      the weight at which threads are switched as often as woken; -w may be a list of those to try
      --json             one JSON object
  -h, --help             this text

Examples:
  schedscope reflex -c 80 -a 40 -w 90 -r 1 -o 2 -q      80,   40,   ...
  schedscope reflex --trace -t 0.3                      do the counters and the tracepoints agree?
  schedscope reflex --sweep -c 2,4,8,16,32,64 -w 50,90 -t 0.3 --dir results
  schedscope reflex --find-weight -c 16
`;

const OPTIONS = {
  children: { short: "c", value: true },
  active: { short: "a", value: true },
  time: { short: "t", value: true },
  weight: { short: "w", value: true },
  round: { short: "r", value: true },
  output: { short: "o", value: true },
  quiet: { short: "q" },
  "min-runs": { value: true },
  "max-runs": { value: true },
  width: { value: true },
  "legacy-stop": {},
  cpus: { value: true },
  seed: { value: true },
  isolation: { value: true },
  trace: {},
  sweep: {},
  dir: { value: true },
  "find-weight": {},
  json: {},
} as const;

type Args = ParsedArgs<keyof typeof OPTIONS>;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, OPTIONS, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected options only but found ${parsed.rest[0]}`);
  const output = parsed.get("output") ?? "1";
  if (output !== "1" && output !== "2") {
    throw new UsageError(`Expected --output to be 1 or 2 but found ${output}`);
  }
  if (parsed.has("sweep") && parsed.has("find-weight")) {
    throw new UsageError("--sweep and --find-weight exclude one another");
  }
  if (parsed.has("dir") && !parsed.has("sweep")) throw new UsageError("--dir needs --sweep");
  if (parsed.has("trace") && (parsed.has("sweep") || parsed.has("find-weight"))) {
    throw new UsageError("--trace is for one measurement, not for --sweep or --find-weight");
  }
  return await interruptible((signal) =>
    parsed.has("sweep")
      ? sweep(parsed, signal)
      : parsed.has("find-weight")
      ? weights(parsed, signal)
      : single(parsed, output, signal)
  );
}

async function single(args: Args, output: "1" | "2", signal: AbortSignal): Promise<number> {
  const options = checked({ ...common(args), ...ofOne(args) });
  const result = await reflex({
    ...options,
    signal,
    trace: args.has("trace"),
    ...(args.has("quiet") || args.has("json") ? {} : { onProgress: sayProgress }),
  });
  if (args.has("json")) console.log(JSON.stringify(result));
  else if (output === "2") {
    const { children, active } = result.options;
    console.log(`${children},   ${active},   ${result.mean.toFixed(2)}`);
    if (result.verdict === "FRC") console.error("FRC: failed to reach confidence");
  } else if (args.has("quiet")) console.log(String(result).split("\n")[0]);
  else console.log(String(result));
  return ExitCode.Ok;
}

async function sweep(args: Args, signal: AbortSignal): Promise<number> {
  const lists: ReflexSweepOptions = {};
  for (
    const [option, name] of [["children", "children"], ["active", "active"], ["weight", "weight"]] as const
  ) {
    const text = args.get(option);
    if (text !== undefined) lists[name] = text.split(",").map((part) => wholeNumber(part, `--${option}`));
  }
  const round = args.get("round");
  if (round !== undefined) lists.compute = round.split(",").map((part) => real(part, "--round"));
  for (const children of lists.children ?? [2]) {
    for (const active of lists.active ?? [children / 2]) {
      for (const weight of lists.weight ?? [90]) checked({ ...common(args), children, active, weight });
    }
  }
  for (const compute of lists.compute ?? []) checked({ compute });
  const directory = args.get("dir");
  const table = await runReflex({
    ...common(args),
    ...lists,
    signal,
    ...(directory === undefined ? {} : { directory }),
    onResult: (result, done, of) => {
      if (args.has("quiet") || args.has("json")) return;
      const { children, active, weight, compute } = result.options;
      console.error(
        `${done}/${of}: -c ${children} -a ${active} -w ${weight} -r ${compute}: ${
          result.mean.toFixed(2)
        } us/round`,
      );
    },
  });
  if (args.has("json")) console.log(JSON.stringify({ rows: [...table.rows()] }));
  else {
    const shown = table.select(
      ...["children", "active", "weight", "compute", "us_per_round", "low", "high"] as const,
      ...["verdict", "switch_wake_ratio", "runnable"] as const,
    );
    console.log(shown.toText({ limit: table.length }));
  }
  return ExitCode.Ok;
}

async function weights(args: Args, signal: AbortSignal): Promise<number> {
  const { children, active, compute } = ofOne(args, false);
  const list = args.get("weight")?.split(",").map((part) => wholeNumber(part, "--weight"));
  const options = checked({
    ...common(args),
    ...(children === undefined ? {} : { children }),
    ...(active === undefined ? {} : { active }),
    ...(compute === undefined ? {} : { compute }),
  });
  for (const weight of list ?? []) {
    checked({ weight });
    if (weight === 0) {
      throw new UsageError("Expected --weight over 0, at which threads are woken, but found 0");
    }
  }
  const found = await findWeight({
    ...options,
    signal,
    ...(list === undefined ? {} : { weights: list }),
    onProgress: (weight, { mean }) => {
      if (!args.has("quiet") && !args.has("json")) console.error(`-w ${weight}: ${mean.toFixed(2)} us/round`);
    },
  });
  const { weight, ratio, equal, weights: table } = found;
  if (args.has("json")) {
    console.log(JSON.stringify({ weight, ratio, equal, weights: [...table.rows()] }));
    return ExitCode.Ok;
  }
  if (!args.has("quiet")) {
    console.log(
      table.select("weight", "us_per_round", "blocks_per_round", "switch_wake_ratio", "runnable").toText({
        limit: table.length,
      }),
    );
  }
  console.log(
    equal
      ? `Threads are switched about as often as woken from weight ${weight} on: ${
        ratio.toFixed(3)
      } switches for each wake-up.`
      : `At no weight are threads switched as often as woken; nearest is ${weight} with ${
        ratio.toFixed(3)
      } switches for each wake-up.`,
  );
  return ExitCode.Ok;
}

/** Throws {@linkcode UsageError} where the options make no sense. */
function checked<O extends ReflexOptions>(options: O): O {
  try {
    reflexSettings(options);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  return options;
}

function real(text: string, option: string): number {
  const value = /^-?(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : NaN;
  if (Number.isNaN(value)) {
    throw new UsageError(`Expected ${option} to be a number but found ${JSON.stringify(text)}`);
  }
  return value;
}

/** What the three forms of the command take. */
function common(args: Args): Omit<ReflexSweepOptions, "children" | "active" | "weight" | "compute"> {
  const options: ReflexSweepOptions = {};
  const [time, width, cpus, seed] = [args.get("time"), args.get("width"), args.get("cpus"), args.get("seed")];
  if (time !== undefined) options.duration = Math.round(real(time, "--time") * 1e9);
  if (width !== undefined) options.width = real(width, "--width") / 100;
  if (cpus !== undefined) options.cpus = cpuList(cpus);
  if (seed !== undefined) options.seed = wholeNumber(seed, "--seed");
  const [least, most] = [args.get("min-runs"), args.get("max-runs")];
  if (least !== undefined) options.minRuns = wholeNumber(least, "--min-runs");
  if (most !== undefined) options.maxRuns = wholeNumber(most, "--max-runs");
  if (args.has("legacy-stop")) options.legacyStop = true;
  const isolation = args.get("isolation") ?? "process";
  if (isolation !== "process" && isolation !== "thread") {
    throw new UsageError(`Expected --isolation to be process or thread but found ${isolation}`);
  }
  options.isolation = isolation;
  return options;
}

/** What one measurement takes besides. */
function ofOne(args: Args, withWeight = true): ReflexOptions {
  const options: ReflexOptions = {};
  const [children, active] = [args.get("children"), args.get("active")];
  if (children !== undefined) options.children = wholeNumber(children, "--children");
  if (active !== undefined) options.active = wholeNumber(active, "--active");
  const [weight, round] = [args.get("weight"), args.get("round")];
  if (withWeight && weight !== undefined) options.weight = wholeNumber(weight, "--weight");
  if (round !== undefined) options.compute = real(round, "--round");
  return options;
}

function sayProgress({ runs, last, mean, relative }: ReflexProgress): void {
  const known = Number.isNaN(relative) ? "" : ` ± ${(100 * relative).toFixed(2)} %`;
  console.error(`run ${runs}: ${last.toFixed(3)} us/round, mean ${mean.toFixed(3)}${known}`);
}
