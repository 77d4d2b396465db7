import type { GapCause } from "./gap_cause.ts";

/** What {@linkcode gapInWords} reads of a row of a ledger. */
export interface ExplainedGap {
  /** The largest cause. */
  readonly cause: GapCause;
  /** Who took the most of it; empty where nobody is known. */
  readonly culprit: string;
  /** Its thread; -1 where it is none, or not known. */
  readonly culprit_tid: number;
}

/** A gap's cause and culprit in words: `queued behind cc1[4711]`, `preempted by ksoftirqd/0[14]`, `steal`. */
export function gapInWords({ cause, culprit, culprit_tid }: ExplainedGap): string {
  if (culprit === "") return cause;
  const who = culprit_tid < 0 ? culprit : `${culprit}[${culprit_tid}]`;
  return `${cause} ${cause === "queued" ? "behind" : "by"} ${who}`;
}
