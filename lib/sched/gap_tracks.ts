import { DictColumn } from "../frame/column.ts";
import type { TraceTrack } from "../trace/perfetto/write_tracks.ts";
import { CAUSE_COLUMNS } from "./gap_cause.ts";
import { gapInWords } from "./gap_in_words.ts";
import type { GapLedger } from "./gaps.ts";

const FACTS = [
  "kind",
  "cause",
  "culprit",
  "culprit_tid",
  "culprit_class",
  "culprit_cpu",
  "censored",
] as const;

/**
 * The gaps of `ledger` as tracks for `writePerfetto`: one under each thread that stood still, a slice for each gap, called by
 * its cause and culprit (`queued behind cc1[4711]`). The slice's arguments are the ledger's columns; of the ns by cause only
 * those of causes that took a part of any of the thread's gaps.
 */
export function gapTracks(ledger: GapLedger): TraceTrack[] {
  const { gaps } = ledger;
  const rowsOf = new Map<number, number[]>();
  gaps.column("tid").forEach((tid, row) => {
    const known = rowsOf.get(tid);
    if (known === undefined) rowsOf.set(tid, [row]);
    else known.push(row);
  });
  return Array.from(rowsOf, ([tid, rows]) => {
    const own = gaps.take(Uint32Array.from(rows));
    const parts = CAUSE_COLUMNS.filter((part) => own.column(part).some((ns) => ns > 0));
    return {
      name: "gaps",
      parent: { tid },
      slices: own.select("ts", "dur", ...FACTS, ...parts)
        .with({ name: DictColumn.from(Array.from(own.rows(), gapInWords)) }),
    };
  });
}
