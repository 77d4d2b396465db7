/** What one number of a run says. */
export interface SuiteMetric {
  /** Which way is the better one. */
  readonly better: "lower" | "higher";
  /** What it is, in a few words. Its unit is in its name, as `metricText` reads it. */
  readonly about: string;
}

/** What a case needs to know to make a run. */
export interface SuiteSetting {
  /** The CPUs that may be used. */
  readonly cpus: readonly number[];
  /** Length of a run, ns. */
  readonly duration: number;
}

/** What one run of a case gave. */
export interface SuiteMeasurement {
  /** The case's metrics; NaN where there was nothing to measure. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What they are made of: for each name one number for each thread. Default: none. */
  readonly raw?: Readonly<Record<string, readonly number[]>>;
}

/** One thing that the suite measures. */
export interface SuiteCase {
  /** Its name, for `--only` and in result files. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly about: string;
  /** What it measures. */
  readonly metrics: Readonly<Record<string, SuiteMetric>>;
  /** The metric by whose interval the stop rule goes. */
  readonly precise: string;
  /** What must be the same for two results to be compared: number of threads, lengths, ... */
  parameters(setting: SuiteSetting): Readonly<Record<string, number | string>>;
  /** Why it cannot run on this machine, in a clause; undefined where it can. Default: it can. */
  lacking?(setting: SuiteSetting): string | undefined;
  /** Makes one run. An aborted signal ends it by throwing the signal's reason. */
  measure(setting: SuiteSetting, signal: AbortSignal | undefined): Promise<SuiteMeasurement>;
}
