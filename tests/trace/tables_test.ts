import assert from "node:assert/strict";
import { DictColumn } from "../../lib/frame/column.ts";
import { Frame } from "../../lib/frame/frame.ts";
import { openTrace } from "../../lib/trace/open.ts";
import { tablesOf } from "../../lib/trace/tables.ts";
import { threadsOf } from "../../lib/trace/threads.ts";
import { IDLE, TraceWriter } from "./make_trace.ts";
import { scriptLines } from "./perf_data/perf_script.ts";
import { perfOutput, recordWithPerf } from "./perf_data/record_with_perf.ts";

Deno.test("the tables of a trace: the fixed ones, then what else was recorded, then what is added", () => {
  const a = { tid: 7, comm: "a" };
  const trace = new TraceWriter().switch(10, 0, IDLE, 0, a).switch(20, 0, a, 1, IDLE)
    .event("irq:softirq_entry", 15, 0, { vec: 1 }).trace();
  let made = 0;
  const tables = tablesOf(trace, {
    gaps: () => {
      made++;
      return new Frame({ dur: Float64Array.of(1) });
    },
  });
  assert.deepEqual([...tables.keys()], [
    "switches",
    "wakeups",
    "migrations",
    "threads",
    "holes",
    "coverage",
    "irq__softirq_entry",
    "gaps",
  ]);
  assert.equal(tables.size, 8);
  assert.ok(tables.has("gaps") && !tables.has("nope"));
  assert.equal(made, 0);
  assert.equal(tables.get("gaps").length, 1);
  assert.equal(tables.get("gaps"), tables.get("gaps"));
  assert.equal(made, 1);
  assert.throws(() => tables.get("nope"), /No table "nope"; there are: switches, wakeups/);
  for (const [name, frame] of tables) assert.ok(frame instanceof Frame, name);
  assert.equal(tables.metadata["schedscope.clock"], "mono");
  assert.equal(tables.metadata["schedscope.epoch"], String(trace.epoch));
  assert.deepEqual(tablesOf(trace, { switches: new Frame({}) }).get("switches").names, []);
});

Deno.test("threads: last names, first and last record", () => {
  const a = { tid: 7, comm: "before" };
  const renamed = { tid: 7, comm: "after" };
  const b = { tid: 9, comm: "b" };
  const trace = new TraceWriter().switch(100, 0, IDLE, 0, a).switch(150, 0, a, 1, b).switch(
    300,
    0,
    b,
    1,
    renamed,
  )
    .switch(400, 0, renamed, 1, IDLE).trace();
  assert.deepEqual([...threadsOf(trace).rows()], [
    { tid: 0, pid: 0, comm: "swapper", first_ts: 0, last_ts: 300 },
    { tid: 7, pid: 7, comm: "after", first_ts: 0, last_ts: 300 },
    { tid: 9, pid: 9, comm: "b", first_ts: 50, last_ts: 200 },
  ]);
});

Deno.test("threads and tables of a recording agree with what perf prints of it", async () => {
  const path = await Deno.makeTempFile({ suffix: ".data" });
  try {
    await recordWithPerf(path, ["perf", "bench", "sched", "messaging", "-g", "1", "-l", "20"]);
    const trace = await openTrace(path);
    const tables = tablesOf(trace);
    const lines = await scriptLines(path);
    // Each column alone and all at once are the same.
    const names = [...tables.keys()].filter((name) => name.includes("__"));
    assert.ok(names.length > 0);
    for (const name of names) {
      const event = name.replace("__", ":");
      const [table, single] = [tables.get(name), trace.event(event)];
      assert.deepEqual(table.names, single.names);
      assert.equal(table.length, lines.filter((line) => line.event === event).length);
      for (const column of table.names) {
        assert.deepEqual(table.column(column), single.column(column), `${event} ${column}`);
      }
    }
    const switches = tables.get("switches");
    for (const column of switches.names) {
      assert.deepEqual(switches.column(column), trace.switches.column(column as "ts"));
    }

    const threads = threadsOf(trace);
    const comms = new Map(
      Array.from(threads.column("tid"), (tid, row) => [tid, threads.column("comm").at(row)]),
    );
    const last = new Map<number, string>();
    const seen = new Set<number>();
    for (const { event, text, tid } of lines) {
      seen.add(tid);
      if (event !== "sched:sched_switch") continue;
      const found = /^prev_comm=(.*) prev_pid=(\d+) .* ==> next_comm=(.*) next_pid=(\d+) /.exec(text) ??
        // The spelling of libtraceevent's plugin.
        /^(.*):(\d+) \[-?\d+\] \S+ ==> (.*):(\d+) \[-?\d+\]$/.exec(text);
      // A task whose name has a line feed, somewhere on this machine.
      if (found === null) continue;
      const [, prev, prevPid, next, nextPid] = found;
      last.set(Number(prevPid), prev!);
      last.set(Number(nextPid), next!);
    }
    assert.ok(last.size > 10);
    for (const tid of seen) if (tid >= 0) assert.ok(comms.has(tid), `tid ${tid}`);
    const execed = new Set(
      (trace.has("sched:sched_process_exec")
        ? trace.event("sched:sched_process_exec").column("pid") as Int32Array
        : new Int32Array()).values(),
    );
    for (const [tid, comm] of last) {
      if (tid !== 0 && !execed.has(tid) && /^[ -~]*$/.test(comm)) {
        assert.equal(comms.get(tid), comm, `tid ${tid}`);
      }
    }
    // perf's own list of tasks: pid/tid of all that have a COMM record.
    const tasks = await perfOutput("script", "--show-task-events", "-i", path);
    const processes = new Map<number, number>();
    for (const [, pid, tid] of tasks.matchAll(/PERF_RECORD_COMM(?: exec)?: .*:(\d+)\/(\d+)/g)) {
      processes.set(Number(tid), Number(pid));
    }
    assert.ok(processes.size > 10);
    threads.column("tid").forEach((tid, row) => {
      if (processes.has(tid)) assert.equal(threads.column("pid")[row], processes.get(tid), `tid ${tid}`);
    });
    assert.ok(threads.column("comm") instanceof DictColumn);
  } finally {
    await Deno.remove(path);
  }
});
