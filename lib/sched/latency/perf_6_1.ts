import { Kind } from "../../trace/stream.ts";
import { encodeTaskName } from "../../trace/task_name.ts";
import type { Trace } from "../../trace/trace.ts";
import { byteString } from "../timehist/byte_string.ts";
import type { ByteWriter } from "../timehist/byte_writer.ts";
import { deliveryOrder } from "../timehist/delivery_order.ts";
import { NEVER, type PerfThread, PerfThreads } from "../timehist/perf_threads.ts";

/** What the lines can be sorted by; larger ones come first. */
export type LatencySortKey = "avg" | "max" | "switch" | "runtime" | "pid";

/** Options of {@linkcode writePerfLatency}. */
export interface PerfLatencyOptions {
  /** `-s`. Default: avg, max, switch, runtime. */
  sort?: readonly LatencySortKey[];
  /** `-p`: a line for each thread. Default: threads of a name share one. */
  byThread?: boolean;
}

/** The state of a `struct work_atom`. */
const Atom = { Sleeping: 0, WaitCpu: 1, SchedIn: 2, Ignore: 3 } as const;

/** A `struct work_atoms`: a thread, its sums, and the last of its atoms, the only one that is looked at again. */
interface Work {
  readonly thread: PerfThread;
  merged: number;
  runtime: number;
  atoms: number;
  latency: number;
  longest: number;
  longestFrom: number;
  longestTo: number;
  state: number;
  outAt: number;
  wokenAt: number;
}

/**
 * Writes what `perf sched latency` of perf 6.1 prints for the same recording, to the byte; its rules, good and bad, are those of
 * builtin-sched.c: `sched_waking` is not known, a thread that leaves as R+ is taken for asleep, and run time is the sum of
 * `sched_stat_runtime`, so 0 where that was not recorded.
 *
 * Threads of the same tid, one after another, come in the order in which they were seen where nothing else tells them apart; perf
 * has them by their addresses in its memory. One line is left out: where events were lost perf tells their share of all records, whose number a trace does not keep.
 */
export function writePerfLatency(trace: Trace, out: ByteWriter, options: PerfLatencyOptions = {}): void {
  const { sort = ["avg", "max", "switch", "runtime"], byThread = false } = options;
  const reader = new LatencyReader(trace);
  reader.run();
  const inTree = [...reader.works.values()].sort((x, y) => y.thread.tid - x.thread.tid);
  const works = byThread ? inTree : merged(inTree);
  // A tree that puts equal ones behind gives the order of a stable sort.
  works.sort((x, y) => {
    for (const key of sort) {
      const order = COMPARE[key](y, x);
      if (order !== 0) return order;
    }
    return 0;
  });
  out.text(`\n ${"-".repeat(139)}\n`);
  out.text(
    "  Task                  |   Runtime ms  | Switches | Avg delay ms    | Max delay ms    | Max delay start           | Max delay end          |\n",
  );
  out.text(` ${"-".repeat(139)}\n`);
  let runtime = 0;
  let atoms = 0;
  for (const work of works) {
    if (work.atoms === 0 || work.thread.comm === "swapper") continue;
    runtime += work.runtime;
    atoms += work.atoms;
    writeLine(out, work, trace.epoch);
  }
  out.text(` ${"-".repeat(113)}\n`);
  out.text(`  TOTAL:                |${fixed3(runtime, 11)} ms |${String(atoms).padStart(9)} |\n`);
  out.text(` ${"-".repeat(51)}\n`);
  const { unordered, stamps, bugs } = reader;
  const share = (count: number) => `${(count / stamps * 100).toFixed(3)}%`;
  if (unordered > 0 && stamps > 0) {
    out.text(`  INFO: ${share(unordered)} unordered timestamps (${unordered} out of ${stamps})\n`);
  }
  if (bugs > 0 && stamps > 0) {
    // perf counts LOST records; what LOST_SAMPLES tells at the end it leaves out.
    const lost = trace.rowsOf(Kind.Lost).length > 0 ? " (due to lost events?)" : "";
    out.text(`  INFO: ${share(bugs)} context switch bugs (${bugs} out of ${stamps})${lost}\n`);
  }
  out.text("\n");
}

