/** Options of `reflex`. */
export interface ReflexOptions {
  /** Children, an even number (`-c`). Default: 40. */
  children?: number;
  /** Active sets, which divides the children (`-a`): as many threads are runnable. Sets of one never block. Default: half of the children. */
  active?: number;
  /**
   * Percent of the rounds that end by handing on the token, 0 to 100 (`-w`); the others yield. Default: 90, at which the calls of
   * `schedule()` and the wake-ups are nearly as many (at least 100 / w calls for a wake-up) while there still are yields, and the
   * weight of the first published line.
   */
  weight?: number;
  /** us of work in a round (`-r`), calibrated as CPU time, within a sixteenth of it up or down at random. Default: 0. */
  compute?: number;
  /** ns of a run (`-t`), at least 1e6. Default: 1e9. */
  duration?: number;
  /** Fewest runs. Default: 10; 2 with `legacyStop`. */
  minRuns?: number;
  /** Most runs: what is not precise by then is `FRC`. Default: 30. */
  maxRuns?: number;
  /** Half of the 95 % interval's width, as a share of the mean, at which it is precise enough. Default: 0.01. */
  width?: number;
  /**
   * The older, looser rule: from the second run on, whenever the interval happens to be narrow enough. Such an interval holds the true mean in
   * 88 to 95 % of cases, one of at least 10 runs in 94 to 95.5 %. Default: false.
   */
  legacyStop?: boolean;
  /** CPUs on which the children may run. Default: as inherited. */
  cpus?: readonly number[];
  /** Of the draws; run k takes seed + k. Default: 5. */
  seed?: number;
  /**
   * `"process"`: each run is a new process, which the runtime cannot disturb and whose memory lies elsewhere each time; `"thread"`: in
   * this process, for comparison. Default: `"process"`.
   */
  isolation?: "process" | "thread";
  /** One more run, not part of the mean, is recorded and held against `sched_waking` and `sched_switch`. Default: false. */
  trace?: boolean;
  /** Ends the whole: the runs that were done are the result. Default: in a notebook the stop button's, else none. */
  signal?: AbortSignal;
  /** Called after each run. Default: none. */
  onProgress?: (progress: ReflexProgress) => void;
}

/** What is known after a run. */
export interface ReflexProgress {
  /** Runs that are done. */
  readonly runs: number;
  /** us per round of the last run. */
  readonly last: number;
  /** Mean us per round. */
  readonly mean: number;
  /** Half of the 95 % interval's width as a share of the mean; NaN after one run. */
  readonly relative: number;
}

/** Options with their defaults, as a result carries them. */
export type ReflexSettings =
  & Required<
    Omit<ReflexOptions, "signal" | "onProgress" | "cpus" | "trace" | "legacyStop">
  >
  & { readonly legacyStop: boolean; readonly cpus: readonly number[] | null };

function whole(name: string, value: number, low: number, high: number): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(
    `Expected ${name} to be a whole number from ${low} to ${high} but found ${value}`,
  );
}

/** Fills in the defaults. Throws a RangeError that says what is wrong with an option. */
export function reflexSettings(options: ReflexOptions): ReflexSettings {
  const children = whole("children", options.children ?? 40, 2, 1e6);
  if (children % 2 !== 0) {
    throw new RangeError(`Expected children to be an even number but found ${children}`);
  }
  const active = whole("active", options.active ?? children / 2, 1, 1e6);
  if (active > children || children % active !== 0) {
    throw new RangeError(
      `${children} children cannot stand in ${active} active sets of equal size: active must divide children`,
    );
  }
  const { compute = 0, duration = 1e9, legacyStop = false, cpus = null } = options;
  if (!(compute >= 0 && compute <= 1e7)) {
    throw new RangeError(`Expected compute to be us from 0 to 10000000 but found ${compute}`);
  }
  if (!(duration >= 1e6 && duration <= 1e15)) {
    throw new RangeError(`Expected duration to be ns from 1e6 (1 ms) but found ${duration}`);
  }
  if (cpus !== null && cpus.length === 0) throw new RangeError("Expected CPUs to run on but found none");
  const minRuns = whole("minRuns", options.minRuns ?? (legacyStop ? 2 : 10), 2, 1e6);
  const maxRuns = whole("maxRuns", options.maxRuns ?? Math.max(30, minRuns), minRuns, 1e6);
  const { width = 0.01, isolation = "process" } = options;
  if (!(width > 0)) throw new RangeError(`Expected width to be above 0 but found ${width}`);
  return {
    children,
    active,
    weight: whole("weight", options.weight ?? 90, 0, 100),
    compute,
    duration,
    minRuns,
    maxRuns,
    width,
    legacyStop,
    cpus,
    seed: whole("seed", options.seed ?? 5, 0, Number.MAX_SAFE_INTEGER),
    isolation,
  };
}

/** One run's arguments of schedscope-reflex. `loops` is the calibration of an earlier run, 0 for none. */
export function reflexArguments(settings: ReflexSettings, run: number, loops: number): string[] {
  const args = [
    ...["-c", String(settings.children), "-a", String(settings.active), "-w", String(settings.weight)],
    ...["-r", String(settings.compute), "-t", String(settings.duration / 1e9)],
    ...["--seed", String(settings.seed + run), "--json"],
  ];
  if (loops > 0) args.push("--loops", String(loops));
  if (settings.cpus !== null) args.push("--cpus", settings.cpus.join(","));
  return args;
}
