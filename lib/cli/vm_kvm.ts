import { visibleText } from "../frame/visible_text.ts";
import { type Isolation, ISOLATIONS } from "../vm/user/isolation.ts";
import { runKvm } from "../vm/kvm/run_kvm.ts";
import { parseCommand } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { wholeNumber } from "./whole_number.ts";

/** One line for the list of commands. */
export const summary =
  "guests inside a guest, all on one core, each measured by its own kernel's hwlat tracer";

const HELP = `Usage: schedscope vm kvm [OPTIONS] KERNEL

Boots KERNEL (a bzImage or a vmlinux) in a guest of 4 vCPUs, two threads a core, and in that 8 guests of 2 vCPUs on the same kernel,
all on the two threads of one core, each a trust group. Every inner guest runs its kernel's hwlat tracer: half of each second on one of
its CPUs, then on the other. Prints the tracer's lines of one of them as they come, and at the end the gaps of all. Where the host has no
KVM that nests, the outer guest's SVM is emulated: the figures are then those of an emulated machine, and only differences between
runs on the same machine tell something. Ctrl-C ends the run, and what was measured until then is the result.

Options:
      --isolation HOW    cookies (core scheduling), tag (cpu.tag), coscheduling (cpu.scheduled), none, or auto: the best that
                         the kernel has (default)
      --seconds N        measure for N seconds, from the moment at which all inner guests are let go (default 30)
      --vms N            inner guests (default 8)
      --show N           whose lines are printed: 0 (default) to N - 1, all, or none
      --width TIME       part of each round in which the tracer watches (default 500ms)
      --window TIME      length of a round (default 1s)
      --trace DIR        bring the outer guest's trace (sched, irq, timer, syscalls) home; openTrace and every command read it
      --inner HOW        what runs the inner guests: kvm, tcg or auto (default: kvm where the outer guest has it)
      --accelerator HOW  what runs the outer guest: kvm, tcg or auto (default)
      --memory MIB       memory of the outer guest (default: what all of them need)
      --vm-memory MIB    memory of each inner guest (default 96)
      --watchdog TIME    an inner guest that is not up after this is ended and another started (default 40s, longer on a slow
                         machine)
      --config FILE      the kernel's configuration, where it is neither in the kernel nor beside it
      --verbose          the consoles of all guests, on stderr
      --json             the whole result as one JSON object; the lines go to stderr
  -h, --help             this text

Exit status: 0 each inner guest was measured; 1 failed, or some were not (the others are told); 2 wrong usage; 3 the machine or the kernel
lacks something (the message says what).

Examples:
  schedscope vm kvm arch/x86/boot/bzImage
  schedscope vm kvm --isolation none --seconds 60 bzImage       without core scheduling
  schedscope vm kvm --json bzImage 2>/dev/null | jq -c '.summary[]'
  schedscope vm kvm --vms 3 --trace l1.tracefs bzImage && schedscope gaps l1.tracefs
`;

const WAYS = ["auto", "kvm", "tcg"] as const;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    isolation: { value: true },
    seconds: { value: true },
    vms: { value: true },
    show: { value: true },
    width: { value: true },
    window: { value: true },
    trace: { value: true },
    inner: { value: true },
    accelerator: { value: true },
    memory: { value: true },
    "vm-memory": { value: true },
    watchdog: { value: true },
    config: { value: true },
    verbose: {},
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const [kernel, ...more] = parsed.rest;
  if (kernel === undefined || more.length > 0) {
    throw new UsageError(`Expected one KERNEL but found ${parsed.rest.length}`);
  }
  const number = (name: "vms" | "memory" | "vm-memory", least: number, most: number) => {
    const text = parsed.get(name);
    return text === undefined ? undefined : within(name, wholeNumber(text, `--${name}`), least, most);
  };
  const time = (name: "seconds" | "width" | "window" | "watchdog", least: number, most: number) => {
    const text = parsed.get(name);
    if (text === undefined) return undefined;
    const value = parseDuration(text, `--${name}`);
    if (value < least || value > most) {
      throw new UsageError(
        `Expected --${name} to be from ${least / 1e9} s to ${most / 1e9} s but found ${text}`,
      );
    }
    return value;
  };
  const vms = number("vms", 1, 64) ?? 8;
  const memory = number("memory", 256, 1 << 20), vmMemory = number("vm-memory", 48, 1 << 16);
  const seconds = time("seconds", 1e9, 86_400e9), watchdog = time("watchdog", 1e9, 3600e9);
  const window = time("window", 1e6, 60e9), width = time("width", 1e3, window ?? 1e9);
  const shown = showing(parsed.get("show") ?? "0", vms);
  const trace = parsed.get("trace"), config = parsed.get("config");
  if (trace === "") throw new UsageError("Expected --trace to name a directory but found nothing");
  const json = parsed.has("json"), verbose = parsed.has("verbose");
  const print = json ? console.error : console.log;
  const result = await interruptible((signal) =>
    runKvm({
      kernel,
      vms,
      isolation: oneOf("isolation", parsed.get("isolation") ?? "auto", ["auto", ...ISOLATIONS]) as
        | Isolation
        | "auto",
      innerAccelerator: oneOf("inner", parsed.get("inner") ?? "auto", WAYS),
      accelerator: oneOf("accelerator", parsed.get("accelerator") ?? "auto", WAYS),
      ...(seconds === undefined ? {} : { seconds: seconds / 1e9 }),
      ...(watchdog === undefined ? {} : { watchdog: watchdog / 1e9 }),
      ...(window === undefined ? {} : { window }),
      ...(width === undefined ? {} : { width }),
      ...(memory === undefined ? {} : { memory }),
      ...(vmMemory === undefined ? {} : { vmMemory }),
      ...(trace === undefined ? {} : { trace }),
      ...(config === undefined ? {} : { config }),
      signal,
      onProgress: (text) => console.error(`[${text}]`),
      onSample(vm, _sample, line) {
        if (shown(vm)) {
          print(parsed.get("show") === "all" ? `${vm}: ${visibleText(line)}` : visibleText(line));
        }
      },
      ...(verbose
        ? {
          onConsole: (vm: number | "L1", line: string) =>
            console.error(`${vm === "L1" ? vm : vm < 0 ? "first" : `vm ${vm}`}: ${visibleText(line)}`),
        }
        : {}),
    })
  );
  console.log(json ? JSON.stringify(result) : `\n${result}`);
  return result.vms.every(({ state }) => state === "measured") ? ExitCode.Ok : ExitCode.Failed;
}

/** Whether the lines of an inner guest are to be printed. */
function showing(text: string, vms: number): (vm: number) => boolean {
  if (text === "all") return () => true;
  if (text === "none") return () => false;
  const shown = within("show", wholeNumber(text, "--show"), 0, vms - 1);
  return (vm) => vm === shown;
}

function within(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new UsageError(`Expected --${name} to be from ${least} to ${most} but found ${value}`);
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`Expected --${option} to be one of ${names.join(", ")} but found ${text}`);
}
