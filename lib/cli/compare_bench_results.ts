import { compareResults } from "../bench/suite/compare_results.ts";
import { readSuiteResult } from "../bench/suite/suite_result.ts";
import { asUsage } from "./as_usage.ts";
import { comparisonTable } from "./bench_table.ts";

/** How results are compared. */
export interface CompareBenchResults {
  /** Fields of the fingerprint that may differ. */
  readonly experiment: readonly string[];
  /** Of the whole comparison. */
  readonly confidence: number;
  /** Of the resampling. */
  readonly seed: number;
  /** Whether JSON is printed and no table. */
  readonly json: boolean;
}

/** Compares files that `schedscope bench` wrote, and prints what can be said. Throws a UsageError for results of unlike machines. */
export async function compareBenchResults(
  first: readonly string[],
  second: readonly string[],
  { json, ...options }: CompareBenchResults,
): Promise<void> {
  const [a, b] = await Promise.all([first, second].map((paths) => Promise.all(paths.map(readSuiteResult))));
  try {
    const rows = compareResults(a!, b!, options);
    if (json) {
      const { experiment, confidence } = options;
      console.log(JSON.stringify({ a: first, b: second, experiment, confidence, rows: rows.toJSON() }));
    } else console.log(comparisonTable(rows, options.confidence));
  } catch (error) {
    throw asUsage(error);
  }
  for (const { name, verdict, why } of b!.flatMap(({ cases }) => cases)) {
    if (verdict === "failed") console.error(`${name} failed in the second: ${why}`);
  }
}
