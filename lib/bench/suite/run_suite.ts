import { allowedCpus } from "../allowed_cpus.ts";
import { fingerprint } from "../fingerprint.ts";
import type { SuiteCase, SuiteSetting } from "./suite_case.ts";
import {
  intervalOf,
  SUITE_SCHEMA,
  type SuiteCaseResult,
  type SuiteCaseVerdict,
  type SuiteResult,
  type SuiteRun,
} from "./suite_result.ts";

/** What {@linkcode runSuite} tells before each run. */
export interface SuiteProgress {
  /** The case that runs next. */
  readonly name: string;
  /** Its run, from 1 on. */
  readonly run: number;
  /** Runs of all cases that are done. */
  readonly done: number;
  /** Runs that are left, as far as the spread of those that are done tells. */
  readonly left: number;
  /** Time that is left by the same measure, ns. */
  readonly timeLeft: number;
}

/** Options of {@linkcode runSuite}. Durations are ns. */
export interface RunSuiteOptions {
  /** Length of a run. Default 1e9. */
  duration?: number;
  /** Fewest runs of each case, at least 2. Default 10. */
  minRuns?: number;
  /** Most. Default 30, or `minRuns` where that is more. */
  maxRuns?: number;
  /** Of the intervals. Default 0.95. */
  confidence?: number;
  /** Half of an interval's width, as a share of the mean, at which a case has runs enough. Default 0.02. */
  width?: number;
  /** CPUs that are used. Default: those that this process may use. */
  cpus?: readonly number[];
  /** Ends it; the runs that are done are the result. Default: none. */
  signal?: AbortSignal;
  /** Called before each run. Default: none. */
  onProgress?: (progress: SuiteProgress) => void;
  /** Called with the result as it is, after each round over the cases; awaited. Default: none. */
  onRound?: (result: SuiteResult) => Promise<void> | void;
}

/** A case while the suite runs. */
interface Running {
  readonly suiteCase: SuiteCase;
  readonly runs: SuiteRun[];
  verdict: SuiteCaseVerdict;
  why: string | null;
  /** Wall time of its runs, ms. */
  took: number;
}

/**
 * Runs each of `cases` again and again until the mean of the metric that the case names is known: its interval (Student's t) within ± `width`
 * after at least `minRuns` runs; or until `maxRuns`, which is `FRC`.
 *
 * A round is one run of every case that is not done, and every other round goes the other way round (A B C, C B A, ...): what changes with
 * time on the machine meets all cases alike. A case that fails is `failed`, with what was wrong, and the others go on. Throws a RangeError for
 * options that make no sense and for two cases of one name.
 */
export async function runSuite(
  cases: readonly SuiteCase[],
  options: RunSuiteOptions = {},
): Promise<SuiteResult> {
  const { duration = 1e9, minRuns = 10, confidence = 0.95, width = 0.02, signal } = options;
  const { maxRuns = Math.max(30, minRuns), cpus = allowedCpus() } = options;
  if (!(minRuns >= 2 && maxRuns >= minRuns)) {
    throw new RangeError(`Expected 2 <= minRuns <= maxRuns but found ${minRuns} and ${maxRuns}`);
  }
  if (!(duration > 0)) throw new RangeError(`Expected a duration above 0 but found ${duration}`);
  if (new Set(cases.map(({ name }) => name)).size < cases.length) {
    throw new RangeError(`Expected cases of different names but found ${cases.map(({ name }) => name)}`);
  }
  const machine = await fingerprint();
  const started = new Date().toISOString();
  const setting: SuiteSetting = { cpus, duration };
  const all = cases.map((suiteCase): Running => {
    const why = suiteCase.lacking?.(setting) ?? null;
    return { suiteCase, runs: [], verdict: why === null ? "ended" : "not here", why, took: 0 };
  });
  const result = (): SuiteResult => ({
    schema: SUITE_SCHEMA,
    started,
    ended: new Date().toISOString(),
    complete: all.every(({ verdict }) => verdict !== "ended"),
    options: { duration, minRuns, maxRuns, confidence, width },
    fingerprint: machine,
    cases: all.map((running) => resultOf(running, setting)),
  });
  const open = () => all.filter(({ verdict }) => verdict === "ended");
  for (let round = 0; open().length > 0 && !signal?.aborted; round++) {
    for (const running of round % 2 === 0 ? open() : open().reverse()) {
      if (signal?.aborted) break;
      options.onProgress?.(progressOf(running, all, setting, { minRuns, maxRuns, confidence, width }));
      await runOnce(running, setting, signal);
      const { runs } = running;
      const known = intervalOf(resultOf(running, setting), running.suiteCase.precise, confidence);
      if (running.verdict !== "ended") continue;
      if (runs.length >= minRuns && known.relative <= width) running.verdict = "ok";
      else if (runs.length >= maxRuns) running.verdict = "FRC";
    }
    await options.onRound?.(result());
  }
  return result();
}

async function runOnce(
  running: Running,
  setting: SuiteSetting,
  signal: AbortSignal | undefined,
): Promise<void> {
  const begun = performance.now();
  const started = new Date().toISOString();
  const [load] = Deno.loadavg();
  try {
    const measured = await running.suiteCase.measure(setting, signal);
    if (signal?.aborted) return; // a run that was cut short is none
    running.runs.push({ started, load: load ?? NaN, ...measured });
  } catch (error) {
    if (signal?.aborted) return;
    running.verdict = "failed";
    running.why = error instanceof Error ? error.message : String(error);
  } finally {
    running.took += performance.now() - begun;
  }
}

function resultOf({ suiteCase, runs, verdict, why }: Running, setting: SuiteSetting): SuiteCaseResult {
  const { name, about, metrics, precise } = suiteCase;
  return { name, about, verdict, why, precise, parameters: parametersOf(suiteCase, setting), metrics, runs };
}

/** What must be the same for results of a case to be compared: what the case says, and the CPUs. */
export function parametersOf(suiteCase: SuiteCase, setting: SuiteSetting): Record<string, number | string> {
  return { cpus: setting.cpus.join(","), ...suiteCase.parameters(setting) };
}

type Rule = Required<Pick<RunSuiteOptions, "minRuns" | "maxRuns" | "confidence" | "width">>;

function progressOf(
  next: Running,
  all: readonly Running[],
  setting: SuiteSetting,
  rule: Rule,
): SuiteProgress {
  let done = 0, left = 0, timeLeft = 0;
  for (const running of all) {
    done += running.runs.length;
    if (running.verdict !== "ended") continue;
    const more = runsLeft(running, setting, rule);
    left += more;
    // Before its first run: a run takes its length, and a start.
    const each = running.runs.length === 0
      ? setting.duration * 1.3
      : running.took / running.runs.length * 1e6;
    timeLeft += more * each;
  }
  return { name: next.suiteCase.name, run: next.runs.length + 1, done, left, timeLeft };
}

/** How many runs a case needs: an interval narrows with the square root of their number. */
function runsLeft(
  running: Running,
  setting: SuiteSetting,
  { minRuns, maxRuns, confidence, width }: Rule,
): number {
  const n = running.runs.length;
  const { relative } = intervalOf(resultOf(running, setting), running.suiteCase.precise, confidence);
  const needed = n < 3 ? minRuns : n * (relative / width) ** 2;
  return Math.max(1, Math.ceil(Math.min(maxRuns, Math.max(minRuns, needed || maxRuns))) - n);
}
