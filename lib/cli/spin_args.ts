import type { SpinOptions } from "../bench/spin_options.ts";
import { parseCpuList } from "../trace/cpu_list.ts";
import type { OptionSpec, ParsedArgs } from "./args.ts";
import { parseDuration } from "./duration.ts";
import { UsageError } from "./exit_code.ts";
import { wholeNumber } from "./whole_number.ts";

/** Options of the commands that run spin. */
export const SPIN_OPTIONS = {
  threads: { short: "n", value: true },
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
      --burst TIME       how long a thread spins before it sleeps (default 1s)
      --max-sleep TIME   each thread sleeps a random time of its own below this (default 1s)
      --threshold TIME   list gaps from this length on (default 100us)
      --max-gap TIME     end at the first gap longer than this; 0: never
      --seed N           of the sleeping times (default 5)
      --cpus LIST        CPUs on which the threads may run, such as 0-3,8 (default: as inherited)
      --pin              thread i runs on the i-th of the CPUs only, round and round
      --policy POLICY    other, batch, idle, fifo:PRIO or rr:PRIO (default: as inherited)
      --nice N           nice value of the threads (default: as inherited)`;

/** The options of `spin` that a command line gives. Throws {@linkcode UsageError} on a value that cannot be one. */
export function spinOptions(args: ParsedArgs<keyof typeof SPIN_OPTIONS>): SpinOptions {
  const options: SpinOptions = {};
  const threads = args.get("threads");
  if (threads !== undefined) options.threads = wholeNumber(threads, "--threads");
  const seed = args.get("seed");
  if (seed !== undefined) options.seed = wholeNumber(seed, "--seed");
  const nice = args.get("nice");
  if (nice !== undefined) options.nice = wholeNumber(nice, "--nice");
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
  if (policy !== undefined) {
    if (!/^(other|batch|idle|(fifo|rr):\d+)$/.test(policy)) {
      throw new UsageError(
        `Expected --policy to be other, batch, idle, fifo:PRIO or rr:PRIO but found ${policy}`,
      );
    }
    options.policy = policy as NonNullable<SpinOptions["policy"]>;
  }
  return options;
}

export function cpuList(text: string): number[] {
  try {
    return parseCpuList(text);
  } catch (cause) {
    throw new UsageError(`--cpus: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
