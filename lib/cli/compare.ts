import { isSuiteResult } from "../bench/suite/is_suite_result.ts";
import { visibleText } from "../frame/visible_text.ts";
import { compareRuns, type CompareRunsColumns } from "../sched/compare/compare_runs.ts";
import { besideEachOther, type TraceComparisonColumns } from "../sched/compare/compare_traces.ts";
import { metricText } from "../sched/compare/metric_text.ts";
import { type TraceMetricColumns, traceMetrics } from "../sched/compare/trace_metrics.ts";
import type { Frame, Row } from "../frame/frame.ts";
import { openTrace } from "../trace/open.ts";
import type { Trace } from "../trace/trace.ts";
import { parseArgs } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "what differs between two traces, repeated runs, or results of bench, with intervals and a noise floor";

const HELP = `Usage: schedscope compare [OPTIONS] A B
       schedscope compare [OPTIONS] A... -- B...

Compares recordings, group of threads by group (the threads of one name): how much they ran and waited, how long their
waits for a CPU were, how often they were switched, preempted, moved, and kept waiting.

Two recordings are put beside each other. Of several recordings of each side (4 or more), the difference of the means comes
with a bootstrap interval, effect sizes, and what the first side differs by from itself (A/A, noise):
  higher, lower        the interval does not hold 0, and the difference is above the noise
  within noise         the interval does not hold 0, but side A differs from itself by as much
  no difference seen   the interval holds 0; how large a difference it leaves possible is its width
  too few runs         a side has fewer than 4
Record the runs of both sides in turn (A B B A ...), so that what changes with time is on both.

Of results of schedscope bench each metric is better, worse, or no difference can be claimed; results of unlike machines
are refused, and the field is named.

Options:
      --by GROUP            comm (default), process or vm
      --threshold DURATION  shortest wait that counts as a gap (default 1ms)
      --confidence P        of the intervals, 0 to 1 (default 0.95); with many lines some differ by chance: raise it
      --seed N              of the resampling (default 1)
      --experiment LIST     results of bench: fields of the fingerprint that may differ, such as kernel
  -n, --top N               lines to print (default 20; differences first)
      --json                one JSON object with all lines
${TRACE_HELP}
  -h, --help                this text

Examples:
  schedscope compare before.data after.data
  schedscope compare eevdf-*.data -- bore-*.data
  schedscope compare --experiment kernel before.json after.json
  schedscope compare --json --confidence 0.999 a*.data -- b*.data | jq '.rows[] | select(.verdict == "higher")'
`;

const GROUPS = ["comm", "process", "vm"] as const;

/** Columns of two traces beside each other that fit into a terminal; --json has all. */
const SHOWN = [
  "group",
  "in",
  "run_share_a",
  "run_share_b",
  "wait_share_a",
  "wait_share_b",
  "p50_wait_a",
  "p50_wait_b",
  "p99_wait_a",
  "p99_wait_b",
  "max_wait_a",
  "max_wait_b",
  "gaps_per_s_a",
  "gaps_per_s_b",
] as const satisfies (keyof TraceComparisonColumns)[];

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  // No file is called so: options may stand on both sides of the first `--`.
  const split = args.indexOf("--");
  const parsed = parseArgs(args.map((arg, at) => at === split ? BETWEEN : arg), {
    ...TRACE_OPTIONS,
    by: { value: true },
    threshold: { value: true },
    confidence: { value: true },
    seed: { value: true },
    experiment: { value: true },
    top: { short: "n", value: true },
    json: {},
    help: { short: "h" },
  });
  if (parsed.has("help")) {
    console.log(HELP.trimEnd());
    return ExitCode.Ok;
  }
  const [first, second] = sides(parsed.rest);
  const by = GROUPS.find((each) => each === (parsed.get("by") ?? "comm"));
  if (by === undefined) throw new UsageError(`--by is of ${GROUPS.join(", ")} and not ${parsed.get("by")}`);
  const threshold = parseDuration(parsed.get("threshold") ?? "1ms", "--threshold");
  const confidence = Number(parsed.get("confidence") ?? "0.95");
  if (!(confidence > 0 && confidence < 1)) {
    throw new UsageError(`--confidence is between 0 and 1 and not ${parsed.get("confidence")}`);
  }
  const seed = wholeNumber(parsed.get("seed") ?? "1", "--seed");
  const top = wholeNumber(parsed.get("top") ?? "20", "--top");
  const experiment = parsed.get("experiment");
  if (await areResults([...first, ...second])) {
    const { compareBenchResults } = await import("./compare_bench_results.ts");
    await compareBenchResults(first, second, {
      experiment: experiment?.split(",").filter((field) => field !== "") ?? [],
      confidence,
      seed,
      json: parsed.has("json"),
    });
    return ExitCode.Ok;
  }
  if (experiment !== undefined) throw new UsageError("--experiment is for results of schedscope bench");

  const measure = async (path: string): Promise<Run> => {
    const trace = await openTrace(path, traceOptions(parsed));
    return {
      path,
      metrics: traceMetrics(trace, { by, threshold }),
      coverage: trace.quality.share,
      facts: facts(trace),
    };
  };
  // One after another: a trace is large, and what is kept of it is small.
  const a: Run[] = [];
  for (const path of first) a.push(await measure(path));
  const b: Run[] = [];
  for (const path of second) b.push(await measure(path));
  const differ = differences(a, b);
  const share = Math.min(...[...a, ...b].map(({ coverage }) => coverage));
  const pair = a.length === 1 && b.length === 1;
  const metricsOf = (runs: readonly Run[]) => runs.map(({ metrics }) => metrics);
  const rows = pair
    ? besideEachOther(a[0]!.metrics, b[0]!.metrics)
    : compareRuns(metricsOf(a), metricsOf(b), { confidence, seed });
  if (parsed.has("json")) {
    const side = (runs: readonly Run[]) =>
      runs.map(({ path, coverage, facts }) => ({ path, coverage, ...facts }));
    console.log(
      JSON.stringify({
        a: side(a),
        b: side(b),
        differ,
        confidence: pair ? null : confidence,
        rows: rows.toJSON(),
      }),
    );
    return ExitCode.Ok;
  }
  for (const line of differ) console.log(line);
  if (pair) {
    const beside = rows as Frame<TraceComparisonColumns>;
    console.log(beside.select(...SHOWN).toText({ limit: top, width: 200 }));
  } else console.log(lines(rows as Frame<CompareRunsColumns>, top, confidence));
  if (share < 0.9995) {
    console.error(
      `The traces cover ${(share * 100).toFixed(2)} % of CPU-time at least; see schedscope info.`,
    );
  }
  return ExitCode.Ok;
}

