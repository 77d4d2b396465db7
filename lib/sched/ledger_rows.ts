import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { CAUSE, CAUSE_COLUMNS, GAP_CAUSES } from "./gap_cause.ts";
import type { GapExplanation } from "./gap_explainer.ts";
import type { CauseColumns, GapLedger, LedgerColumns } from "./gaps.ts";

/** Index of the largest of `parts`. */
export function largestPart(parts: Float64Array): number {
  let largest = 0;
  for (let i = 1; i < parts.length; i++) if (parts[i]! > parts[largest]!) largest = i;
  return largest;
}

/** Gathers explained gaps into a ledger. */
export class LedgerRows {
  readonly #ts: Float64Array;
  readonly #dur: Float64Array;
  readonly #tid: Int32Array;
  readonly #comm: string[] = [];
  readonly #kind: ("run" | "wake" | "preempted" | "woken")[] = [];
  readonly #why: GapExplanation[] = [];
  readonly #censored: number[] = [];

  constructor(rows: number) {
    this.#ts = new Float64Array(rows);
    this.#dur = new Float64Array(rows);
    this.#tid = new Int32Array(rows);
  }

  add(
    ts: number,
    dur: number,
    tid: number,
    comm: string,
    kind: "run" | "wake" | "preempted" | "woken",
    why: GapExplanation,
    censored = false,
  ): void {
    const row = this.#why.push(why) - 1;
    this.#censored.push(censored || why.parts[CAUSE.unknown]! > 0 ? 1 : 0);
    this.#ts[row] = ts;
    this.#dur[row] = dur;
    this.#tid[row] = tid;
    this.#comm.push(comm);
    this.#kind.push(kind);
  }

  ledger(epoch: bigint, evidence: "trace" | "counters"): GapLedger {
    const why = this.#why;
    const parts = Object.fromEntries(
      CAUSE_COLUMNS.map((name, cause) => [name, ns(Float64Array.from(why, (one) => one.parts[cause]!))]),
    ) as Record<typeof CAUSE_COLUMNS[number], Ns>;
    const gaps = new Frame<LedgerColumns>({
      ts: ns(this.#ts),
      dur: ns(this.#dur),
      tid: this.#tid,
      comm: DictColumn.from(this.#comm),
      kind: DictColumn.from(this.#kind),
      cause: new DictColumn(Uint8Array.from(why, (one) => one.cause), GAP_CAUSES),
      culprit: DictColumn.from(why.map((one) => one.culprit)),
      culprit_tid: Int32Array.from(why, (one) => one.culpritTid),
      culprit_class: DictColumn.from(why.map((one) => one.culpritClass)),
      culprit_cpu: Int32Array.from(why, (one) => one.cpu),
      ...parts,
      censored: Uint8Array.from(this.#censored),
    });
    return { gaps, total: why.length, epoch, evidence, causes: causeTable(why, this.#dur) };
  }
}

function causeTable(why: readonly GapExplanation[], dur: Float64Array): Frame<CauseColumns> {
  const ns = new Float64Array(GAP_CAUSES.length);
  const count = new Int32Array(GAP_CAUSES.length);
  let total = 0;
  why.forEach((one, row) => {
    count[one.cause]!++;
    total += dur[row]!;
    for (let i = 0; i < ns.length; i++) ns[i]! += one.parts[i]!;
  });
  const order = [...GAP_CAUSES.keys()].filter((i) => ns[i]! > 0).sort((x, y) => ns[y]! - ns[x]!);
  return new Frame<CauseColumns>({
    cause: new DictColumn(Uint8Array.from(order), GAP_CAUSES),
    dur: Float64Array.from(order, (i) => ns[i]!),
    share: Float64Array.from(order, (i) => (total === 0 ? 0 : ns[i]! / total)),
    gaps: Int32Array.from(order, (i) => count[i]!),
  });
}
