import { type CgroupLimits, limitFiles } from "../bench/cgroup_limits.ts";
import { spinArguments, type SpinOptions } from "../bench/spin_options.ts";
import { parseCpuList } from "../trace/cpu_list.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { UsageError } from "./exit_code.ts";
import { wholeNumber } from "./whole_number.ts";

/** Options of the commands that run spin. */
export const SPIN_OPTIONS = {
  threads: { short: "n", value: true },
  pairs: { value: true },
  duty: { value: true },
  "siblings-of": { value: true },
  cgroup: { value: true },
  group: { value: true },
  cookies: {},
  control: { value: true },
  duration: { short: "d", value: true },
  burst: { value: true },
  "max-sleep": { value: true },
  threshold: { value: true },
  "max-gap": { value: true },
  seed: { value: true },
  cpus: { value: true },
  pin: {},
  policy: { value: true },
  nice: { value: true },
} as const satisfies Record<string, OptionSpec>;

/** Their help, as the commands print it. */
export const SPIN_HELP =
  `  -n, --threads N        measuring threads; a pair stands for a VM of two vCPUs (default 16)
  -d, --duration TIME    end after this; 0: at the first gap over --max-gap
      --pairs N          twice as many threads, in pairs
      --burst TIME       how long a thread spins before it sleeps (default 1s)
      --max-sleep TIME   each thread sleeps a random time of its own below this (default 1s)
      --duty PERCENT     instead: each sleeps so long that it spins this much of the time
      --threshold TIME   list gaps from this length on (default 100us)
      --max-gap TIME     end at the first gap longer than this; 0: never
      --seed N           of the sleeping times (default 5)
      --cpus LIST        CPUs on which the threads may run, such as 0-3,8 (default: as inherited)
      --pin              thread i runs on the i-th of the CPUs only, round and round
      --siblings-of CPU  on the hardware threads of this CPU's core
      --policy POLICY    other, batch, idle, fifo:PRIO, rr:PRIO or deadline:RUNTIME:DEADLINE:PERIOD (default: as inherited)
      --nice N[,N...]    nice value; of several thread i has the i-th, round and round (default: as inherited)
      --cgroup GROUP     in this existing cgroup: its path, or its name below the hierarchy with the cpu controller
      --group LIMITS     in a cgroup made for the run: shares=N or weight=N, quota=TIME/PERIOD, both with a comma;
                         given more than once: thread i in the i-th, round and round
      --cookies          each pair has a core-scheduling cookie of its own, where the machine can
      --control CPU      one more thread watches this idle CPU (auto: one that is left) and marks what befell all CPUs`;

/** The options of `spin` that a command line gives. Throws {@linkcode UsageError} on a value that cannot be one. */
export function spinOptions(args: ParsedArgs<keyof typeof SPIN_OPTIONS>): SpinOptions {
  const options: SpinOptions = {};
  const threads = args.get("threads");
  if (threads !== undefined) options.threads = wholeNumber(threads, "--threads");
  const seed = args.get("seed");
  if (seed !== undefined) options.seed = wholeNumber(seed, "--seed");
  const nice = args.get("nice");
  if (nice !== undefined) options.nice = nice.split(",").map((value) => wholeNumber(value, "--nice"));
  const pairs = args.get("pairs");
  if (pairs !== undefined) options.pairs = wholeNumber(pairs, "--pairs");
  const duty = args.get("duty");
  if (duty !== undefined) options.duty = wholeNumber(duty, "--duty");
  const core = args.get("siblings-of");
  if (core !== undefined) options.siblingsOf = wholeNumber(core, "--siblings-of");
  const control = args.get("control");
  if (control !== undefined) {
    options.control = control === "auto" ? control : wholeNumber(control, "--control");
  }
  if (args.has("cookies")) options.cookies = true;
  const cgroup = args.get("cgroup");
  if (cgroup !== undefined) options.cgroup = cgroup;
  const groups = args.all("group");
  if (groups.length > 0) options.groups = groups.map(groupLimits);
  const times = {
    duration: "duration",
    burst: "burst",
    "max-sleep": "maxSleep",
    threshold: "threshold",
    "max-gap": "maxGap",
  } as const;
  for (
    const [name, option] of Object.entries(times) as [keyof typeof times, typeof times[keyof typeof times]][]
  ) {
    const text = args.get(name);
    if (text !== undefined) options[option] = Math.round(parseDuration(text, `--${name}`));
  }
  const cpus = args.get("cpus");
  if (cpus !== undefined) options.cpus = cpuList(cpus);
  if (args.has("pin")) options.pin = true;
  const policy = args.get("policy");
  if (policy !== undefined) options.policy = policy as NonNullable<SpinOptions["policy"]>;
  try {
    spinArguments(options);
    for (const limits of options.groups ?? []) limitFiles(limits, 2);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  return options;
}

/** `shares=100`, `weight=50,quota=5ms/20ms`. */
function groupLimits(text: string): CgroupLimits {
  const limits: { -readonly [Name in keyof CgroupLimits]: CgroupLimits[Name] } = {};
  for (const part of text.split(",")) {
    const [name, value] = part.split("=");
    if (value === undefined || (name !== "shares" && name !== "weight" && name !== "quota")) {
      throw new UsageError(
        `Expected --group to be shares=N or weight=N, quota=TIME/PERIOD, or both with a comma, but found ${text}`,
      );
    }
    if (name === "quota") {
      const [quota = "", period] = value.split("/");
      limits.quota = Math.round(parseDuration(quota, "--group quota"));
      if (period !== undefined) limits.period = Math.round(parseDuration(period, "--group quota"));
    } else limits[name] = wholeNumber(value, `--group ${name}`);
  }
  return limits;
}

export function cpuList(text: string): number[] {
  try {
    return parseCpuList(text);
  } catch (cause) {
    throw new UsageError(`--cpus: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
