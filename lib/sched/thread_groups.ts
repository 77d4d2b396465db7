import { Kind } from "../trace/stream.ts";
import type { DictColumn } from "../frame/column.ts";
import type { Trace } from "../trace/trace.ts";
import { knownThreads } from "./known_threads.ts";
import { hypervisorOf, vcpuOf } from "./vcpu_threads.ts";

/**
 * What makes threads a group.
 *
 * | by | threads are of one group that | name |
 * | --- | --- | --- |
 * | `thread` | are the same | `comm [tid]` |
 * | `process` | have the same process; only perf.data tells it | `comm [pid]`, with the name of its first thread |
 * | `comm` | had the same name at the end | the name |
 * | `vm` | are of a process that has threads called `CPU N/KVM` (QEMU with `debug-threads=on`, as libvirt starts it) or as other hypervisors call them, or a kernel thread `vhost-PID` or `kvm-pit/PID` that works for it | `comm [pid]` of the process |
 * | `cgroup` | were last moved to the same cgroup, or have a parent that was; needs `cgroup:cgroup_attach_task`. Moves in the hierarchy of version 2 count; those of all others where it has none | the path |
 * | a map | it gives the same name, to the thread or else to its process: cookies of core scheduling, tenants | that name |
 * | a function | it gives the same name | that name |
 */
export type GroupBy =
  | "thread"
  | "process"
  | "comm"
  | "vm"
  | "cgroup"
  | ReadonlyMap<number, string>
  | ((tid: number, pid: number, comm: string) => string | undefined);

/** Which group each thread of a trace is of. */
export interface ThreadGroups {
  /** Name of each group, in the order of their first threads' numbers. */
  readonly names: readonly string[];
  /** Group of thread `tid`, an index into {@linkcode ThreadGroups.names}; -1 for the idle task and for a thread of no group. */
  of(tid: number): number;
}

/** Largest thread number for which a table is made (the kernel's PID_MAX_LIMIT); what is above comes from damaged files. */
const MOST_TABLED = 1 << 22;

/**
 * Puts the threads of `trace` into groups. A window has the names and processes that it and its lead tell.
 *
 * A thread number that was used again counts as one thread, with the name and the process that it had last. The idle task is
 * never in a group.
 *
 * Throws RangeError where `by` asks for what the trace does not tell: processes of a trace whose format does not have them (all but
 * perf.data and Perfetto), cgroups without their event.
 *
 * @example
 * ```ts
 * import { threadGroups } from "@schedscope/schedscope/sched";
 * import { openTrace } from "@schedscope/schedscope/trace";
 *
 * async function tenants(path: string) {
 *   const trace = await openTrace(path);
 *   return threadGroups(trace, (_tid, _pid, comm) => comm.startsWith("db-") ? "database" : "others").names;
 * }
 * ```
 */
export function threadGroups(trace: Trace, by: GroupBy): ThreadGroups {
  const whole = trace.context ?? trace;
  const threads = knownThreads(whole);
  const tid = threads.column("tid");
  const pid = threads.column("pid");
  const comm = threads.column("comm");
  const nameOf = namer(whole, by, { tid, pid, comm });
  const names: string[] = [];
  const index = new Map<string, number>();
  const groups = new Int32Array(tid.length).fill(-1);
  for (let row = 0; row < tid.length; row++) {
    if (tid[row] === 0) continue;
    const name = nameOf(row);
    if (name === undefined) continue;
    let group = index.get(name);
    if (group === undefined) index.set(name, group = names.push(name) - 1);
    groups[row] = group;
  }
  return { names, of: lookup(tid, groups) };
}

/** The columns of all threads, rows by tid. */
interface Threads {
  readonly tid: Int32Array;
  readonly pid: Int32Array;
  readonly comm: DictColumn;
}

