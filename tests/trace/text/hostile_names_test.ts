import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { read } from "../../../lib/trace/text/mod.ts";
import type { DictColumn } from "../../../lib/frame/column.ts";

/** Names of at most 15 bytes that look like what stands around them. */
const NAMES = [
  "a b",
  "a=b pid=1",
  " prev_pid=1",
  " pid=5 prio=1 ",
  " next_pid=7",
  " ==> next_comm=",
  "==>",
  "x:1 [1] S ==> y",
  "a-1 [001] 1.1:",
  "b 1 [0] 1.1: c:",
  "[001]",
  "(-------)",
  "#",
  "CPU:1 [LOST 5",
  "a\nb",
  "\n",
  "prev_comm=x",
  "ü é",
  "<...>",
  "a[12]",
  "-1",
  "1/2",
  "1",
];

const bytes = (text: string) => new TextEncoder().encode(text);
/** C's %16s pads by bytes. */
const pad = (name: string) => " ".repeat(Math.max(0, 16 - bytes(name).length)) + name;
const shown = (name: string) => name.replaceAll("\n", "␊");

const HEADS: Readonly<Record<string, (name: string, tid: number, us: string) => string>> = {
  "ftrace text": (name, tid, us) => `${pad(name)}-${String(tid).padEnd(7)} [001] d..2.  12.${us}: `,
  "ftrace with processes": (name, tid, us) =>
    `${pad(name)}-${String(tid).padEnd(7)} (  77777) [001] d..2.  12.${us}: `,
  "ftrace without flags": (name, tid, us) => `${pad(name)}-${String(tid).padEnd(7)} [001]   12.${us}: `,
  "perf script text": (name, tid, us) => `${pad(name)} ${String(tid).padStart(5)} [001]    12.${us}: sched:`,
  "perf script with processes": (name, tid, us) => `${pad(name)} 77777/${tid} [001]    12.${us}: sched:`,
};

for (const [shape, head] of Object.entries(HEADS)) {
  Deno.test(`${shape}: names that look like the rest of a line`, () => {
    let text = `${head("swapper", 1, "000000")}sched_waking: comm=ok pid=2 prio=120 target_cpu=001\n`;
    let us = 100;
    for (const prev of NAMES) {
      for (const next of NAMES) {
        const stamp = String(us++).padStart(6, "0");
        text +=
          `${
            head(prev, 4242, stamp)
          }sched_switch: prev_comm=${prev} prev_pid=4242 prev_prio=120 prev_state=D|W ==> ` +
          `next_comm=${next} next_pid=4343 next_prio=-1\n`;
        text += `${head(prev, 4242, stamp)}sched_waking: comm=${next} pid=4343 prio=3 target_cpu=002\n`;
        text += `${
          head(prev, 4242, stamp)
        }sched_migrate_task: comm=${next} pid=4343 prio=3 orig_cpu=1 dest_cpu=2\n`;
        text += `${
          head(prev, 4242, stamp)
        }sched_process_fork: comm=${prev} pid=4242 child_comm=${next} child_pid=4343\n`;
      }
    }
    const trace = read(memorySource(bytes(text)));
    const n = NAMES.length ** 2;
    const expected = NAMES.flatMap((prev) => NAMES.map((next) => [shown(prev), shown(next)]));
    assert.equal(trace.counts.get("sched:sched_switch"), n);
    assert.equal(trace.counts.get("sched:sched_waking"), n + 1);
    assert.equal(trace.counts.get("sched:sched_migrate_task"), n);
    assert.equal(trace.counts.get("sched:sched_process_fork"), n);
    const { switches } = trace;
    for (let i = 0; i < n; i++) {
      const row = switches.row(i);
      assert.deepEqual([row.prev_comm, row.next_comm], expected[i]);
      assert.deepEqual([row.prev_pid, row.prev_state, row.next_pid, row.next_prio], [4242, 2, 4343, -1]);
      assert.equal(row.ts, (100 + i) * 1000);
    }
    const forks = trace.event("sched:sched_process_fork");
    assert.deepEqual([...forks.column("child_comm") as DictColumn], expected.map(([, next]) => next));
    assert.deepEqual(
      new Set(trace.event("sched:sched_waking").column("common_pid") as Int32Array),
      new Set([1, 4242]),
    );
    if (shape.includes("processes")) assert.equal(trace.stream.pid.at(-1), 77777);
  });
}

Deno.test("libtraceevent's spelling with names that look like it", () => {
  const names = NAMES.filter((name) => !name.includes("\n"));
  const head = HEADS["ftrace text"]!;
  let text = "";
  for (const prev of names) {
    for (const next of names) {
      text += `${head(prev, 4242, "000001")}sched_switch:         ${prev}:4242 [9] R ==> ${next}:4343 [9]\n`;
      text += `${head(prev, 4242, "000001")}sched_wakeup:         ${next}:4343 [9] success=1 CPU:002\n`;
    }
  }
  const trace = read(memorySource(bytes(text)));
  assert.equal(trace.counts.get("sched:sched_switch"), names.length ** 2);
  assert.equal(trace.counts.get("sched:sched_wakeup"), names.length ** 2);
  // It is set in, so blanks in front of a name cannot be told.
  const expected = names.flatMap((prev) => names.map((next) => [prev.trimStart(), next]));
  for (let i = 0; i < expected.length; i++) {
    const row = trace.switches.row(i);
    assert.deepEqual([row.prev_comm, row.next_comm, row.prev_pid, row.next_pid], [
      ...expected[i]!,
      4242,
      4343,
    ]);
  }
});

Deno.test("timehist's names that look like its columns", () => {
  const head = [
    "           time    cpu  task name                       wait time  sch delay   run time  state",
    "                        [tid/pid]                          (msec)     (msec)     (msec)       ",
    "--------------- ------  ------------------------------  ---------  ---------  ---------  -----",
  ].join("\n");
  const names = ["a b", "0.000 0.000 1.0", "next: x[1]", "awakened: y[2]", "x[5]", "<idle>", "S  next: "];
  let text = `${head}\n`;
  names.forEach((name, i) => {
    const task = `${name}[${1234567 + i}/1234000]`.slice(0, 31).padEnd(30);
    text += `      12.00000${i} [0001]  ${task}      0.000      0.000      0.001      D\n`;
    text += `      12.00000${i} [0001]  ${task}                                  awakened: ${name}[77]\n`;
  });
  const trace = read(memorySource(bytes(text)));
  assert.equal(trace.counts.get("sched:sched_switch"), names.length);
  assert.equal(trace.counts.get("sched:sched_waking"), names.length);
  assert.deepEqual([...trace.switches.column("prev_pid")], names.map((_, i) => 1234567 + i));
  assert.deepEqual([...trace.switches.column("prev_comm")], names);
  assert.deepEqual(new Set(trace.switches.column("prev_state")), new Set([2]));
  assert.deepEqual(new Set(trace.wakeups.column("pid")), new Set([77]));
  // -1 would be a deadline task's.
  assert.ok(trace.switches.column("prev_prio").every((prio) => prio < -1));
});
