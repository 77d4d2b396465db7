import assert from "node:assert/strict";
import { Kind } from "../../../lib/trace/stream.ts";
import type { Trace } from "../../../lib/trace/trace.ts";
import type { DictColumn } from "../../../lib/frame/column.ts";

/** The rows of a trace that a text can have too, by CPU in their order: one line for each, stamps without the epoch. */
export function rowsByCpu(
  trace: Trace,
  stampOf: (ns: bigint) => bigint,
  skip: (row: number) => boolean = () => false,
): Map<number, string[]> {
  const { kind, ts, cpu, tid, a, b, c, length } = trace.stream;
  const rows = new Map<number, string[]>();
  const of: readonly number[] = [
    Kind.Switch,
    Kind.Waking,
    Kind.Wakeup,
    Kind.WakeupNew,
    Kind.Migrate,
    Kind.ProcessFork,
    Kind.ProcessExit,
    Kind.ProcessExec,
  ];
  for (let i = 0; i < length; i++) {
    if (!of.includes(kind[i]!) || skip(i)) continue;
    const wakeup = kind[i]! >= Kind.Waking && kind[i]! <= Kind.WakeupNew;
    const used = kind[i] === Kind.ProcessExit ? [a[i]] : wakeup ? [a[i], b[i]] : [a[i], b[i], c[i]];
    const stamp = stampOf(trace.epoch + BigInt(ts[i]!));
    const list = rows.get(cpu[i]!) ?? [];
    list.push(`${stamp} kind ${kind[i]} tid ${tid[i]}: ${used.join(" ")}`);
    rows.set(cpu[i]!, list);
  }
  return rows;
}

/** The same numbers of the same events with the same fields, in the same order on each CPU. */
export function assertSameTrace(text: Trace, binary: Trace, stampOf: (ns: bigint) => bigint): void {
  const expected = new Map([...binary.counts].filter(([event, n]) => n > 0 && event.includes(":sched_")));
  const sched = new Map([...text.counts].filter(([event]) => event.includes(":sched_")));
  assert.deepEqual(new Map([...sched].sort()), new Map([...expected].sort()));
  const theirs = rowsByCpu(binary, stampOf);
  const ours = rowsByCpu(text, (ns) => ns);
  assert.deepEqual([...ours.keys()].sort(), [...theirs.keys()].sort());
  for (const [cpu, rows] of ours) {
    const wanted = theirs.get(cpu)!;
    assert.equal(rows.length, wanted.length);
    rows.forEach((row, i) => assert.equal(row, wanted[i], `row ${i} on CPU ${cpu}`));
  }
  for (const event of sched.keys()) {
    const [mine, other] = [text.event(event), binary.event(event)];
    for (const name of mine.names) {
      if (name === "ts") continue;
      const [x, y] = [sortedCells(mine, name), sortedCells(other, name)];
      // perf has -1 for a thread that has ended; its records tell who it was.
      if (name === "common_pid") {
        x.forEach((cells, cpu) => cells.forEach((tid, i) => tid === -1 && (y[cpu]![i] = -1)));
      }
      assert.deepEqual(x, y, `${event} ${name}`);
    }
  }
}

/** Cells of a column by CPU: equal stamps of several CPUs may stand in any order. */
function sortedCells(frame: ReturnType<Trace["event"]>, name: string): (string | number)[][] {
  const cpus = frame.column("cpu") as Uint16Array;
  const column = frame.column(name) as Int32Array | DictColumn;
  const cells: (string | number)[][] = [];
  for (let row = 0; row < frame.length; row++) {
    (cells[cpus[row]!] ??= []).push("codes" in column ? column.at(row) : Number(column[row]));
  }
  return cells;
}
