import type { CgroupLimits } from "./cgroup_limits.ts";
import type { SpinSnapshot } from "./spin_snapshot.ts";

/** Options of `spin`. Durations are ns. */
export interface SpinOptions {
  /** Measuring threads; a pair stands for a VM with two vCPUs. Default: 16. */
  threads?: number;
  /** Instead of `threads`: twice as many, of which 2i and 2i+1 are pair i. Default: none. */
  pairs?: number;
  /** How long a thread spins before it sleeps. Default: 1e9. */
  burst?: number;
  /** Each thread sleeps its own random time below this between bursts; 0: never. Default: 1e9. */
  maxSleep?: number;
  /** Instead of `maxSleep`: each thread sleeps so long that it spins this many percent of the time, 1..100. Default: none. */
  duty?: number;
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
  /** Instead of `cpus`: the hardware threads of this CPU's core. Default: none. */
  siblingsOf?: number;
  /** Whether thread i runs only on the i-th of the CPUs, round and round. Default: false. */
  pin?: boolean;
  /**
   * Scheduling policy of the threads: `"other"`, `"batch"`, `"idle"`, `"fifo:10"`, `"rr:10"`, or `"deadline:5ms:10ms:10ms"`, which are
   * runtime, deadline and period (default: the deadline). Default: as inherited.
   */
  policy?: "other" | "batch" | "idle" | `fifo:${number}` | `rr:${number}` | `deadline:${string}`;
  /** Nice value of the threads, -20..19; of several thread i has the i-th, round and round. Default: as inherited. */
  nice?: number | readonly number[];
  /**
   * An existing cgroup in which the threads run: a path, or a name below the hierarchy with the cpu controller. With `groups`, that
   * below which these are made. Default: as inherited.
   */
  cgroup?: string;
  /** Groups of its own, made for the run and removed after it: thread i goes into the i-th, round and round. Default: none. */
  groups?: readonly CgroupLimits[];
  /**
   * Whether each pair of threads (2i and 2i+1) gets a core-scheduling cookie of its own. Where the machine has no core scheduling the
   * run goes on without, and `result.cookies` says why. Default: false.
   */
  cookies?: boolean;
  /**
   * A CPU, idle and not among `cpus`, on which one more thread watches all the time: what it sees too befell the whole machine, and
   * such gaps are marked. `"auto"`: the last allowed CPU that is not among `cpus`. Default: none.
   */
  control?: number | "auto";
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

function whole(name: string, value: number, least: number, most = Infinity): string {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Expected ${name} to be an integer of at least ${least} but found ${value}`);
  }
  if (value > most) throw new RangeError(`Expected ${name} to be at most ${most} but found ${value}`);
  return String(value);
}

const POLICY =
  /^(other|batch|idle|(fifo|rr):([1-9]|[1-8]\d|9[0-8])|deadline(:\d+(\.\d+)?(ns|us|ms|s)?){2,3})$/;
/** SS_MAX_THREADS of native/src/spin.h. */
const MOST_THREADS = 4096;

/** Throws a RangeError for options that exclude each other. */
function checkTogether(options: SpinOptions): void {
  const both = (a: keyof SpinOptions, b: keyof SpinOptions) => {
    if (options[a] === undefined || options[b] === undefined) return;
    throw new RangeError(`Expected ${a} or ${b} but found both`);
  };
  both("threads", "pairs");
  both("maxSleep", "duty");
  both("cpus", "siblingsOf");
  if (options.cookies && options.pairs === undefined && (options.threads ?? 16) % 2 !== 0) {
    throw new RangeError(`Expected an even number of threads for cookies but found ${options.threads}`);
  }
  if (options.control !== undefined && options.cpus === undefined && options.siblingsOf === undefined) {
    throw new RangeError("Expected cpus beside control, which needs a CPU of its own, but found none");
  }
  if (typeof options.control === "number" && options.cpus?.includes(options.control)) {
    throw new RangeError(`Expected control to be a CPU that is not among cpus but found ${options.control}`);
  }
}

/** The options as arguments of the program schedscope-spin. Throws a RangeError that names the option it cannot take. */
export function spinArguments(options: SpinOptions): string[] {
  checkTogether(options);
  const args: string[] = [];
  const integer = (flag: string, name: keyof SpinOptions, least: number, most?: number) => {
    const value = options[name] as number | undefined;
    if (value !== undefined) args.push(flag, whole(name, value, least, most));
  };
  integer("--threads", "threads", 1, MOST_THREADS);
  integer("--pairs", "pairs", 1, MOST_THREADS / 2);
  integer("--duty", "duty", 1, 100);
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
  if (options.policy !== undefined) {
    if (!POLICY.test(options.policy)) {
      throw new RangeError(
        `Expected policy to be other, batch, idle, fifo:1..98, rr:1..98 or deadline:RUNTIME:DEADLINE:PERIOD but found ${options.policy}`,
      );
    }
    args.push("--policy", options.policy);
  }
  if (options.nice !== undefined) {
    const values = typeof options.nice === "number" ? [options.nice] : options.nice;
    if (values.length === 0) throw new RangeError("Expected at least one nice value but found none");
    args.push("--nice", values.map((value) => whole("nice", value, -20, 19)).join(","));
  }
  if (options.cookies) args.push("--cookies");
  if (options.traceMarker !== undefined) args.push("--trace", options.traceMarker);
  return args;
}
