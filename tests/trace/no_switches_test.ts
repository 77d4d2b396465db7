import assert from "node:assert/strict";
import type { Columns } from "../../lib/frame/column.ts";
import type { Frame } from "../../lib/frame/frame.ts";
import { memorySource } from "../../lib/trace/byte_source.ts";
import { read } from "../../lib/trace/text/mod.ts";
import { tablesOf } from "../../lib/trace/tables.ts";

Deno.test("a trace without a switch has a table of switches with all columns and no rows", () => {
  const line =
    "            bash-3771    [001] d.s4.  6519.018288: sched_waking: comm=a pid=15 prio=120 target_cpu=000\n";
  const trace = read(memorySource(new TextEncoder().encode(line)));
  assert.equal(trace.wakeups.length, 1);
  const own = trace.switches.select(...trace.switches.names) as unknown as Frame<Columns>;
  for (const table of [own, tablesOf(trace).get("switches")]) {
    assert.deepEqual(table.names.map((name) => table.column(name).length), Array(9).fill(0));
    assert.ok(table.toText().includes("prev_comm"));
  }
});
