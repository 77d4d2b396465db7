import { GAP_CAUSES, type GapCause } from "../../lib/sched/gap_cause.ts";
import type { ThreadState } from "../../lib/sched/states.ts";
import type { Trace } from "../../lib/trace/trace.ts";
import { randomFrom } from "../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

/** One stretch of a thread's life, as the scheduler that made the trace knows it. */
export interface TrueState {
  tid: number;
  from: number;
  to: number;
  state: ThreadState;
}

/** What a made-up scheduler did, and what it knows of it. */
export interface ScheduledTruth {
  trace: Trace;
  states: TrueState[];
  /** By thread: ns by what it did, of waits by cause: `run`, `slept`, `blocked`, and the causes of `GAP_CAUSES`. */
  time: Map<number, Map<string, number>>;
  tasks: Task[];
}

interface Thread {
  task: Task;
  state: ThreadState;
  since: number;
  cpu: number;
  moved: boolean;
  /** Switch of its CPU that displaced it; -1 none. */
  displacer: number;
  /** What kept it so far since it was last switched, woken or moved. */
  waited: { cause: GapCause; ns: number }[];
}

const STOPPER: Task = { tid: 9, comm: "migration/0", prio: 0 };

/**
 * Schedules some threads on three CPUs at random for `steps` events, and keeps account of what each thread does after every single
 * event. It is no good scheduler (CPUs idle while threads wait), so that every cause occurs.
 */
export function scheduleAtRandom(seed: number, steps: number): ScheduledTruth {
  const below = randomFrom(seed);
  const writer = new TraceWriter();
  const prios = [120, 100, 139, 50, -1, 120];
  const threads = prios.map((prio, i): Thread => ({
    task: { tid: 10 + i, comm: `task ${i}`, prio },
    state: "sleeping",
    since: 0,
    cpu: i % 3,
    moved: false,
    displacer: -1,
    waited: [],
  }));
  const cpus = [0, 1, 2].map(() => ({ runs: undefined as Thread | undefined, stopper: false, switches: 0 }));
  const states: TrueState[] = [];
  const time = new Map(threads.map(({ task }) => [task.tid, new Map<string, number>()]));
  let now = 0;
  const book = (thread: Thread, what: string, ns: number) => {
    const own = time.get(thread.task.tid)!;
    own.set(what, (own.get(what) ?? 0) + ns);
  };
  const causeOf = (thread: Thread): GapCause => {
    const cpu = cpus[thread.cpu]!;
    if (cpu.stopper) return "migrated";
    if (cpu.runs !== undefined) {
      return thread.state === "preempted" && !thread.moved && thread.displacer === cpu.switches
        ? "preempted"
        : "queued";
    }
    if (thread.state === "woken") return "waking";
    return thread.moved ? "migrated" : "throttled";
  };
  const advance = (to: number) => {
    for (const thread of threads) {
      const { state } = thread;
      if (state === "running") book(thread, "run", to - now);
      else if (state === "sleeping") book(thread, "slept", to - now);
      else if (state === "blocked") book(thread, "blocked", to - now);
      else thread.waited.push({ cause: causeOf(thread), ns: to - now });
    }
    now = to;
  };
  const become = (thread: Thread, state: ThreadState, split = false) => {
    if (!split && thread.state === state) return;
    // Where its CPU idled it had been throttled, and so before.
    const last = thread.waited.findLastIndex(({ cause }) => cause === "throttled");
    thread.waited.forEach(({ cause, ns }, i) => book(thread, i <= last ? "throttled" : cause, ns));
    thread.waited = [];
    if (now > thread.since) {
      states.push({ tid: thread.task.tid, from: thread.since, to: now, state: thread.state });
    }
    thread.state = state;
    thread.since = now;
  };
  const taskOn = (cpu: number) => cpus[cpu]!.stopper ? STOPPER : cpus[cpu]!.runs?.task ?? IDLE;
  const switchTo = (on: number, next: Thread | "stopper" | undefined, state: number) => {
    const cpu = cpus[on]!;
    const prev = taskOn(on);
    const left = cpu.runs;
    cpu.switches++;
    cpu.stopper = next === "stopper";
    cpu.runs = next === "stopper" ? undefined : next;
    if (left !== undefined) {
      become(left, state === 0 || state === 0x100 ? "preempted" : state === 1 ? "sleeping" : "blocked");
      left.moved = false;
      left.displacer = cpu.switches;
    }
    writer.switch(now, on, prev, prev.tid === 0 ? 0 : state, taskOn(on));
    if (cpu.runs !== undefined) become(cpu.runs, "running");
  };
  // Each CPU is seen once before anything waits there; the first event is at 0.
  for (const on of [0, 1, 2]) switchTo(on, "stopper", 0);
  for (let step = 0; step < steps; step++) {
    advance(now + 1 + below(1000));
    const on = below(3);
    const queued = threads.filter((one) =>
      one.cpu === on && (one.state === "preempted" || one.state === "woken")
    );
    const asleep = threads.filter((one) => one.state === "sleeping" || one.state === "blocked");
    const action = below(10);
    if (action < 6) {
      const runs = cpus[on]!.runs;
      const next = below(8) === 0 ? "stopper" : below(4) === 0 ? undefined : queued[below(queued.length)];
      if (next === undefined && runs === undefined && !cpus[on]!.stopper) continue;
      if (next === "stopper" && cpus[on]!.stopper) continue;
      switchTo(on, next, runs === undefined ? 1 : [0, 0x100, 1, 2][below(4)]!);
    } else if (action < 9 && asleep.length > 0) {
      const thread = asleep[below(asleep.length)]!;
      thread.cpu = below(3);
      thread.moved = false;
      writer.waking(now, on, taskOn(on), thread.task, thread.cpu);
      become(thread, "woken");
    } else if (queued.length > 0) {
      const thread = queued[below(queued.length)]!;
      const to = (on + 1 + below(2)) % 3;
      writer.migrate(now, on, thread.task, on, to);
      become(thread, thread.state, true);
      thread.cpu = to;
      thread.moved = true;
    }
  }
  advance(now + 1);
  writer.switch(now, 0, taskOn(0), 1, taskOn(0));
  for (const thread of threads) become(thread, thread.state, true);
  states.sort((x, y) => x.tid - y.tid || x.from - y.from);
  return { trace: writer.trace(), states, time, tasks: threads.map(({ task }) => task) };
}

/** The causes that {@linkcode scheduleAtRandom} makes. */
export const MADE_CAUSES: readonly GapCause[] = GAP_CAUSES.filter((cause) =>
  ["preempted", "queued", "throttled", "migrated", "waking"].includes(cause)
);
