import type { Frame } from "../frame/frame.ts";
import { type Isolation, ISOLATIONS } from "../vm/user/isolation.ts";
import { runUser } from "../vm/user/run_user.ts";
import type { TuningColumns } from "../vm/user/tuning.ts";
import { parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "the gap benchmark inside a guest that boots the given kernel; the first gap is traced and explained";

const HELP = `Usage: schedscope vm user [OPTIONS] KERNEL

Boots KERNEL (a bzImage or a vmlinux) in a guest of 4 vCPUs, two threads a core, and runs the gap benchmark there: 16 threads in 8
pairs, each pair a trust group, all on the two threads of one core. Prints the longest gap once a second. At the first gap over 100 ms the
marker is written, tracing stops, the guest's trace (all sched, irq, timer and syscalls events) is brought home, and the gap is
explained. No gap until the end of the time is a result too, with the trace of its last seconds. Ctrl-C ends the run, and what was
measured until then is the result.

Options:
      --isolation HOW    cookies (core scheduling), tag (cpu.tag), coscheduling (cpu.scheduled), none, or auto: the best that
                         the kernel has (default)
      --seconds N        end after N seconds without a gap (default 30)
      --max-gap TIME     the first gap over this ends the run (default 100ms)
      --pairs N          pairs of threads (default 8)
  -o, --output DIR       where the trace goes; openTrace and every command read it (default /dev/shm/log)
      --plant TIME       plant a stall: a SCHED_FIFO thread keeps a CPU of the core for TIME, to see that it is found
      --memory MIB       memory of the guest (default 512)
      --buffer KIB       trace buffer of each CPU (default: an eighth of the memory for all)
      --accelerator HOW  kvm, tcg or auto (default)
      --no-pin           leave the vCPUs where the host puts them
      --config FILE      the kernel's configuration, where it is neither in the kernel nor beside it
      --cmdline WORDS    words for the guest's kernel command line
      --json             the whole result as one JSON object; the lines go to stderr
  -h, --help             this text

Exit status: 0 ran, gap or none; 1 failed, or a planted stall was not what ended the run; 2 wrong usage; 3 the machine or the kernel lacks
something (the message says what).

Examples:
  schedscope vm user arch/x86/boot/bzImage
  schedscope vm user --isolation none --seconds 10 -o before.tracefs bzImage && schedscope gaps before.tracefs
  schedscope vm user --plant 150ms bzImage      is a stall of 150 ms found, and the right thread named?
  schedscope vm user --json bzImage 2>/dev/null | jq '.gap, .tuning'
`;

const ACCELERATORS = ["auto", "kvm", "tcg"] as const;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    isolation: { value: true },
    seconds: { value: true },
    "max-gap": { value: true },
    pairs: { value: true },
    output: { short: "o", value: true },
    plant: { value: true },
    memory: { value: true },
    buffer: { value: true },
    accelerator: { value: true },
    "no-pin": {},
    config: { value: true },
    cmdline: { value: true },
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const [kernel, ...more] = parsed.rest;
  if (kernel === undefined || more.length > 0) {
    throw new UsageError(`Expected one KERNEL but found ${parsed.rest.length}`);
  }
  const number = (name: "pairs" | "memory" | "buffer", least: number, most: number) => {
    const text = parsed.get(name);
    if (text === undefined) return undefined;
    const value = wholeNumber(text, `--${name}`);
    if (value < least || value > most) {
      throw new UsageError(`Expected --${name} to be from ${least} to ${most} but found ${value}`);
    }
    return value;
  };
  const time = (name: "seconds" | "max-gap" | "plant", least: number) => {
    const text = parsed.get(name);
    if (text === undefined) return undefined;
    const value = parseDuration(text, `--${name}`);
    if (value < least) throw new UsageError(`Expected --${name} to be longer but found ${text}`);
    return value;
  };
  const seconds = time("seconds", 0.1e9), maxGap = time("max-gap", 1e6), plant = time("plant", 1e6);
  // Eight of them are the groups that schedscope-spin takes.
  const pairs = number("pairs", 1, 8), memory = number("memory", 128, 1 << 20);
  const bufferKb = number("buffer", 64, 1 << 20);
  const output = parsed.get("output"), config = parsed.get("config"), cmdline = parsed.get("cmdline");
  if (output === "") throw new UsageError("Expected --output to name a directory but found nothing");
  const json = parsed.has("json");
  const result = await interruptible((signal) =>
    runUser({
      kernel,
      isolation: oneOf("isolation", parsed.get("isolation") ?? "auto", ["auto", ...ISOLATIONS]) as
        | Isolation
        | "auto",
      accelerator: oneOf("accelerator", parsed.get("accelerator") ?? "auto", ACCELERATORS),
      ...(parsed.has("no-pin") ? { pin: false } : {}),
      ...(seconds === undefined ? {} : { seconds: seconds / 1e9 }),
      ...(maxGap === undefined ? {} : { maxGap }),
      ...(plant === undefined ? {} : { plant }),
      ...(pairs === undefined ? {} : { pairs }),
      ...(memory === undefined ? {} : { memory }),
      ...(bufferKb === undefined ? {} : { bufferKb }),
      ...(output === undefined ? {} : { output }),
      ...(config === undefined ? {} : { config }),
      ...(cmdline === undefined ? {} : { cmdline }),
      signal,
      onProgress: (text) => console.error(`[${text}]`),
      onLine: json ? console.error : console.log,
    })
  );
  if (json) console.log(JSON.stringify(result));
  else console.log(`\n${result}\n\nsettings of the guest's scheduler:\n${settings(result.tuning)}`);
  return plant !== undefined && !result.plantCaught ? ExitCode.Failed : ExitCode.Ok;
}

/** The table without the reasons, which are too long for it, and then those. */
function settings(tuning: Frame<TuningColumns>): string {
  const reasons = [...tuning.rows()].filter(({ reason }) => reason !== "")
    .map(({ name, reason }) => `  ${name}: ${reason}`);
  return [
    tuning.select("name", "wanted", "written_where", "read_back", "state").toText({ width: 200 }),
    ...reasons,
  ].join("\n");
}

function oneOf<T extends string>(name: string, found: string, all: readonly T[]): T {
  if ((all as readonly string[]).includes(found)) return found as T;
  throw new UsageError(`Expected --${name} to be ${all.join(", ")} but found ${JSON.stringify(found)}`);
}
