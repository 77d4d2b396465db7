/** What of a timehist is wanted; the letters are those of `perf sched timehist`. */
export interface TimehistPrintOptions {
  /** Only the summary (`-s`). Default false. */
  summaryOnly?: boolean;
  /** The rows, then the summary (`-S`). Default false. */
  withSummary?: boolean;
  /** A line for each wakeup (`-w`). Default false. */
  wakeups?: boolean;
  /** The task that runs next (`-n`). Default false. */
  next?: boolean;
  /** A line for each migration, and their counts (`-M`). Default false. */
  migrations?: boolean;
  /** A column with one character for each CPU (`-V`). Default false. */
  cpuVisual?: boolean;
  /** Only what enters or leaves idle (`-I`). Default false. */
  idleOnly?: boolean;
  /** The state that a task left its CPU in (`--state`). Default false. */
  state?: boolean;
  /** First and last stamp of the clock, ns (`--time`). Default the whole trace. */
  time?: TimeWindow;
  /** CPUs whose rows are wanted (`-C`). Default all. */
  cpus?: ReadonlySet<number>;
  /** Processes whose rows are wanted (`-p`). Default all. */
  pids?: ReadonlySet<number>;
  /** Threads whose rows are wanted (`-t`). Default all. */
  tids?: ReadonlySet<number>;
}

/** perf's MAX_NR_CPUS: a file that claims more CPUs than this is damaged. */
export const MAX_CPUS = 4096;

/** A stretch of time by the trace's clock, in ns since its zero; undefined = open. */
export interface TimeWindow {
  /** First stamp. */
  readonly from: bigint | undefined;
  /** Last stamp. */
  readonly to: bigint | undefined;
}