class LatencyReader {
  readonly works = new Map<PerfThread, Work>();
  stamps = 0;
  unordered = 0;
  bugs = 0;
  readonly #trace: Trace;
  readonly #threads = new PerfThreads();
  readonly #current = new Map<number, number>();

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  run(): void {
    const { stream } = this.#trace;
    const { kind, ts, cpu, pid, tid, a, b, c, length } = stream;
    const comms = stream.comms.map((name) => byteString(encodeTaskName(name)));
    const order = deliveryOrder(stream);
    const runtimes = runtimeEvents(this.#trace);
    let next = 0;
    for (let step = 0; step < length; step++) {
      const i = order === undefined ? step : order[step]!;
      while (next < runtimes.length && runtimes.ts[next]! <= ts[i]!) this.#ran(runtimes, next++);
      switch (kind[i]) {
        case Kind.Switch:
          this.#threads.findNew(pid[i]!, tid[i]!);
          this.#switch(ts[i]!, cpu[i]!, a[i]!, b[i]!, c[i]!);
          break;
        case Kind.Wakeup:
        case Kind.WakeupNew:
          this.#wakeup(ts[i]!, a[i]!);
          break;
        case Kind.Fork:
          this.#threads.fork(pid[i]!, tid[i]!, a[i]!, b[i]!);
          break;
        case Kind.Comm:
          this.#threads.findNew(pid[i]!, tid[i]!).setComm(comms[a[i]!]!);
          break;
      }
    }
    while (next < runtimes.length) this.#ran(runtimes, next++);
  }

  /** The thread's work; one that is new begins with an atom of `state` (R or not) at `ts`. */
  #workOf(tid: number, ts: number, runnable: boolean): Work {
    const thread = this.#threads.findNew(-1, tid);
    let work = this.works.get(thread);
    if (work === undefined) {
      work = {
        thread,
        merged: 0,
        runtime: 0,
        atoms: 0,
        latency: 0,
        longest: 0,
        longestFrom: NEVER,
        longestTo: NEVER,
        state: Atom.Sleeping,
        outAt: NEVER,
        wokenAt: NEVER,
      };
      this.works.set(thread, work);
      leave(work, ts, runnable);
    }
    return work;
  }

  #switch(ts: number, cpu: number, prevPid: number, state: number, nextPid: number): void {
    const current = this.#current.get(cpu);
    if (current !== undefined && current !== prevPid) this.bugs++;
    this.#current.set(cpu, nextPid);
    // 0 only: perf looks R+ up behind the end of its table of letters.
    leave(this.#workOf(prevPid, ts, state === 0), ts, state === 0);
    const work = this.#workOf(nextPid, ts, true);
    if (work.state !== Atom.WaitCpu) return;
    if (ts < work.wokenAt) {
      work.state = Atom.Ignore;
      return;
    }
    work.state = Atom.SchedIn;
    const delay = ts - work.wokenAt;
    work.latency += delay;
    if (delay > work.longest) {
      work.longest = delay;
      work.longestFrom = work.wokenAt;
      work.longestTo = ts;
    }
    work.atoms++;
  }

  #wakeup(ts: number, pid: number): void {
    const work = this.#workOf(pid, ts, false);
    if (work.state !== Atom.Sleeping) return;
    this.stamps++;
    if (work.outAt > ts) {
      this.unordered++;
      return;
    }
    work.state = Atom.WaitCpu;
    work.wokenAt = ts;
  }

  #ran(events: RuntimeEvents, i: number): void {
    this.#workOf(events.pid[i]!, events.ts[i]!, true).runtime += events.runtime[i]!;
  }
}

