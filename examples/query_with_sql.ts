/**
 * How long each name of threads waited between its waking and its CPU, by SQL.
 *
 *     deno run -A examples/query_with_sql.ts perf.data
 */
import { openTrace } from "@schedscope/schedscope";
import { openDuckDB } from "@schedscope/schedscope/duckdb";

await using db = await openDuckDB();
await db.register(await openTrace(Deno.args[0] ?? "perf.data"));
console.log(
  await db.query(`
    SELECT s.next_comm AS comm, count(*)::INT AS wakeups, quantile_cont(s.ts - w.ts, 0.99) AS p99_ns
    FROM wakeups w ASOF JOIN switches s ON w.pid = s.next_pid AND w.ts <= s.ts
    WHERE w.kind = 'waking' GROUP BY 1 ORDER BY 2 DESC LIMIT 10`),
);
