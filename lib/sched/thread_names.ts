import type { DictColumn } from "../frame/column.ts";
import type { Trace } from "../trace/trace.ts";

/**
 * The name that each of `tids` had last, by tid: of its last switch, else of a wakeup, else of the recorder's list. A thread without
 * one is not in it.
 */
export function threadNames(trace: Trace, tids: ReadonlySet<number>): Map<number, string> {
  const names = new Map<number, string>();
  if (trace.has("sched:sched_switch")) {
    const { switches } = trace;
    for (const side of ["next", "prev"] as const) {
      const pid = switches.column(`${side}_pid`);
      takeLast(names, tids, pid, () => switches.column(`${side}_comm`));
    }
  }
  for (const event of ["sched:sched_waking", "sched:sched_wakeup", "sched:sched_wakeup_new"]) {
    const left = new Set([...tids].filter((tid) => !names.has(tid)));
    if (left.size === 0 || !trace.has(event) || !trace.formats.has(event)) continue;
    const frame = trace.event(event);
    takeLast(names, left, frame.column("pid") as Int32Array, () => frame.column("comm") as DictColumn);
  }
  for (const [tid, name] of trace.savedNames) if (tids.has(tid) && !names.has(tid)) names.set(tid, name);
  if (tids.has(0)) names.set(0, "swapper");
  return names;
}

function takeLast(
  names: Map<number, string>,
  tids: ReadonlySet<number>,
  pid: Int32Array,
  comm: () => DictColumn,
): void {
  const last = new Map<number, number>();
  for (let i = 0; i < pid.length; i++) if (tids.has(pid[i]!)) last.set(pid[i]!, i);
  if (last.size === 0) return;
  const column = comm();
  for (const [tid, row] of last) names.set(tid, column.at(row));
}
