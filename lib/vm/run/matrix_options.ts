import type { FinishedCell, MatrixCell } from "./matrix_cell.ts";
import type { VmIsolation, VmRunResult, VmTarget } from "./vm_run.ts";

/** What a matrix tells before each run. */
export interface MatrixProgress {
  /** Runs that are finished, those from the journal and those that failed among them. */
  readonly done: number;
  /** All runs. */
  readonly total: number;
  /** What runs next. */
  readonly cell: MatrixCell;
  /** Time that is left, ns: as long as the runs of each setting took so far. */
  readonly left: number;
  /** The same in words: `3/8 6.12 cookies, 2 min 10 s left`. */
  readonly text: string;
}

/** What is given to whatever runs a cell. */
export interface CellRun {
  /** Length of the measurement. */
  readonly seconds: number;
  /** Directory for the trace of the run; undefined where it need not be kept. */
  readonly output: string | undefined;
  /** Ends the run; what it gives then is not used. */
  readonly signal: AbortSignal | undefined;
  /** Gets a sentence whenever something new begins. */
  readonly onProgress: ((text: string) => void) | undefined;
}

/** Options of {@linkcode matrix}. */
export interface MatrixOptions {
  /** Kernels to compare: paths by the name that stands in the results, or paths, which are then called by their last part. */
  kernels: Readonly<Record<string, string>> | readonly string[];
  /** Default: `none` and `cookies`. */
  isolations?: readonly VmIsolation[];
  /** Default: `user`. */
  targets?: readonly VmTarget[];
  /** Runs of each kernel with each isolation. An interval needs 4. Default: 4. */
  repeats?: number;
  /** Length of the measurement in each run. Default: 10. */
  seconds?: number;
  /** The target's further options, the same in each run. Default: none, but `maxGap: 0` for `user`: a gap does not cut a run short. */
  options?: Readonly<Record<string, unknown>>;
  /** Directory in which each finished run is kept: with the same one an interrupted matrix goes on. Default: none, nothing is kept. */
  journal?: string;
  /** Keep the trace of each run beside its entry in the journal. Default: false. */
  traces?: boolean;
  /** Ends it; the runs that are finished are the result. Default: in a notebook the stop button's, else none. */
  signal?: AbortSignal;
  /** Called before each run. Default: nobody. */
  onProgress?: (progress: MatrixProgress) => void;
  /** Called with what becomes of each run. Default: nobody. */
  onCell?: (cell: FinishedCell) => void;
  /** Called with sentences: what the runs say meanwhile, entries of the journal that are damaged. Default: nobody. */
  onNote?: (text: string) => void;
  /** Runs a cell. Default: `vm.run`. */
  run?: (cell: MatrixCell, how: CellRun) => Promise<VmRunResult>;
}
