/**
 * SQL over traces, frames and Parquet data sets, by DuckDB.
 *
 * DuckDB is a native library of some 70 MB, so it is an entry point of its own: nothing else of schedscope loads it, and it is loaded
 * by the first {@linkcode openDuckDB}. It needs `--allow-ffi`.
 *
 * @example
 * ```ts ignore
 * import { openTrace } from "@schedscope/schedscope/trace";
 * import { openDuckDB } from "@schedscope/schedscope/duckdb";
 *
 * await using db = await openDuckDB();
 * await db.register(await openTrace("perf.data"));
 * const busiest = await db.query(`
 *   select next_comm as comm, count(*) as switches
 *   from switches where next_pid <> 0
 *   group by comm order by switches desc limit 10`);
 * console.log(busiest.toText());
 * ```
 *
 * @module
 */
export * from "./open_duckdb.ts";
