import { type Door, record, type Recording } from "../trace/record/mod.ts";
import { parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { cpuList } from "./spin_args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";

/** One line for the list of commands. */
export const summary = "record what the scheduler does, by tracefs or perf, whichever the machine allows";

const HELP = `Usage: schedscope record [OPTIONS] [-- COMMAND [ARGUMENT...]]

Records the scheduler's events of the whole machine: while COMMAND runs, for --duration, or until Ctrl-C.

Options:
  -o, --output PATH     what to write (default trace.tracefs, a directory, or perf.data)
  --door DOOR           tracefs, perf or auto: the better one that this machine allows (default auto; an
                        output named *.data asks for perf)
  --events EVENT,...    system:name or system:*, instead of the scheduler's events
  --add-events EVENT,.. more events, beside the scheduler's
  --irq                 entries and exits of interrupts and softirqs too
  --clock CLOCK         mono, or x86-tsc (tracefs only): stamps are the time-stamp counter's (default mono)
  --cpus LIST           only these CPUs, such as 0-3,8
  --buffer KIB          buffer of each CPU (default 32768, less where memory is short)
  -d, --duration TIME   such as 5s or 500ms
  --json                one JSON object about the recording
  -h, --help            this text

Examples:
  sudo schedscope record -d 5s                           five seconds, by the better door
  sudo schedscope record --irq -o busy.tracefs -- make   while make runs, with interrupts
  sudo schedscope record -o perf.data -- sleep 2         a file that perf itself reads
  schedscope timehist trace.tracefs                      then look at it

Events that were lost are counted at the end, and the reader shows where. Exit codes: 0 recorded, 1 failed (or
the COMMAND did), 2 wrong usage, 3 the machine lacks something, with the command that would help.
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const dashes = args.indexOf("--");
  const command = dashes < 0 ? [] : args.slice(dashes + 1);
  const parsed = parseCommand(dashes < 0 ? args : args.slice(0, dashes), {
    output: { short: "o", value: true },
    door: { value: true },
    events: { value: true },
    "add-events": { value: true },
    irq: {},
    clock: { value: true },
    cpus: { value: true },
    buffer: { value: true },
    duration: { short: "d", value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  if (parsed.rest.length > 0) throw new UsageError(`Expected -- before the COMMAND ${parsed.rest.join(" ")}`);
  const given = <T>(
    name: Parameters<typeof parsed.get>[0],
    key: string,
    read: (text: string) => T,
  ): Record<string, T> => {
    const text = parsed.get(name);
    return text === undefined ? {} : { [key]: read(text) };
  };
  if (dashes >= 0 && command.length === 0) throw new UsageError("Expected a COMMAND after -- but found none");
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  try {
    const recording = await record({
      door: oneOf(parsed.get("door") ?? "auto", ["auto", "tracefs", "perf"] as const, "--door"),
      clock: oneOf(parsed.get("clock") ?? "mono", ["mono", "x86-tsc"] as const, "--clock"),
      irq: parsed.has("irq"),
      stopSignal: stop.signal,
      ...given("output", "output", (text) => nonEmpty(text, "--output")),
      ...given("events", "events", (text) => list(text, "--events")),
      ...given("add-events", "extraEvents", (text) => list(text, "--add-events")),
      ...given("cpus", "cpus", cpuList),
      ...given("buffer", "bufferKb", kilobytes),
      ...given("duration", "duration", positive),
      ...(command.length === 0 ? {} : { command }),
    });
    print(recording, parsed.has("json"));
    return recording.exitCode === undefined || recording.exitCode === 0 ? ExitCode.Ok : ExitCode.Failed;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}

function print(recording: Recording, json: boolean): void {
  const { path, door, reason, lost, bytes, notes, exitCode } = recording;
  if (json) {
    console.log(
      JSON.stringify({
        path,
        door: door satisfies Door,
        reason,
        lost,
        bytes,
        notes,
        exit_code: exitCode ?? null,
      }),
    );
    return;
  }
  for (const note of notes) console.error(note);
  console.error(`Recorded by ${door} (${reason}): ${path}, ${(bytes / 1e6).toFixed(1)} MB`);
  if (lost > 0) console.error(`${lost} events were lost: give a larger --buffer, or fewer events`);
  if (exitCode !== undefined && exitCode !== 0) console.error(`The command ended with exit code ${exitCode}`);
}

function oneOf<const T extends string>(value: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) {
    throw new UsageError(`Expected ${option} to be ${allowed.join(", ")} but found ${JSON.stringify(value)}`);
  }
  return found;
}

function nonEmpty(value: string, option: string): string {
  if (value === "") throw new UsageError(`Expected ${option} to name a path but found nothing`);
  return value;
}

function list(value: string, option: string): string[] {
  const items = value.split(",").map((item) => item.trim()).filter((item) => item !== "");
  for (const item of items) {
    if (!/^[\w-]+:([\w-]+|\*)$/.test(item)) {
      throw new UsageError(
        `Expected ${option} to be a list of system:name but found ${JSON.stringify(item)}`,
      );
    }
  }
  if (items.length === 0) throw new UsageError(`Expected ${option} to name an event but found none`);
  return items;
}

function kilobytes(value: string): number {
  if (!/^\d{1,9}$/.test(value)) {
    throw new UsageError(`Expected --buffer to be a number of KiB but found ${JSON.stringify(value)}`);
  }
  return Number(value);
}

function positive(value: string): number {
  const ns = parseDuration(value, "--duration");
  if (!(ns > 0)) throw new UsageError("Expected --duration to be longer than 0");
  return ns;
}
