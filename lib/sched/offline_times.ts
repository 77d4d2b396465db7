import type { Trace } from "../trace/trace.ts";
import { threadNames } from "./thread_names.ts";

/** When a CPU was being unplugged, was gone, or was coming back: ns since the epoch. */
export interface OfflineTime {
  readonly from: number;
  readonly to: number;
}

/**
 * When CPUs were offline, by CPU number, from the events of CPU hotplug (`cpuhp:cpuhp_enter`): from the first step of the thread
 * `cpuhp/N` towards state 0 (CPUHP_OFFLINE) to its last one on the way back, or the end of the trace. A trace without these events
 * says nothing, and the result is empty.
 */
export function offlineTimes(trace: Trace): ReadonlyMap<number, readonly OfflineTime[]> {
  const times = new Map<number, { from: number; to: number }[]>();
  const event = "cpuhp:cpuhp_enter";
  if (!trace.has(event)) return times;
  const steps = trace.eventColumns(event, ["ts", "common_pid", "target"]);
  const ts = steps["ts"] as Float64Array;
  const tid = steps["common_pid"] as Int32Array;
  const target = steps["target"] as Int32Array;
  const names = threadNames(trace, new Set(tid));
  for (let i = 0; i < ts.length; i++) {
    // The step's own CPU is told by the thread: other steps run on whichever CPU asked for the change.
    const match = /^cpuhp\/(\d+)$/.exec(names.get(tid[i]!) ?? "");
    if (match === null) continue;
    const cpu = Number(match[1]);
    let own = times.get(cpu);
    if (own === undefined) times.set(cpu, own = []);
    const last = own.at(-1);
    if (target[i] === 0) {
      if (last === undefined || last.to !== Infinity) own.push({ from: ts[i]!, to: Infinity });
    } else if (last === undefined) own.push({ from: 0, to: ts[i]! });
    else last.to = ts[i]!;
  }
  return times;
}
