import type { Frame } from "../frame/frame.ts";
import type { LedgerColumns } from "./gaps.ts";

const SHOWN: readonly (keyof LongestGapColumns)[] = [
  "ts",
  "dur",
  "comm",
  "tid",
  "kind",
  "cause",
  "culprit",
  "culprit_tid",
  "culprit_class",
  "culprit_cpu",
];

/** Columns of {@linkcode longestGaps}: who stood still, how long, why, and by whose fault. */
export type LongestGapColumns = Pick<
  LedgerColumns,
  | "ts"
  | "dur"
  | "comm"
  | "tid"
  | "kind"
  | "cause"
  | "culprit"
  | "culprit_tid"
  | "culprit_class"
  | "culprit_cpu"
>;

/** The `count` longest of a ledger's `gaps`, the longest first, with the columns that a person reads. */
export function longestGaps(gaps: Frame<LedgerColumns>, count = 20): Frame<LongestGapColumns> {
  return gaps.sort("dur", { descending: true }).head(count).select(...SHOWN);
}
