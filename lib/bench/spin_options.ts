import type { SpinSnapshot } from "./spin_snapshot.ts";

/** Options of `spin`. Durations are ns. */
export interface SpinOptions {
  /** Measuring threads; a pair stands for a VM with two vCPUs. Default: 16. */
  threads?: number;
  /** How long a thread spins before it sleeps. Default: 1e9. */
  burst?: number;
  /** Each thread sleeps its own random time below this between bursts; 0: never. Default: 1e9. */
  maxSleep?: number;
  /** End after this; 0: at the first gap over `maxGap`, or by `signal`. Default: 0. */
  duration?: number;
  /** Gaps are listed from this length on, at least 1000. Default: 100_000. */
  threshold?: number;
  /** End at the first gap longer than this; 0: never. Default: 100e6. */
  maxGap?: number;
  /** Of the sleeping times. Default: 5. */
  seed?: number | bigint;
  /** CPUs on which the threads may run. Default: as inherited. */
  cpus?: readonly number[];
  /** Whether thread i runs only on the i-th of the CPUs, round and round. Default: false. */
  pin?: boolean;
  /** Scheduling policy of the threads: `"other"`, `"batch"`, `"idle"`, `"fifo:10"`, `"rr:10"`. Default: as inherited. */
  policy?: "other" | "batch" | "idle" | `fifo:${number}` | `rr:${number}`;
  /** Nice value of the threads, -20..19. Default: as inherited. */
  nice?: number;
  /** Places in each thread's list of gaps: the newest and the longest stay, the others are counted as `overflow`. Default: 4096. */
  gapCapacity?: number;
  /** Brackets of the counter's calibration. Default: 3. */
  brackets?: number;
  /** Length of a bracket. Default: 100e6. */
  bracket?: number;
  /**
   * `"process"`: the threads run in a child process, which the runtime cannot disturb; `"thread"`: in this process, where garbage
   * collection and compilation interrupt them, for comparison. Default: `"process"`.
   */
  isolation?: "process" | "thread";
  /** Directory of a tracefs instance: at a gap over `maxGap` its marker is written and its `tracing_on` set to 0. Default: none. */
  traceMarker?: string;
  /**
   * Ends the run in under 0.2 s; what was measured until then is the result, with `stopped.reason` `"signal"`.
   * Default: in a notebook the stop button's, else none.
   */
  signal?: AbortSignal;
  /** Called every `progressInterval` while it runs. Default: none. */
  onProgress?: (snapshot: SpinSnapshot) => void;
  /** Time between calls of `onProgress`. Default: 250e6. */
  progressInterval?: number;
  /** Called with each line that schedscope-spin prints, once a second and at the stop (`isolation` `"process"` only). Default: none. */
  onLine?: (line: string) => void;
}

function whole(name: string, value: number, least: number): string {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Expected ${name} to be an integer of at least ${least} but found ${value}`);
  }
  return String(value);
}

/** The options as arguments of the program schedscope-spin. Throws a RangeError that names the option it cannot take. */
export function spinArguments(options: SpinOptions): string[] {
  const args: string[] = [];
  const integer = (flag: string, name: keyof SpinOptions, least: number) => {
    const value = options[name] as number | undefined;
    if (value !== undefined) args.push(flag, whole(name, value, least));
  };
  integer("--threads", "threads", 1);
  integer("--burst", "burst", 1);
  integer("--max-sleep", "maxSleep", 0);
  integer("--duration", "duration", 0);
  integer("--threshold", "threshold", 1000);
  integer("--max-gap", "maxGap", 0);
  integer("--gaps", "gapCapacity", 2);
  integer("--brackets", "brackets", 1);
  integer("--bracket", "bracket", 1_000_000);
  if (options.seed !== undefined) args.push("--seed", `${BigInt.asUintN(64, BigInt(options.seed))}`);
  if (options.cpus !== undefined) {
    if (!options.cpus.length) throw new RangeError("Expected cpus to name at least one CPU but found none");
    args.push("--cpus", options.cpus.map((cpu) => whole("cpus", cpu, 0)).join(","));
  }
  if (options.pin) args.push("--pin");
  if (options.policy !== undefined) args.push("--policy", options.policy);
  if (options.nice !== undefined) args.push("--nice", String(options.nice));
  if (options.traceMarker !== undefined) args.push("--trace", options.traceMarker);
  return args;
}
