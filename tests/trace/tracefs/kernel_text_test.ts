import assert from "node:assert/strict";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { open } from "../../../lib/trace/tracefs/mod.ts";
import { openTrace } from "../../../lib/trace/open.ts";
import type { DictColumn } from "../../../lib/frame/column.ts";
import { makeSwitches, ownInstances } from "../record/busy.ts";

/** One line of the kernel's own `trace` file. */
interface Line {
  readonly pid: number;
  readonly cpu: number;
  /** Microseconds. */
  readonly us: bigint;
  readonly event: string;
  readonly text: string;
}

/** Letters of prev_state as the kernel's print format names the bits. */
const STATES = ["S", "D", "T", "t", "X", "Z", "P", "I"];

function parseText(text: string): Line[] {
  const lines: Line[] = [];
  for (const line of text.split("\n")) {
    const match = /^.*?-(\d+) +(?:\( *[\d-]+\) +)?\[(\d+)\] \S+ +(\d+)\.(\d{6}): (\w+): (.*)$/.exec(line);
    if (match === null) continue;
    const us = BigInt(match[3]! + match[4]!);
    lines.push({ pid: Number(match[1]), cpu: Number(match[2]), us, event: match[5]!, text: match[6]! });
  }
  return lines;
}

/** The state as the kernel prints it, out of the raw bits. */
function stateText(raw: number): string {
  const letters = STATES.filter((_, bit) => (raw & (1 << bit)) !== 0).join("|");
  return `${letters === "" ? "R" : letters}${(raw & 0x100) !== 0 ? "+" : ""}`;
}

