import assert from "node:assert/strict";
import type { Trace } from "../../../lib/trace/trace.ts";
import { perfOutput } from "./record_with_perf.ts";

/** What `perf script` prints of one sample. */
export interface ScriptLine {
  time: bigint;
  cpu: number;
  tid: number;
  event: string;
  text: string;
}

const LINE = /^\s*(.*?)\s+(-?\d+)\/(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+([\w-]+:\w+):\s*(.*)$/;

/** Every sample of the recording at `path`, as the real perf reads it. */
export async function scriptLines(path: string, ...more: string[]): Promise<ScriptLine[]> {
  const text = await perfOutput(
    "script",
    "--ns",
    "-F",
    "comm,pid,tid,cpu,time,event,trace",
    "-i",
    path,
    ...more,
  );
  return text.trimEnd().split("\n").filter((line) => line !== "").map((line) => {
    const match = LINE.exec(line);
    assert.ok(match !== null, `perf script line: ${line}`);
    return {
      time: BigInt(match[5]!) * 1_000_000_000n + BigInt(match[6]!),
      cpu: Number(match[4]),
      tid: Number(match[3]),
      event: match[7]!,
      text: match[8]!.trim(),
    };
  });
}

/** Asserts that `trace` has the samples of `lines`: counts of all events, and each field of switches and wakings. */
export function assertAsScript(trace: Trace, lines: readonly ScriptLine[]): void {
  const of = (event: string) =>
    byTimeAndCpu(lines.filter((line) => line.event === event), (line) => line.time);
  for (const [event, count] of trace.counts) assert.equal(count, of(event).length, event);
  assert.equal([...trace.counts.values()].reduce((sum, n) => sum + n, 0), lines.length);
  const switches = of("sched:sched_switch").map((line) =>
    fieldsOf(line, /^(.*):(-?\d+) \[(-?\d+)\] (\S+) ==> (.*):(-?\d+) \[(-?\d+)\]$/)
  );
  const found = trace.switches;
  assert.equal(found.length, switches.length);
  const rows = byTimeAndCpu([...found.rows()], (row) => BigInt(row.ts));
  switches.forEach(({ line, fields }, i) => {
    const row = rows[i]!;
    assert.equal(trace.epoch + BigInt(row.ts), line.time);
    assert.equal(row.cpu, line.cpu);
    assert.deepEqual(
      [row.prev_comm, row.prev_pid, row.prev_prio, row.next_comm, row.next_pid, row.next_prio],
      [fields[0], Number(fields[1]), Number(fields[2]), fields[4], Number(fields[5]), Number(fields[6])],
      line.text,
    );
  });
  const wakings = of("sched:sched_waking").map((line) =>
    fieldsOf(line, /^(.*):(-?\d+) \[(-?\d+)\].* CPU:(\d+)$/)
  );
  if (wakings.length === 0) return;
  const woken = trace.event("sched:sched_waking");
  assert.equal(woken.length, wakings.length);
  const wakes = byTimeAndCpu(
    [...woken.rows()] as { ts: number; cpu: number; [field: string]: unknown }[],
    (row) => BigInt(row.ts),
  );
  wakings.forEach(({ line, fields }, i) => {
    const row = wakes[i]!;
    assert.equal(trace.epoch + BigInt(row.ts), line.time);
    assert.equal(row.cpu, line.cpu);
    // perf knows no thread for a sample of one that is being taken down.
    if (line.tid !== -1) assert.equal(row["common_pid"], line.tid);
    assert.deepEqual(
      [row["comm"], row["pid"], row["prio"], row["target_cpu"]],
      [fields[0], Number(fields[1]), Number(fields[2]), Number(fields[3])],
      line.text,
    );
  });
}

/**
 * The rows in the order of time, those of one nanosecond in that of their CPUs: what two CPUs recorded in the same
 * nanosecond has no order, and perf's for a directory is that of its files. Rows of one CPU stay as they were.
 */
function byTimeAndCpu<R extends { readonly cpu: number }>(
  rows: readonly R[],
  time: (row: R) => bigint,
): R[] {
  return [...rows].sort((a, b) => Number(time(a) - time(b)) || a.cpu - b.cpu);
}

/** Fields by the plugin's spelling, to which the kernel's own (`prev_comm=... ==> ...`) is brought first. */
function fieldsOf(line: ScriptLine, pattern: RegExp): { line: ScriptLine; fields: string[] } {
  const text = line.text
    .replace(
      /^prev_comm=(.*) prev_pid=(\d+) prev_prio=(-?\d+) prev_state=(\S+) ==> next_comm=(.*) next_pid=(\d+) next_prio=(-?\d+)$/,
      "$1:$2 [$3] $4 ==> $5:$6 [$7]",
    )
    .replace(/^comm=(.*) pid=(\d+) prio=(-?\d+) target_cpu=0*(\d+)$/, "$1:$2 [$3] CPU:$4");
  const match = pattern.exec(text);
  assert.ok(match !== null, `perf script's text: ${line.text}`);
  return { line, fields: match.slice(1) };
}
