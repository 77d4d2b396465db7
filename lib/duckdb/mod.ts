/**
 * SQL over traces, frames and Parquet data sets, by DuckDB.
 *
 * DuckDB is a native library of some 70 MB, so it is an entry point of its own: nothing else of schedscope loads it, and it is loaded
 * by the first {@linkcode openDuckDB}. It needs `--allow-ffi`.
 *
 * @example Frames and traces are tables
 * ```ts
 * import { openDuckDB } from "@schedscope/schedscope/duckdb";
 * import { DictColumn, Frame } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * const waits = new Frame({
 *   comm: DictColumn.from(["make", "cc1", "make"]),
 *   wait: Float64Array.of(2_000_000, 47_100_000, 950),
 * });
 * await using db = await openDuckDB();
 * await db.register(waits, { name: "waits" }); // or a trace: its switches, wakeups, threads, ... are tables then
 * const worst = await db.query("select comm, max(wait) as wait from waits group by comm order by wait desc");
 * assert.deepEqual(worst.row(0), { comm: "cc1", wait: 47_100_000 });
 * ```
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./open_duckdb.ts";
