import { findGaps } from "../bench/find_gaps.ts";
import { nativeProgram } from "../native/programs.ts";
import { CORE_NEEDS, ensurePackages } from "../tools/apt.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { longestGaps } from "../sched/longest_gaps.ts";
import { gapsPage, inOneSentence } from "./gaps_page.ts";
import { interruptible } from "./interrupted.ts";
import { SPIN_HELP, SPIN_OPTIONS, spinOptions } from "./spin_args.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary = "all of it: spin while the scheduler is traced, explain every gap, write the page";

const HELP = `Usage: schedscope start [OPTIONS]

Installs what is missing (as root; otherwise it says by which command), builds the native part, runs the gap benchmark while the
scheduler is traced, prints the longest gaps with their causes and culprits, and writes gaps.html and the raw trace.

Options:
${SPIN_HELP}
      --door DOOR        auto (default), tracefs, perf, or none: no trace, causes from the kernel's counters
  -o, --output DIR       where gaps.html and the trace go (default out)
      --top N            how many gaps to print (default 15)
      --no-install       install nothing
      --json             one JSON object instead of the table
  -h, --help             this text

It runs for 5 seconds and does not end at a long gap, unless --duration or --max-gap say otherwise.

Examples:
  schedscope start
  schedscope start -d 30s -n 4 --cpus 0,1
  schedscope start --door none             what can be said without permission to trace
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...SPIN_OPTIONS,
    door: { value: true },
    output: { short: "o", value: true },
    top: { value: true },
    "no-install": {},
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected options only but found ${parsed.rest[0]}`);
  const door = parsed.get("door") ?? "auto";
  if (door !== "auto" && door !== "tracefs" && door !== "perf" && door !== "none") {
    throw new UsageError(`Expected --door to be auto, tracefs, perf or none but found ${door}`);
  }
  const options = { duration: 5e9, maxGap: 0, ...spinOptions(parsed) };
  const output = parsed.get("output") ?? "out";
  const top = wholeNumber(parsed.get("top") ?? "15", "--top");
  const json = parsed.has("json");
  const say = json ? console.error : console.log;

  if (!parsed.has("no-install")) {
    const { missing, command } = await ensurePackages(CORE_NEEDS, { onProgress: say });
    if (missing.length > 0) say(`missing: ${missing.join(", ")}; to install: ${command}`);
  }
  nativeProgram("schedscope-spin"); // built here, on first use, so that a missing compiler is told before anything runs
  await Deno.mkdir(output, { recursive: true });
  const recorded = `${output}/${door === "perf" ? "perf.data" : "trace.tracefs"}`;
  const found = await interruptible((signal) =>
    findGaps({ ...options, door, signal, onLine: say, ...(door === "none" ? {} : { output: recorded }) })
  );
  const page = `${output}/gaps.html`;
  await Deno.writeTextFile(page, gapsPage(found));

  if (json) {
    const { spin, ledger, recording, notes } = found;
    console.log(JSON.stringify({
      summary: inOneSentence(found),
      evidence: ledger.evidence,
      gaps: ledger.gaps.toJSON(),
      causes: ledger.causes.toJSON(),
      audit: spin.audit,
      fingerprint: spin.fingerprint,
      page,
      trace: recording?.path ?? null,
      notes,
    }));
    return ExitCode.Ok;
  }
  console.log(`\n${inOneSentence(found)}\n`);
  if (found.ledger.gaps.length > 0) {
    console.log(longestGaps(found.ledger.gaps, top).toText({ limit: top, width: 160 }));
    console.log(`\n${found.ledger.causes.toText()}\n`);
  }
  console.log(
    String(found.spin).split("\n").filter((line) => /^(audit|counter|period)/.test(line)).join("\n"),
  );
  for (const note of found.notes) console.log(note);
  console.log(`page:  ${page}`);
  if (found.recording !== undefined) console.log(`trace: ${found.recording.path}`);
  return ExitCode.Ok;
}
