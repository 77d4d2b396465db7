import { DictColumn } from "../../frame/column.ts";
import { Frame } from "../../frame/frame.ts";
import type { CpuDistance } from "./cpu_distance.ts";
import { MIGRATION_KINDS, type MigrationKind, type MigrationKindColumns } from "./migrations.ts";

/** Counts of {@linkcode migrationCounts}; for each row all moves, and those of each kind. */
export type MigrationCountColumns =
  & {
    /** Moves of any kind. */
    moves: Int32Array;
    /** Those of which no `sched_migrate_task` tells and one should. */
    censored: Int32Array;
  }
  & { [K in MigrationKind]: Int32Array };

/** Columns of {@linkcode migrationCounts} by thread. */
export type ThreadMigrationColumns = { tid: Int32Array; comm: DictColumn } & MigrationCountColumns;

/** Columns of {@linkcode migrationCounts} by pair of CPUs. */
export type PairMigrationColumns =
  & { orig_cpu: Int32Array; dest_cpu: Int32Array; crosses: DictColumn<CpuDistance> }
  & MigrationCountColumns;

/** How often threads were moved, from the result of `migrations`: a row for each thread, or for each pair of CPUs (from, to), the most first. */
export function migrationCounts(
  moves: Frame<MigrationKindColumns>,
  by: "thread",
): Frame<ThreadMigrationColumns>;
/** The same for each pair of CPUs. */
export function migrationCounts(moves: Frame<MigrationKindColumns>, by: "pair"): Frame<PairMigrationColumns>;
export function migrationCounts(
  moves: Frame<MigrationKindColumns>,
  by: "thread" | "pair",
): Frame<ThreadMigrationColumns> | Frame<PairMigrationColumns> {
  const tid = moves.column("tid");
  const orig = moves.column("orig_cpu");
  const dest = moves.column("dest_cpu");
  const rows = new Map<number, number>();
  const of = new Int32Array(moves.length);
  const first: number[] = [];
  for (let i = 0; i < of.length; i++) {
    const key = by === "thread" ? tid[i]! : orig[i]! * 65536 + dest[i]!;
    let row = rows.get(key);
    if (row === undefined) {
      rows.set(key, row = rows.size);
      first.push(i);
    }
    of[i] = row;
  }
  const counted = (counts: (i: number) => boolean) => {
    const column = new Int32Array(rows.size);
    for (let i = 0; i < of.length; i++) if (counts(i)) column[of[i]!]!++;
    return column;
  };
  const kind = moves.column("kind").codes;
  const censored = moves.column("censored");
  const counts = {
    moves: counted(() => true),
    ...Object.fromEntries(MIGRATION_KINDS.map((name, code) => [name, counted((i) => kind[i] === code)])),
    censored: counted((i) => censored[i] === 1),
  } as MigrationCountColumns;
  const at = (column: Int32Array) => Int32Array.from(first, (i) => column[i]!);
  if (by === "thread") {
    const comm = moves.column("comm");
    const named = new DictColumn(Uint32Array.from(first, (i) => comm.codes[i]!), comm.dictionary);
    return new Frame<ThreadMigrationColumns>({ tid: at(tid), comm: named, ...counts })
      .sort("moves", { descending: true });
  }
  const crosses = moves.column("crosses");
  return new Frame<PairMigrationColumns>({
    orig_cpu: at(orig),
    dest_cpu: at(dest),
    crosses: new DictColumn(Uint8Array.from(first, (i) => crosses.codes[i]!), crosses.dictionary),
    ...counts,
  }).sort("moves", { descending: true });
}
