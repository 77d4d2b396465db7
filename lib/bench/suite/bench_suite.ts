import { corePairCase } from "./core_pair_case.ts";
import { gapCase } from "./gap_case.ts";
import { reflexCase, yieldCase } from "./reflex_case.ts";
import type { SuiteCase } from "./suite_case.ts";
import { wakeCase } from "./wake_case.ts";

/**
 * The cases of `schedscope bench`: gaps and fairness at 1, 2 and 4 times overcommit, wake-up latency by itself and beside load, yields, reflex
 * at three weights, and pairs with core-scheduling cookies.
 */
export function benchSuite(): SuiteCase[] {
  return [
    ...[1, 2, 4].map(gapCase),
    wakeCase(false),
    wakeCase(true),
    yieldCase(),
    ...[50, 75, 90].map(reflexCase),
    corePairCase(),
  ];
}
