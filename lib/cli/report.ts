import { formatNs } from "../frame/format_ns.ts";
import { openTrace } from "../trace/open.ts";
import { withOutput } from "../trace/write/output.ts";
import { oneFile, parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { TRACE_HELP, TRACE_OPTIONS, traceOptions } from "./trace_args.ts";
import { wholeNumber } from "./whole_number.ts";
import { parseWindow } from "./window_args.ts";

/** One line for the list of commands. */
export const summary = "one page that tells a trace's story, with a timeline to move in";

const HELP = `Usage: schedscope report [OPTIONS] FILE

Writes one self-contained HTML page about the recording FILE: how good it is, the longest gaps with their causes, a timeline to
zoom and search, latency by task, where the time went, load. It loads nothing from anywhere, and appears whole or not at
all.

Options:
${TRACE_HELP}
  -o, --output PATH     where to (default report.html); - is standard output
      --window FROM,TO  only this part, from the recording's start on: 1.5s,2s or 250ms, (to the end)
      --from TIME       the same as --window TIME,
      --to TIME         the same as --window ,TIME
      --threshold TIME  shortest gap (default 1ms)
      --rows N          most rows of a table (default 25)
      --title TEXT      title of the page
      --no-widget       without the timeline: a page without any script, for mail and paper
      --max-slices N    most slices of the timeline, at about five bytes each; of more, it holds the part around the longest
                        gap (default 1000000)
      --json            the numbers on the page as one JSON object; a page is written with -o only
  -h, --help            this text

Examples:
  schedscope report perf.data
  schedscope report trace.tracefs -o monday.html --window 2s,2.5s --threshold 100us
  schedscope report perf.data --no-widget --title "Before the change" -o before.html
  schedscope report perf.data --json | jq '.gaps.worst[0] | {dur, comm, cause, culprit}'

Exit codes: 0 ok, 1 failed, 2 wrong usage.
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...TRACE_OPTIONS,
    output: { short: "o", value: true },
    window: { value: true },
    from: { value: true },
    to: { value: true },
    threshold: { value: true },
    rows: { value: true },
    title: { value: true },
    "no-widget": {},
    "max-slices": { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const file = oneFile(parsed);
  const window = windowOf(parsed.get("window"), parsed.get("from"), parsed.get("to"));
  const threshold = parseDuration(parsed.get("threshold") ?? "1ms", "--threshold");
  const rows = atLeastOne(parsed.get("rows"), "--rows");
  const maxSlices = atLeastOne(parsed.get("max-slices"), "--max-slices");
  const title = parsed.get("title");
  const json = parsed.has("json");
  const output = parsed.get("output") ?? (json ? undefined : "report.html");
  if (json && output === "-") throw new UsageError("--json and -o - both want standard output");

  await interruptible(async (signal) => {
    const [trace, { report }] = await Promise.all([
      openTrace(file, {
        ...traceOptions(parsed),
        ...(window === undefined ? {} : { window }),
        signal,
      }),
      import("../plot/report/mod.ts"),
    ]);
    const { html, summary, figures } = report(trace, {
      threshold,
      widget: !parsed.has("no-widget"),
      ...(rows === undefined ? {} : { rows }),
      ...(maxSlices === undefined ? {} : { maxSlices }),
      ...(title === undefined ? {} : { title }),
    });
    // Signals that came while the page was made are heard now: nothing was written yet.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (output !== undefined) {
      await withOutput(output, { signal }, (write) => write(new TextEncoder().encode(html)));
    }
    if (json) return console.log(JSON.stringify(figures));
    if (output === "-") return;
    console.log(summary);
    const { share } = trace.quality;
    if (share < 0.9995) console.log(`The trace covers ${(share * 100).toFixed(2)} % of CPU-time.`);
    console.log(
      `page: ${output} (${formatNs(trace.span.to - trace.span.from)}, ${(html.length / 1e6).toFixed(1)} MB)`,
    );
  });
  return ExitCode.Ok;
}

function windowOf(
  window: string | undefined,
  from: string | undefined,
  to: string | undefined,
): { from?: number; to?: number } | undefined {
  if (window !== undefined && (from !== undefined || to !== undefined)) {
    throw new UsageError("Expected --window, or --from and --to, but found both");
  }
  const part = window !== undefined ? parseWindow(window) : {
    ...(from === undefined ? {} : { from: parseDuration(from, "--from") }),
    ...(to === undefined ? {} : { to: parseDuration(to, "--to") }),
  };
  if (part.from !== undefined && part.to !== undefined && part.from > part.to) {
    throw new UsageError("Expected a window that does not end before it begins");
  }
  return part.from === undefined && part.to === undefined ? undefined : part;
}

function atLeastOne(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = wholeNumber(text, option);
  if (value < 1) throw new UsageError(`Expected ${option} to be at least 1 but found ${value}`);
  return value;
}
