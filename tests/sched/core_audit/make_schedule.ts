/**
 * Random schedules of a few CPUs, made nanosecond by nanosecond: the events as a kernel records them, and beside them the truth of
 * every nanosecond, from which tests count what an analysis should find without any of its arithmetic.
 *
 * @module
 */
import { type Random, randomFrom } from "../../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";
import type { Trace } from "../../../lib/trace/trace.ts";

/** A task and what it does. */
interface Worker extends Task {
  readonly group: string;
  doing: "run" | "wait" | "sleep";
  /** CPU that it runs on, is queued on, or ran on last. */
  cpu: number;
}

/** Options of {@linkcode makeSchedule}. */
export interface ScheduleOptions {
  /** CPUs. Default 2. */
  cpus?: number;
  /** Groups `g0`, `g1`, ... Default 3. */
  groups?: number;
  /** Tasks. Default 6. */
  tasks?: number;
  /** Nanoseconds. Default 600. */
  length?: number;
  /** Of how many switches one is not recorded. Default 0: all are. */
  dropped?: number;
  /** Names of the tasks' groups, one after another again and again. Default `g0`, `g1`, ... */
  comm?: (task: number) => string;
}

/** What happened in truth. */
export interface Schedule {
  readonly trace: Trace;
  /** Group of each tid. */
  readonly groups: ReadonlyMap<number, string>;
  readonly cpus: number;
  /** First and last stamp of a recorded event: the trace's span is from 0 to `to - from`. */
  readonly from: number;
  readonly to: number;
  /** Thread on `cpu` from `t` to `t + 1`, as the recording can tell; 0 idle, -1 where a switch is missing. */
  known(cpu: number, t: number): number;
  /** Thread on `cpu` from `t` to `t + 1` in truth; 0 idle. */
  truth(cpu: number, t: number): number;
  /** Threads that wait for `cpu` from `t` to `t + 1` in truth. */
  waiting(cpu: number, t: number): readonly number[];
}

/** A schedule that follows from `seed`. */
export function makeSchedule(seed: number, options: ScheduleOptions = {}): Schedule {
  const { cpus = 2, groups = 3, tasks = 6, length = 600, dropped = 0 } = options;
  const random = randomFrom(seed);
  const workers = Array.from({ length: tasks }, (_, i): Worker => ({
    tid: 10 + i,
    comm: options.comm?.(i) ?? `task${i}`,
    group: `g${i % groups}`,
    doing: "sleep",
    cpu: i % cpus,
  }));
  const writer = new TraceWriter();
  const current: (Worker | undefined)[] = new Array(cpus).fill(undefined);
  const ran: number[][] = Array.from({ length: cpus }, () => []);
  const waited: (readonly number[])[][] = Array.from({ length: cpus }, () => []);
  const wakers: Set<number>[] = Array.from({ length: cpus }, () => new Set());
  const recorded: { t: number; prev: number; next: number }[][] = Array.from({ length: cpus }, () => []);
  let first = -1;
  let last = -1;
  const happened = (t: number) => {
    if (first < 0) first = t;
    last = t;
  };
  const waker = (cpu: number): Task => current[cpu] ?? IDLE;
  for (let t = 0; t < length; t++) {
    for (const worker of workers) {
      if (worker.doing === "sleep" && random(30) === 0) {
        const from = random(cpus);
        writer.waking(t, from, waker(from), worker, worker.cpu);
        wakers[from]!.add(waker(from).tid);
        happened(t);
        worker.doing = "wait";
        if (random(3) === 0) move(writer, t, random, worker, cpus);
      } else if (worker.doing === "wait" && random(60) === 0) {
        if (move(writer, t, random, worker, cpus)) happened(t);
      }
    }
    for (let cpu = 0; cpu < cpus; cpu++) {
      if (random(12) !== 0) continue;
      const prev = current[cpu];
      const queue = workers.filter((worker) => worker.doing === "wait" && worker.cpu === cpu);
      const next = random(4) === 0 ? undefined : queue[random(Math.max(1, queue.length))];
      if (next === prev) continue;
      const runnable = random(2) === 0;
      if (prev !== undefined) prev.doing = runnable ? "wait" : "sleep";
      if (next !== undefined) next.doing = "run";
      current[cpu] = next;
      if (dropped > 0 && random(dropped) === 0) continue;
      writer.switch(t, cpu, prev ?? IDLE, runnable ? (random(2) === 0 ? 0 : 0x100) : 1, next ?? IDLE);
      recorded[cpu]!.push({ t, prev: prev?.tid ?? 0, next: next?.tid ?? 0 });
      happened(t);
    }
    for (let cpu = 0; cpu < cpus; cpu++) {
      ran[cpu]!.push(current[cpu]?.tid ?? 0);
      waited[cpu]!.push(
        workers.filter((worker) => worker.doing === "wait" && worker.cpu === cpu).map(({ tid }) => tid),
      );
    }
  }
  return {
    trace: writer.trace(),
    groups: new Map(workers.map(({ tid, group }) => [tid, group])),
    cpus,
    from: first,
    to: last,
    truth: (cpu, t) => ran[cpu]![t]!,
    waiting: (cpu, t) => waited[cpu]![t]!,
    known(cpu, t) {
      const switches = recorded[cpu]!;
      if (switches.length === 0) return wakers[cpu]!.size === 1 ? [...wakers[cpu]!][0]! : -1;
      const before = switches.findLast((each) => each.t <= t);
      const after = switches.find((each) => each.t > t);
      if (before === undefined) return after!.prev;
      return after === undefined || after.prev === before.next ? before.next : -1;
    },
  };
}

/** Moves a waiting task to another CPU, if the dice are for it. */
function move(writer: TraceWriter, t: number, random: Random, worker: Worker, cpus: number): boolean {
  const to = random(cpus);
  if (to === worker.cpu) return false;
  writer.migrate(t, to, worker, worker.cpu, to);
  worker.cpu = to;
  return true;
}

/** CPUs 0 to `cpus` - 1 in cores of `siblings`. */
export function coresOf(cpus: number, siblings: number): number[][] {
  return Array.from(
    { length: cpus / siblings },
    (_, core) => Array.from({ length: siblings }, (_, i) => core * siblings + i),
  );
}
