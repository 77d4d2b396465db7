import { replaceFile } from "../../trace/write/output.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { studentInterval } from "../statistics/student_interval.ts";
import type { SuiteMeasurement, SuiteMetric } from "./suite_case.ts";

/** What a file of results begins with. */
export const SUITE_SCHEMA = "schedscope-bench-result/1";

/** One run of a case. */
export interface SuiteRun extends SuiteMeasurement {
  /** When it began, ISO 8601. */
  readonly started: string;
  /** The machine's load average of the last minute before it. */
  readonly load: number;
}

/**
 * What became of a case: `ok` and `FRC` as the stop rule says; `not here` where the machine lacks what it needs; `failed` where a run
 * failed; `ended` where the suite was ended before its stop rule was.
 */
export type SuiteCaseVerdict = "ok" | "FRC" | "not here" | "failed" | "ended";

/** What a case gave. */
export interface SuiteCaseResult {
  /** Its name. */
  readonly name: string;
  /** What it does. */
  readonly about: string;
  /** What became of it. */
  readonly verdict: SuiteCaseVerdict;
  /** Why it is `not here` or `failed`; null otherwise. */
  readonly why: string | null;
  /** The metric by whose interval the stop rule went. */
  readonly precise: string;
  /** What must be the same for two results to be compared. */
  readonly parameters: Readonly<Record<string, number | string>>;
  /** What it measures. */
  readonly metrics: Readonly<Record<string, SuiteMetric>>;
  /** Every run, in order. */
  readonly runs: readonly SuiteRun[];
}

/** What the suite gave on one machine, with every run: the content of a result file. */
export interface SuiteResult {
  /** {@linkcode SUITE_SCHEMA}. */
  readonly schema: typeof SUITE_SCHEMA;
  /** When it began, ISO 8601. */
  readonly started: string;
  /** When it ended, or, in a file of a suite that runs, when the file was written. */
  readonly ended: string;
  /** Whether every case came to its end. */
  readonly complete: boolean;
  /** How it was run: lengths are ns. */
  readonly options: {
    readonly duration: number;
    readonly minRuns: number;
    readonly maxRuns: number;
    readonly confidence: number;
    readonly width: number;
  };
  /** What the machine was. */
  readonly fingerprint: Fingerprint;
  /** What each case gave. */
  readonly cases: readonly SuiteCaseResult[];
}

/** The values of a metric over the runs of a case, without the runs in which there was nothing to measure. */
export function valuesOf({ runs }: SuiteCaseResult, metric: string): number[] {
  return runs.flatMap(({ metrics }) => Number.isFinite(metrics[metric]) ? [metrics[metric]!] : []);
}

/** The mean of a metric over the runs of a case, and its interval. */
export function intervalOf(
  result: SuiteCaseResult,
  metric: string,
  confidence?: number,
): ReturnType<typeof studentInterval> {
  return studentInterval(valuesOf(result, metric), confidence);
}

/** Writes `result` to `path`, whole or not at all: an older file stays as it was where that fails. */
export async function writeSuiteResult(path: string, result: SuiteResult): Promise<void> {
  const text = JSON.stringify(result, (_, value) => Number.isNaN(value) ? null : value, 1);
  await replaceFile(path, undefined, (_file, write) => write(new TextEncoder().encode(`${text}\n`)));
}

/** Reads a file of results. Throws a RangeError that names the file and what is wrong with it. */
export async function readSuiteResult(path: string): Promise<SuiteResult> {
  const text = await Deno.readTextFile(path);
  const bad = (why: string, cause?: unknown) => new RangeError(`${path}: ${why}`, { cause });
  let result: SuiteResult;
  try {
    result = JSON.parse(text);
  } catch (cause) {
    throw bad("no JSON, so no result of schedscope bench", cause);
  }
  if (!isObject(result) || typeof result.schema !== "string") throw bad("no result of schedscope bench");
  if (result.schema !== SUITE_SCHEMA) {
    throw bad(`its form is ${JSON.stringify(result.schema)}, and this version reads ${SUITE_SCHEMA}`);
  }
  if (!isObject(result.fingerprint)) throw bad("it has no fingerprint of the machine");
  if (!Array.isArray(result.cases)) throw bad("it has no list of cases");
  for (const [at, each] of result.cases.entries()) {
    const whole = isObject(each) && typeof each.name === "string" && isObject(each.metrics) &&
      isObject(each.parameters) && Array.isArray(each.runs) &&
      each.runs.every((run: unknown) => isObject(run) && "metrics" in run && isObject(run.metrics)) &&
      Object.values(each.metrics).every((metric) =>
        isObject(metric) && (metric.better === "lower" || metric.better === "higher")
      );
    if (!whole) throw bad(`case ${at} lacks its name, metrics, parameters or runs`);
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
