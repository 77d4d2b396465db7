// Deferred: the files are loaded with the graph (about 20 ms), and evaluated (about 40 ms more) at the first table
// only, so that a program which never asks for a table does not pay for running Arquero.
import defer * as aq from "arquero";
import type { ColumnTable } from "arquero";
import type { Columns } from "./column.ts";

/** An Arquero table over the same arrays: `table.column(name)` is the column given. */
export function arqueroTable(columns: Columns): ColumnTable {
  return aq.table(columns as Parameters<typeof aq.table>[0]);
}
