import { allowedCpus } from "../bench/allowed_cpus.ts";
import { benchSuite } from "../bench/suite/bench_suite.ts";
import { compareResults, requireLike } from "../bench/suite/compare_results.ts";
import { junitReport } from "../bench/suite/junit_report.ts";
import {
  parametersOf,
  runSuite,
  type RunSuiteOptions,
  type SuiteProgress,
} from "../bench/suite/run_suite.ts";
import type { SuiteCase } from "../bench/suite/suite_case.ts";
import { readSuiteResult, type SuiteResult, writeSuiteResult } from "../bench/suite/suite_result.ts";
import { fingerprint } from "../bench/fingerprint.ts";
import { formatNs } from "../frame/format_ns.ts";
import { replaceFile } from "../trace/write/output.ts";
import { parseCommand } from "./args.ts";
import { asUsage } from "./as_usage.ts";
import { comparisonTable, resultTable } from "./bench_table.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { cpuList } from "./spin_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "measures this machine's scheduler until the means are known, and compares with an earlier result";

const HELP = `Usage: schedscope bench [OPTIONS]

Measures what the scheduler of this machine does: gaps and fairness of spinning threads at 1, 2 and 4 times overcommit, lateness of
wake-ups, yields, reflex at several weights, and pairs with core-scheduling cookies where the kernel has them.

Runs of all cases take turns until the mean of each is known: its 95 % interval within --width, after 10 runs at least; what is not known
after --max-runs is FRC (failed to reach confidence). Every run is kept, with what the machine was, in one file of JSON; Ctrl-C ends it,
and the runs that were done are kept.

With --baseline each metric is compared with an earlier result: better or worse is said where the interval of the difference does not hold 0,
and the difference is above what the baseline differs by from itself (A/A); else no difference can be claimed. A result of another machine
is refused; --experiment says what may differ.

Options:
      --quick            about a minute: runs of 0.5 s, 10 of each case
      --only CASE        only this case, or those whose name begins so (may be given again)
      --list             print the cases and end
  -d, --duration TIME    length of a run (default 1s)
      --min-runs N       fewest runs of each case (default 10)
      --max-runs N       most (default 30)
      --width SHARE      half of the interval's width at which a mean is known, as a share of it (default 0.02)
      --cpus LIST        CPUs to use, such as 0-3,8 (default: those that this process may use)
      --save FILE        where the result goes (default schedscope-bench-DATE-TIME.json, in this directory)
      --baseline FILE    compare with this result
      --experiment LIST  fields of the fingerprint that may differ from the baseline's, such as kernel or sched_features,base_slice
      --gate             end with 1 where a metric is worse than the baseline
      --junit FILE       write a JUnit report, in which a metric that is worse fails; as --gate
      --json             print the result, and the comparison, as one JSON object
  -h, --help             this text

Exit codes: 0 ok, 1 a case failed, or with --gate one is worse or the suite was interrupted, 2 wrong usage or a baseline of another machine.

Examples:
  schedscope bench --save before.json
  schedscope bench --baseline before.json --experiment kernel
  schedscope bench --quick --only gaps --only wake
  schedscope bench --baseline main.json --junit report.xml
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    quick: {},
    only: { value: true },
    list: {},
    duration: { short: "d", value: true },
    "min-runs": { value: true },
    "max-runs": { value: true },
    width: { value: true },
    cpus: { value: true },
    save: { value: true },
    baseline: { value: true },
    experiment: { value: true },
    gate: {},
    junit: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected options only but found ${parsed.rest[0]}`);
  const cases = chosen(parsed.all("only"));
  if (parsed.has("list")) {
    for (const { name, about } of cases) console.log(`${name.padEnd(12)} ${about}`);
    return ExitCode.Ok;
  }
  const [junit, baselinePath] = [parsed.get("junit"), parsed.get("baseline")];
  const gate = parsed.has("gate") || junit !== undefined;
  if (parsed.has("gate") && baselinePath === undefined) throw new UsageError("--gate needs a --baseline");
  const experiment = (parsed.get("experiment") ?? "").split(",").filter((field) => field !== "");
  if (experiment.length > 0 && baselinePath === undefined) {
    throw new UsageError("--experiment needs a --baseline");
  }
  const whole = (name: "min-runs" | "max-runs", least: number): number | undefined => {
    const text = parsed.get(name);
    if (text === undefined) return undefined;
    const value = wholeNumber(text, `--${name}`);
    if (value < least) throw new UsageError(`Expected --${name} to be at least ${least} but found ${value}`);
    return value;
  };
  const quick = parsed.has("quick");
  const minRuns = whole("min-runs", 2) ?? 10;
  const maxRuns = whole("max-runs", minRuns) ?? Math.max(minRuns, quick ? 10 : 30);
  const duration = parseDuration(parsed.get("duration") ?? (quick ? "500ms" : "1s"), "--duration");
  if (duration < 10e6) {
    throw new UsageError(`Expected --duration to be at least 10ms but found ${formatNs(duration)}`);
  }
  const width = Number(parsed.get("width") ?? "0.02");
  if (!(width > 0 && width < 1)) {
    throw new UsageError(`Expected --width to be a share between 0 and 1 but found ${parsed.get("width")}`);
  }
  const cpus = parsed.get("cpus");
  const options: RunSuiteOptions = {
    duration: Math.round(duration),
    minRuns,
    maxRuns,
    width,
    ...(cpus === undefined ? {} : { cpus: cpuList(cpus) }),
  };
  const baseline = baselinePath === undefined ? undefined : await readSuiteResult(baselinePath);
  if (baseline !== undefined) await refuseUnlike(cases, options, baseline, experiment);

  const save = parsed.get("save") ??
    `schedscope-bench-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.json`;
  const line = new ProgressLine();
  const result = await interruptible((signal) =>
    runSuite(cases, {
      ...options,
      signal,
      onProgress: (progress) => line.show(progress),
      // After each round: what is done stays, whatever happens.
      onRound: (soFar) => writeSuiteResult(save, soFar),
    })
  );
  line.clear();
  await writeSuiteResult(save, result);
  const comparison = baseline === undefined || result.cases.every(({ runs }) => runs.length === 0)
    ? undefined
    : compareResults(baseline, result, { experiment });
  if (junit !== undefined) {
    const xml = new TextEncoder().encode(junitReport(result, comparison));
    await replaceFile(junit, undefined, (_file, write) => write(xml));
  }
  if (parsed.has("json")) {
    console.log(JSON.stringify({ ...result, file: save, comparison: comparison?.toJSON() ?? null }));
  } else {
    console.log(resultTable(result));
    if (comparison !== undefined) console.log(`\n${comparisonTable(comparison, 0.95)}`);
    if (!result.complete) console.log("Interrupted: some cases have fewer runs than they need.");
  }
  console.error(`Every run is in ${save}`);
  const worse = Array.from(comparison?.column("verdict") ?? []).includes("worse");
  const failed = result.cases.some(({ verdict }) => verdict === "failed");
  return failed || (gate && (worse || !result.complete)) ? ExitCode.Failed : ExitCode.Ok;
}

