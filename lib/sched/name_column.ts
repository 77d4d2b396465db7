import { DictColumn } from "../frame/column.ts";
import type { Trace } from "../trace/trace.ts";
import { threadNames } from "./thread_names.ts";

/** A column of the names of `tids`, each the last that `trace` has; empty where it has none, or the tid is negative. */
export function nameColumn(trace: Trace, tids: Int32Array): DictColumn {
  const distinct = new Set(tids);
  const names = threadNames(trace, new Set([...distinct].filter((tid) => tid >= 0)));
  const dictionary = [...new Set(["", ...names.values()])];
  const index = new Map(dictionary.map((name, code) => [name, code]));
  const code = new Map(Array.from(distinct, (tid) => [tid, index.get(names.get(tid) ?? "")!]));
  const codes = new Uint32Array(tids.length);
  for (let row = 0; row < codes.length; row++) codes[row] = code.get(tids[row]!)!;
  return new DictColumn(codes, dictionary);
}
