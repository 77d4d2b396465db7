import { spin } from "../bench/spin.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { SPIN_HELP, SPIN_OPTIONS, spinOptions } from "./spin_args.ts";

/** One line for the list of commands. */
export const summary =
  "the gap benchmark: threads that spin on the cycle counter and catch the moments in which they did not run";

const HELP = `Usage: schedscope spin [OPTIONS]

N threads watch the cycle counter for a burst, sleep, and so on. A jump of the counter is a gap of kind run, a late wake-up one
of kind wake. Prints the maximum once a second, and at the end the longest gaps and whether the accounts close. Ends at the first gap
over 100 ms unless told otherwise; Ctrl-C ends it too, and what was measured until then is reported.

Options:
${SPIN_HELP}
      --isolation WHERE  process (default) or thread: in this process, where the runtime disturbs it
      --trace DIR        a tracefs instance: at a gap over --max-gap its marker is written and its tracing stopped
      --json             the whole result as one JSON object
  -h, --help             this text

Examples:
  schedscope spin                                    until the first gap over 100 ms
  schedscope spin -d 10s --max-gap 0                 ten seconds, whatever happens
  schedscope spin -n 4 --cpus 0,1 --pin -d 5s        two threads on each of two CPUs
  schedscope spin --pairs 2 --cpus 0 --cookies --control 1 -d 5s --max-gap 0
                                                     two trusted pairs on one CPU, beside a thread that watches another
  sudo schedscope spin -n 2 --cpus 0 --pin --max-sleep 0 -d 5s --max-gap 0 --group shares=100 --group shares=300
                                                     is the CPU shared 1 : 3?
  schedscope spin -d 5s --max-gap 0 --json | jq .audit
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    ...SPIN_OPTIONS,
    isolation: { value: true },
    trace: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected options only but found ${parsed.rest[0]}`);
  const isolation = parsed.get("isolation") ?? "process";
  if (isolation !== "process" && isolation !== "thread") {
    throw new UsageError(`Expected --isolation to be process or thread but found ${isolation}`);
  }
  const trace = parsed.get("trace");
  const json = parsed.has("json");
  const result = await interruptible((signal) =>
    spin({
      ...spinOptions(parsed),
      isolation,
      signal,
      ...(trace === undefined ? {} : { traceMarker: trace }),
      onLine: json ? console.error : console.log,
    })
  );
  console.log(json ? JSON.stringify(result) : String(result));
  return ExitCode.Ok;
}