function chosen(only: readonly string[]): SuiteCase[] {
  const all = benchSuite();
  for (const name of only) {
    if (name === "" || !all.some((each) => each.name.startsWith(name))) {
      throw new UsageError(
        `no case ${JSON.stringify(name)}; there are: ${all.map((each) => each.name).join(", ")}`,
      );
    }
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.some((begin) => name.startsWith(begin)));
}

/** Refuses a baseline of another machine, or of other runs, before anything is measured. */
async function refuseUnlike(
  cases: readonly SuiteCase[],
  { cpus = allowedCpus(), duration = 1e9 }: RunSuiteOptions,
  baseline: SuiteResult,
  experiment: readonly string[],
): Promise<void> {
  const planned = baseline.cases.flatMap((each) => {
    const own = cases.find(({ name }) => name === each.name);
    return own === undefined || each.runs.length === 0
      ? []
      : [{ ...each, parameters: parametersOf(own, { cpus, duration }) }];
  });
  if (planned.length === 0) throw new UsageError("the baseline has no run of these cases");
  try {
    requireLike(baseline, { ...baseline, cases: planned, fingerprint: await fingerprint() }, experiment);
  } catch (error) {
    throw asUsage(error);
  }
}

/** What goes on, on the terminal's last line; where there is none, a line for each tenth of the way. */
class ProgressLine {
  readonly #terminal = Deno.stderr.isTerminal();
  #told = -1;

  show({ name, run, done, left, timeLeft }: SuiteProgress): void {
    const text = `${name}: run ${run}; ${done} of ${done + left} runs, about ${
      formatNs(timeLeft, { digits: 2 })
    } left`;
    if (this.#terminal) {
      Deno.stderr.writeSync(new TextEncoder().encode(`\r${text}\x1b[K`));
      return;
    }
    const tenth = Math.floor(10 * done / (done + left));
    if (tenth <= this.#told) return;
    this.#told = tenth;
    console.error(text);
  }

  clear(): void {
    if (this.#terminal) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
  }
}