/** A trace, and what is kept of it. */
interface Run {
  readonly path: string;
  readonly metrics: Frame<TraceMetricColumns>;
  readonly coverage: number;
  readonly facts: Readonly<Record<string, string | number>>;
}

const BETWEEN = "\0";

function sides(rest: readonly string[]): [readonly string[], readonly string[]] {
  const between = rest.indexOf(BETWEEN);
  if (between < 0) {
    if (rest.length !== 2) {
      throw new UsageError(`Expected two FILEs, or A... -- B..., but found ${rest.length}`);
    }
    return [[rest[0]!], [rest[1]!]];
  }
  const [a, b] = [rest.slice(0, between), rest.slice(between + 1)];
  if (a.length === 0 || b.length === 0) throw new UsageError("Expected FILEs on both sides of --");
  return [a, b];
}

/** Whether the files are results of bench, and no recordings. Throws a UsageError where some are. */
async function areResults(paths: readonly string[]): Promise<boolean> {
  // What cannot be read here is told by whoever opens it as a recording.
  const results = await Promise.all(paths.map((path) => isSuiteResult(path).catch(() => false)));
  const odd = results.indexOf(!results[0]);
  if (odd >= 0) {
    const [result, trace] = results[0] ? [paths[0], paths[odd]] : [paths[odd], paths[0]];
    throw new UsageError(`${result} is a result of schedscope bench, and ${trace} is none`);
  }
  return results[0] === true;
}

/** What a recording says of its machine. */
function facts({ host, clock }: Trace): Record<string, string | number> {
  const all = {
    release: host.release,
    arch: host.arch,
    cpu: host.cpu,
    cpus: host.cpusOnline,
    clock: clock.name,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? visibleText(value) : value]]
    ),
  );
}

/** A line for each fact in which the sides, or the runs of one of them, differ: one is what is tried, the others disturb it. */
function differences(a: readonly Run[], b: readonly Run[]): string[] {
  const values = (
    runs: readonly Run[],
    name: string,
  ) => [...new Set(runs.flatMap(({ facts }) => name in facts ? [String(facts[name])] : []))];
  const names = new Set([...a, ...b].flatMap(({ facts }) => Object.keys(facts)));
  return [...names].flatMap((name) => {
    const [ofA, ofB] = [values(a, name), values(b, name)];
    return new Set([...ofA, ...ofB]).size < 2
      ? []
      : [`${name} differs: ${ofA.join(", ") || "?"} | ${ofB.join(", ") || "?"}`];
  });
}

/** The rows as lines for people, those that differ first. */
function lines(rows: Frame<CompareRunsColumns>, top: number, confidence: number): string {
  const told = ["higher", "lower"];
  const order = Array.from(rows.rows()).map((row, at) => ({ row, at }));
  order.sort((x, y) =>
    Number(told.includes(y.row.verdict)) - Number(told.includes(x.row.verdict)) || x.at - y.at
  );
  const table = order.slice(0, top).map(({ row }) => cells(row));
  const head = [
    "group",
    "metric",
    "verdict",
    "A",
    "B",
    "change",
    `${+(confidence * 100).toPrecision(4)} % interval`,
    "A/A noise",
    "cliff",
  ];
  const widths = head.map((name, i) => Math.max(name.length, ...table.map((line) => line[i]!.length)));
  const text = [head, widths.map((width) => "─".repeat(width)), ...table].map((line) =>
    line.map((cell, i) => i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ").trimEnd()
  );
  if (rows.length > top) text.push(`${top} of ${rows.length} rows`);
  const chance = (1 - confidence) * order.filter(({ row }) => !Number.isNaN(row.low)).length;
  if (chance >= 0.5) {
    text.push(
      `Of ${rows.length} lines about ${Math.round(chance)} would differ by chance alone at this confidence.`,
    );
  }
  return text.join("\n");
}

function cells(row: Row<CompareRunsColumns>): string[] {
  const show = (value: number) => metricText(row.metric, value);
  return [
    visibleText(row.group),
    row.metric,
    row.verdict,
    show(row.a),
    show(row.b),
    Number.isNaN(row.change) ? "–" : `${row.change >= 0 ? "+" : ""}${(row.change * 100).toFixed(1)} %`,
    Number.isNaN(row.low) ? "–" : `${show(row.low)} to ${show(row.high)}`,
    show(row.noise),
    row.cliffs_delta.toFixed(2),
  ];
}