/** What names the group of the thread of a row. */
function namer(trace: Trace, by: GroupBy, threads: Threads): (row: number) => string | undefined {
  const { tid, pid, comm } = threads;
  if (typeof by === "function") return (row) => by(tid[row]!, pid[row]!, comm.at(row));
  if (typeof by === "object") return (row) => by.get(tid[row]!) ?? by.get(pid[row]!);
  switch (by) {
    case "thread":
      return (row) => `${comm.at(row)} [${tid[row]}]`;
    case "comm":
      return (row) => comm.at(row) === "" ? undefined : comm.at(row);
    case "process": {
      needProcesses(threads, by);
      const names = processNames(threads);
      return (row) => pid[row]! < 0 ? undefined : names.get(pid[row]!);
    }
    case "vm": {
      needProcesses(threads, by);
      const names = processNames(threads);
      const machines = new Set<number>();
      for (let row = 0; row < tid.length; row++) {
        if (pid[row]! > 0 && vcpuOf(comm.at(row)) >= 0) machines.add(pid[row]!);
      }
      return (row) => {
        const process = machines.has(pid[row]!) ? pid[row]! : hypervisorOf(comm.at(row));
        return machines.has(process) ? names.get(process) : undefined;
      };
    }
    case "cgroup": {
      const paths = cgroups(trace);
      return (row) => paths.get(tid[row]!) ?? paths.get(pid[row]!);
    }
    default:
      throw new RangeError(
        `Expected groups by thread, process, comm, vm, cgroup, a Map or a function but found ${
          JSON.stringify(by)
        }`,
      );
  }
}

function needProcesses({ tid, pid }: Threads, by: string): void {
  if (tid.length > 0 && !pid.some((process) => process > 0)) {
    throw new RangeError(
      `Groups by ${by} need the process of each thread, which this trace does not tell; record with perf ` +
        "(schedscope record --door perf), or give a Map from thread to name",
    );
  }
}

/** `comm [pid]` of each process, with the name of its first thread, or of the lowest that the trace has. */
function processNames({ tid, pid, comm }: Threads): Map<number, string> {
  const names = new Map<number, string>();
  for (let row = 0; row < tid.length; row++) {
    const process = pid[row]!;
    if (process > 0 && (tid[row] === process || !names.has(process))) {
      names.set(process, `${comm.at(row)} [${process}]`);
    }
  }
  return names;
}

/** Number of the hierarchy of cgroups version 2. */
const VERSION_2 = 0;

/** The cgroup of each thread that was moved to one, or whose parent was before it was made. */
function cgroups(trace: Trace): Map<number, string> {
  const event = "cgroup:cgroup_attach_task";
  if (!trace.has(event)) {
    throw new RangeError(
      `Groups by cgroup need ${event}, and the trace has no such event; record with: schedscope record --events ${event}, ` +
        "or give a Map from thread or process to cgroup (/proc/PID/cgroup)",
    );
  }
  const columns = trace.eventColumns(event, ["ts", "dst_root", "pid", "dst_path"]);
  const ts = columns["ts"] as Float64Array;
  const root = columns["dst_root"] as Int32Array;
  const moved = columns["pid"] as Int32Array;
  const path = columns["dst_path"] as DictColumn;
  const { stream } = trace;
  const paths = new Map<number, string>();
  const unified = root.includes(VERSION_2);
  const counts = (row: number) => root[row] === VERSION_2 || !unified;
  let row = 0;
  for (const i of trace.rowsOf(Kind.Fork, Kind.ProcessFork)) {
    for (; row < ts.length && ts[row]! <= stream.ts[i]!; row++) {
      if (counts(row)) paths.set(moved[row]!, path.at(row));
    }
    const [parent, child] = stream.kind[i] === Kind.Fork
      ? [stream.b[i]!, stream.tid[i]!]
      : [stream.a[i]!, stream.b[i]!];
    const inherited = paths.get(parent);
    if (inherited === undefined) paths.delete(child);
    else paths.set(child, inherited);
  }
  for (; row < ts.length; row++) if (counts(row)) paths.set(moved[row]!, path.at(row));
  return paths;
}

/** A function that finds the value of a tid. `tids` ascend. */
function lookup(tids: Int32Array, values: Int32Array): (tid: number) => number {
  let most = 0;
  for (let row = 0; row < tids.length; row++) {
    if (tids[row]! <= MOST_TABLED && tids[row]! > most) most = tids[row]!;
  }
  const table = new Int32Array(most + 1).fill(-1);
  const beyond = new Map<number, number>();
  for (let row = 0; row < tids.length; row++) {
    if (tids[row]! < 0) continue;
    if (tids[row]! <= most) table[tids[row]!] = values[row]!;
    else beyond.set(tids[row]!, values[row]!);
  }
  return (tid) => tid >= 0 && tid <= most ? table[tid]! : beyond.get(tid) ?? -1;
}