Deno.test("every scheduler event has the fields that the kernel's own text has", async () => {
  const output = `${await Deno.makeTempDir()}/text.tracefs`;
  await using recorder = await startTracefs({ output, drainEvery: 0, bufferKb: 16384, irq: true });
  await makeSwitches(3000);
  recorder.marker("a <marker> of the test\n");
  // Longer than 112 bytes: a record of the other form, whose length stands in a word of its own.
  recorder.marker(`${"long ".repeat(60)}\n`);
  Deno.writeTextFileSync(`${recorder.instanceDir}/tracing_on`, "0");
  const text = Deno.readTextFileSync(`${recorder.instanceDir}/trace`);
  const capture = await recorder.stop();
  const trace = await open(capture.path);
  const lines = parseText(text);
  assert.equal(capture.lost, 0);
  assert.ok(lines.length > 5000, `${lines.length} lines`);
  assert.equal(lines.length, capture.events);
  assert.equal([...trace.counts.values()].reduce((sum, n) => sum + n, 0), capture.events);

  const printers: Record<
    string,
    { fields: string[]; print: (row: Record<string, number | string>) => string }
  > = {
    "sched:sched_switch": {
      fields: ["prev_comm", "prev_pid", "prev_prio", "prev_state", "next_comm", "next_pid", "next_prio"],
      print: (r) =>
        `prev_comm=${r["prev_comm"]} prev_pid=${r["prev_pid"]} prev_prio=${r["prev_prio"]} ` +
        `prev_state=${stateText(Number(r["prev_state"]))} ==> next_comm=${r["next_comm"]} next_pid=${
          r["next_pid"]
        } ` +
        `next_prio=${r["next_prio"]}`,
    },
    "sched:sched_waking": {
      fields: ["comm", "pid", "prio", "target_cpu"],
      print: (r) =>
        `comm=${r["comm"]} pid=${r["pid"]} prio=${r["prio"]} target_cpu=${
          String(r["target_cpu"]).padStart(3, "0")
        }`,
    },
    "sched:sched_wakeup_new": {
      fields: ["comm", "pid", "prio", "target_cpu"],
      print: (r) =>
        `comm=${r["comm"]} pid=${r["pid"]} prio=${r["prio"]} target_cpu=${
          String(r["target_cpu"]).padStart(3, "0")
        }`,
    },
    "sched:sched_migrate_task": {
      fields: ["comm", "pid", "prio", "orig_cpu", "dest_cpu"],
      print: (r) =>
        `comm=${r["comm"]} pid=${r["pid"]} prio=${r["prio"]} orig_cpu=${r["orig_cpu"]} dest_cpu=${
          r["dest_cpu"]
        }`,
    },
    "sched:sched_process_fork": {
      fields: ["parent_comm", "parent_pid", "child_comm", "child_pid"],
      print: (r) =>
        `comm=${r["parent_comm"]} pid=${r["parent_pid"]} child_comm=${r["child_comm"]} child_pid=${
          r["child_pid"]
        }`,
    },
    "sched:sched_process_exec": {
      fields: ["filename", "pid", "old_pid"],
      print: (r) => `filename=${r["filename"]} pid=${r["pid"]} old_pid=${r["old_pid"]}`,
    },
  };
  let compared = 0;
  for (const [event, { fields, print }] of Object.entries(printers)) {
    const expected = lines.filter((line) => `sched:${line.event}` === event);
    const frame = trace.event(event);
    assert.equal(frame.length, expected.length, event);
    assert.ok(frame.length > 0, `no ${event} was recorded`);
    const value = (field: string, row: number) => {
      const column = frame.column(field) as Int32Array | DictColumn;
      return "codes" in column ? column.at(row) : column[row]!;
    };
    // Across CPUs, equal stamps may be printed in any order: each CPU's events are compared in their own order.
    for (const cpu of new Set(expected.map((line) => line.cpu))) {
      const theirs = expected.filter((line) => line.cpu === cpu);
      let at = 0;
      for (let row = 0; row < frame.length; row++) {
        if (value("cpu", row) !== cpu) continue;
        const line = theirs[at++]!;
        const ours = print(Object.fromEntries(fields.map((field) => [field, value(field, row)])));
        assert.equal(ours, line.text.trimEnd(), `${event} ${row} on CPU ${cpu}`);
        assert.equal(value("common_pid", row), line.pid);
        const ns = BigInt(value("ts", row)) + trace.epoch;
        assert.equal((ns + 500n) / 1000n, line.us, `${event} ${row}: stamp`);
        compared++;
      }
      assert.equal(at, theirs.length);
    }
  }
  assert.ok(compared > 5000, `${compared} events compared`);

  const print = trace.event("ftrace:print");
  assert.equal(print.length, 2);
  assert.equal((print.column("buf") as DictColumn).at(1), `${"long ".repeat(60)}␊`);
  assert.equal((print.column("buf") as DictColumn).at(0), "a <marker> of the test␊");
  assert.deepEqual(ownInstances(), []);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("the stream holds the same switches as the frame, in time order, with processes", async () => {
  const output = `${await Deno.makeTempDir()}/stream.tracefs`;
  await using recorder = await startTracefs({ output });
  await makeSwitches(500);
  const { path } = await recorder.stop();
  const trace = await openTrace(path);
  const { ts, length, tid, pid } = trace.stream;
  for (let i = 1; i < length; i++) assert.ok(ts[i]! >= ts[i - 1]!, `row ${i} is before the row before it`);
  const frame = trace.event("sched:sched_switch");
  assert.deepEqual(trace.switches.column("next_pid"), frame.column("next_pid"));
  assert.deepEqual(trace.switches.column("prev_state"), frame.column("prev_state"));
  assert.deepEqual(trace.switches.column("ts"), frame.column("ts"));
  const own = pid.indexOf(Deno.pid);
  assert.ok(own >= 0, "a thread of this process was recorded, and known as one");
  const status = Deno.readTextFileSync(`/proc/${Deno.pid}/task/${tid[own]}/status`);
  assert.equal(Number(/^Tgid:\s*(\d+)/m.exec(status)![1]), Deno.pid);
  assert.ok(trace.savedNames.size > 0);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("counts equal the kernel's counters of each CPU, drained while recording", async () => {
  const output = `${await Deno.makeTempDir()}/drain.tracefs`;
  await using recorder = await startTracefs({ output, bufferKb: 512, drainEvery: 5 });
  await makeSwitches(6000);
  const capture = await recorder.stop();
  assert.ok(
    capture.bytes > 512 * 1024,
    `${capture.bytes} bytes: more than one buffer's worth must have been drained`,
  );
  const trace = await open(capture.path);
  const counted = [...trace.counts.values()].reduce((sum, n) => sum + n, 0);
  assert.equal(counted, capture.events);
  assert.equal(trace.quality.lost, capture.lost);
  const stats = [...Deno.readDirSync(`${output}/per_cpu`)].filter(({ name }) => name.endsWith(".stats"))
    .map(({ name }) => Deno.readTextFileSync(`${output}/per_cpu/${name}`));
  const read = stats.reduce((sum, text) => sum + Number(/read events: (\d+)/.exec(text)![1]), 0);
  assert.equal(counted, read);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("events that were overwritten become holes with the kernel's count", async () => {
  const output = `${await Deno.makeTempDir()}/overrun.tracefs`;
  await using recorder = await startTracefs({ output, bufferKb: 16, drainEvery: 0 });
  await makeSwitches(3000);
  const capture = await recorder.stop();
  const stats = [...Deno.readDirSync(`${output}/per_cpu`)].filter(({ name }) => name.endsWith(".stats"))
    .map(({ name }) => Deno.readTextFileSync(`${output}/per_cpu/${name}`));
  const overrun = stats.reduce((sum, text) => sum + Number(/^overrun: (\d+)/m.exec(text)![1]), 0);
  assert.ok(overrun > 100, `${overrun} overwritten`);
  const trace = await open(capture.path);
  const holes = trace.quality.holes;
  const lost = holes.column("lost").reduce((sum, n) => sum + n, 0);
  assert.equal(lost, overrun);
  assert.equal(capture.lost, overrun);
  assert.equal(trace.quality.lost, overrun);
  for (let row = 0; row < holes.length; row++) assert.ok(holes.row(row).from <= holes.row(row).to);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("the wall clock of the first event is the wall clock", async () => {
  const output = `${await Deno.makeTempDir()}/wall.tracefs`;
  const before = BigInt(Date.now()) * 1_000_000n;
  await using recorder = await startTracefs({ output });
  recorder.marker("now");
  const after = BigInt(Date.now() + 1) * 1_000_000n;
  const trace = await open((await recorder.stop()).path);
  const ts = trace.event("ftrace:print").column("ts") as Float64Array;
  const wall = trace.epoch + BigInt(ts[0]!) + trace.clock.wallOffset!;
  assert.ok(wall >= before && wall <= after, `${wall} is not within ${before} and ${after}`);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});

Deno.test("stamps of the time-stamp counter become the nanoseconds of CLOCK_MONOTONIC's rate", async () => {
  const output = `${await Deno.makeTempDir()}/tsc.tracefs`;
  await using recorder = await startTracefs({ output, clock: "x86-tsc" });
  recorder.marker("one");
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const slept = (performance.now() - began) * 1e6;
  recorder.marker("two");
  const trace = await open((await recorder.stop()).path);
  const ts = trace.event("ftrace:print").column("ts") as Float64Array;
  const between = ts[1]! - ts[0]!;
  assert.ok(Math.abs(between - slept) < 20e6, `${between} ns in the trace, ${slept} ns slept`);
  assert.equal(trace.clock.name, "x86-tsc");
  // The kernel's own calibration, rounded to a kilohertz, stands in /proc/cpuinfo while the frequency is fixed; a VM may differ.
  assert.ok(trace.clock.hz! > 1e8 && trace.clock.hz! < 1e11);
  await Deno.remove(output.slice(0, output.lastIndexOf("/")), { recursive: true });
});