/** `add_sched_out_event`: a new atom. */
function leave(work: Work, ts: number, runnable: boolean): void {
  work.outAt = ts;
  work.state = runnable ? Atom.WaitCpu : Atom.Sleeping;
  work.wokenAt = runnable ? ts : NEVER;
}

interface RuntimeEvents {
  readonly length: number;
  readonly ts: Float64Array;
  readonly pid: Int32Array;
  readonly runtime: Float64Array;
}

function runtimeEvents(trace: Trace): RuntimeEvents {
  const event = "sched:sched_stat_runtime";
  if (!trace.has(event)) {
    return { length: 0, ts: new Float64Array(), pid: new Int32Array(), runtime: new Float64Array() };
  }
  const columns = trace.eventColumns(event, ["ts", "pid", "runtime"]);
  const runtime = Float64Array.from(columns["runtime"] as Iterable<number | bigint>, Number);
  return {
    length: runtime.length,
    ts: columns["ts"] as Float64Array,
    pid: columns["pid"] as Int32Array,
    runtime,
  };
}

/** `perf_sched__merge_lat`: threads of a name become one, the one of the highest tid; by name, descending. */
function merged(works: readonly Work[]): Work[] {
  const byName = new Map<string, Work>();
  for (const work of works) {
    const { comm } = work.thread;
    const first = byName.get(comm);
    if (first === undefined) {
      work.merged = 1;
      byName.set(comm, work);
      continue;
    }
    first.merged++;
    first.runtime += work.runtime;
    first.atoms += work.atoms;
    first.latency += work.latency;
    if (first.longest < work.longest) {
      first.longest = work.longest;
      first.longestFrom = work.longestFrom;
      first.longestTo = work.longestTo;
    }
  }
  return [...byName.values()].sort((x, y) => x.thread.comm < y.thread.comm ? 1 : -1);
}

function average({ latency, atoms }: Work): number {
  return Number(BigInt(latency) / BigInt(atoms));
}

const COMPARE: Readonly<Record<LatencySortKey, (l: Work, r: Work) => number>> = {
  avg: (l, r) => l.atoms === 0 ? -1 : r.atoms === 0 ? 1 : average(l) - average(r),
  max: (l, r) => l.longest - r.longest,
  switch: (l, r) => l.atoms - r.atoms,
  runtime: (l, r) => l.runtime - r.runtime,
  pid: (l, r) => l.thread.tid - r.thread.tid,
};

function writeLine(out: ByteWriter, work: Work, epoch: bigint): void {
  const { thread, merged, runtime, atoms, longest, longestFrom, longestTo } = work;
  const name = merged > 1 ? `  ${thread.comm}:(${merged}) ` : `  ${thread.comm}:${thread.tid} `;
  out.left(name, 24);
  const switches = String(atoms).padStart(9);
  out.text(
    `|${fixed3(runtime, 11)} ms |${switches} | avg:${fixed3(average(work), 8)} ms | max:${
      fixed3(longest, 8)
    } ms` +
      ` | max start: ${microseconds(longestFrom, epoch)} s | max end: ${microseconds(longestTo, epoch)} s\n`,
  );
}

/** `%*.3f` of ns in ms: to the nearest, where C and JavaScript differ only in exact halves, which C gives to the even digit. */
function fixed3(ns: number, width: number): string {
  const ms = ns / 1e6;
  let text = ms.toFixed(3);
  if (ns % 1000 === 500 && Number.isInteger(ms * 2 ** 20) && (text.charCodeAt(text.length - 1) & 1) === 1) {
    text = (ms - 0.0005).toFixed(3);
  }
  return text.padStart(width);
}

/** `timestamp__scnprintf_usec`: cut, not rounded; 0 where there is none. */
function microseconds(ts: number, epoch: bigint): string {
  const us = (ts === NEVER ? 0n : epoch + BigInt(ts)) / 1000n;
  return `${us / 1_000_000n}.${String(us % 1_000_000n).padStart(6, "0")}`.padStart(12);
}
