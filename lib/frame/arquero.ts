import type { ColumnTable } from "arquero";
import type { Columns } from "./column.ts";

type Arquero = typeof import("arquero");

let arquero: (() => Arquero) | undefined;

/**
 * Tells how Arquero is had. The entry points of the package do (`with_arquero.ts`); what runs without them, the commands, need not
 * load its files, which takes longer than some of them run.
 */
export function provideArquero(load: () => Arquero): void {
  arquero = load;
}

/** An Arquero table over the same arrays: `table.column(name)` is the column given. */
export function arqueroTable(columns: Columns): ColumnTable {
  if (arquero === undefined) {
    throw new Error(
      "Arquero is not loaded: import from the package's entry points, not from the files behind them",
    );
  }
  const aq = arquero();
  return aq.table(columns as Parameters<typeof aq.table>[0]);
}
