import { DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import { Kind } from "./stream.ts";
import { encodeTaskName } from "./task_name.ts";
import type { Trace } from "./trace.ts";
import { traceText } from "./trace_text.ts";

/** Columns of {@linkcode threadsOf}. */
export type TraceThreadColumns = {
  /** Thread. */
  tid: Int32Array;
  /** Its process; -1 where no record tells it. */
  pid: Int32Array;
  /** The last name that the trace has for it, safe to print; empty where it has none. */
  comm: DictColumn;
  /** First record that names the thread, ns since the epoch. */
  first_ts: Float64Array;
  /** Last record that names the thread, ns since the epoch. */
  last_ts: Float64Array;
};

/**
 * Every thread that the scheduler's events name, by its number: 0 is the idle task of all CPUs.
 *
 * A tid that was used again is one row, with the name and the process that it had last. A thread's name is that of the last
 * sched_switch or COMM record of it; of a thread that neither names, that of a wakeup, its parent's at the fork, or the
 * recorder's list (saved_cmdlines).
 */
export function threadsOf(trace: Trace): Frame<TraceThreadColumns> {
  const { kind, ts, pid, tid, a, b, c, length, comms } = trace.stream;
  const rows = new Map<number, number>();
  const tids: number[] = [];
  const pids: number[] = [];
  const first: number[] = [];
  const last: number[] = [];
  const names: (string | undefined)[] = [];
  const seen = (thread: number, at: number): number => {
    if (thread < 0) return -1;
    let row = rows.get(thread);
    if (row === undefined) {
      rows.set(thread, row = tids.push(thread) - 1);
      pids.push(thread === 0 ? 0 : -1);
      first.push(at);
      names.push(undefined);
    }
    last[row] = at;
    return row;
  };
  const switched = trace.has("sched:sched_switch")
    ? trace.eventColumns("sched:sched_switch", ["prev_comm", "next_comm"])
    : {};
  const prev = switched["prev_comm"] as DictColumn | undefined;
  const next = switched["next_comm"] as DictColumn | undefined;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const own = seen(tid[i]!, ts[i]!);
    if (own >= 0 && pid[i]! >= 0) pids[own] = pid[i]!;
    switch (kind[i]) {
      case Kind.Switch: {
        const out = seen(a[i]!, ts[i]!);
        const into = seen(c[i]!, ts[i]!);
        if (out >= 0 && prev !== undefined) names[out] = prev.at(at);
        if (into >= 0 && next !== undefined) names[into] = next.at(at);
        at++;
        break;
      }
      case Kind.Waking:
      case Kind.Wakeup:
      case Kind.WakeupNew:
      case Kind.Migrate:
        seen(a[i]!, ts[i]!);
        break;
      case Kind.Fork:
      case Kind.ProcessFork: {
        const [parent, child] = kind[i] === Kind.Fork ? [b[i]!, tid[i]!] : [a[i]!, b[i]!];
        const from = seen(parent, ts[i]!);
        const to = seen(child, ts[i]!);
        if (from >= 0 && to >= 0) names[to] ??= names[from];
        break;
      }
      case Kind.Comm:
        if (own >= 0) names[own] = traceText(encodeTaskName(comms[a[i]!] ?? ""));
    }
  }
  for (const event of ["waking", "wakeup", "wakeup_new", "migrate_task"]) {
    if (names.every((name) => name !== undefined && name !== "")) break;
    const full = `sched:sched_${event}`;
    if (!trace.has(full)) continue;
    const { pid: woken, comm } = trace.eventColumns(full, ["pid", "comm"]);
    for (let i = 0; i < comm!.length; i++) {
      const row = rows.get(Number(woken![i as keyof typeof woken]));
      if (row !== undefined && !names[row]) names[row] = (comm as DictColumn).at(i);
    }
  }
  for (const [thread, name] of trace.savedNames) {
    const row = rows.get(thread);
    if (row !== undefined && !names[row]) names[row] = name;
  }
  const order = tids.map((_, row) => row).sort((x, y) => tids[x]! - tids[y]!);
  return new Frame<TraceThreadColumns>({
    tid: Int32Array.from(order, (row) => tids[row]!),
    pid: Int32Array.from(order, (row) => pids[row]!),
    comm: DictColumn.from(order.map((row) => tids[row] === 0 ? "swapper" : names[row] ?? "")),
    first_ts: Float64Array.from(order, (row) => first[row]!),
    last_ts: Float64Array.from(order, (row) => last[row]!),
  });
}
