import type { Trace } from "../../lib/trace/trace.ts";
import { pick, type Random } from "../seeded.ts";
import { IDLE, type Task, TraceWriter } from "../trace/make_trace.ts";

/** What a thread of a made-up schedule really did from a time on. */
export interface TruePart {
  readonly from: number;
  readonly state: "running" | "preempted" | "woken" | "sleeping" | "blocked";
  readonly cpu: number;
}

/** A wakeup that really was. */
export interface TrueWakeup {
  readonly ts: number;
  readonly tid: number;
  readonly waker: number;
  readonly source: "task" | "irq" | "softirq";
  readonly wakerCpu: number;
  readonly prev: number;
  readonly placed: number;
  /** When it ran, and where; NaN, -1 where it did not before the end. */
  ran: number;
  ranOn: number;
}

/** A schedule made up at random: its trace, and what was true at every moment. */
export interface RandomSchedule {
  readonly trace: Trace;
  readonly tids: readonly number[];
  /** ns since the trace's epoch at which everything was known of everyone: all had run and slept. */
  readonly settled: number;
  readonly end: number;
  /** By tid. */
  readonly parts: ReadonlyMap<number, readonly TruePart[]>;
  readonly wakeups: readonly TrueWakeup[];
  /** By CPU who ran there from when on. */
  readonly running: readonly (readonly { from: number; tid: number }[])[];
  /** Switches away from each thread: voluntary, involuntary; moves. By tid. */
  readonly counts: ReadonlyMap<number, { voluntary: number; involuntary: number; migrations: number }>;
}

interface Actor {
  readonly task: Task;
  state: TruePart["state"];
  cpu: number;
  wakeup?: TrueWakeup;
}

/** Which records are made of a wakeup. */
export type WakeupRecords = "waking" | "wakeup" | "both";

/** `steps` events of `threads` threads on `cpus` CPUs; no two at the same time. */
export function randomSchedule(
  random: Random,
  cpus: number,
  threads: number,
  steps: number,
  records: WakeupRecords = "waking",
): RandomSchedule {
  const writer = new TraceWriter();
  const actors: Actor[] = Array.from({ length: threads }, (_, i) => ({
    task: { tid: 100 + i, comm: `t${i % 3}` },
    state: "sleeping",
    cpu: random(cpus),
  }));
  const on: (Actor | undefined)[] = Array.from({ length: cpus }, () => undefined);
  const parts = new Map(actors.map(({ task }) => [task.tid, [] as TruePart[]]));
  const running: { from: number; tid: number }[][] = on.map(() => []);
  const counts = new Map(
    actors.map(({ task }) => [task.tid, { voluntary: 0, involuntary: 0, migrations: 0 }]),
  );
  const wakeups: TrueWakeup[] = [];
  const ran = new Set<Actor>();
  let settled = -1;
  let now = 1000;
  const time = () => now - 1000;
  const become = (actor: Actor, state: TruePart["state"], cpu: number) => {
    actor.state = state;
    actor.cpu = cpu;
    parts.get(actor.task.tid)!.push({ from: time(), state, cpu });
  };
  const queued = (cpu: number) =>
    actors.filter(({ state, cpu: at }) => (state === "woken" || state === "preempted") && at === cpu);
  const run = (cpu: number, next: Actor | undefined, prevState: number) => {
    const prev = on[cpu];
    writer.switch(now, cpu, prev?.task ?? IDLE, prevState, next?.task ?? IDLE);
    running[cpu]!.push({ from: time(), tid: next?.task.tid ?? 0 });
    on[cpu] = next;
    if (next === undefined) return;
    become(next, "running", cpu);
    ran.add(next);
    if (next.wakeup === undefined) return;
    next.wakeup.ran = time();
    next.wakeup.ranOn = cpu;
    delete next.wakeup;
  };
  // The first record is the trace's time 0.
  run(0, actors[0], 0);
  for (let step = 0; step < steps; step++) {
    now += 1 + random(20);
    const cpu = random(cpus);
    const current = on[cpu];
    const waiting = queued(cpu);
    switch (random(6)) {
      case 0: { // goes to sleep
        if (current === undefined) break;
        const [raw, state] = random(3) === 0 ? [2, "blocked"] as const : [1, "sleeping"] as const;
        counts.get(current.task.tid)!.voluntary++;
        become(current, state, cpu);
        run(cpu, waiting.length > 0 ? pick(random, waiting) : undefined, raw);
        break;
      }
      case 1: // is preempted
        if (current === undefined || waiting.length === 0) break;
        counts.get(current.task.tid)!.involuntary++;
        become(current, "preempted", cpu);
        run(cpu, pick(random, waiting), random(2) * 0x100);
        break;
      case 2: // idle no more
        if (current === undefined && waiting.length > 0) run(cpu, pick(random, waiting), 0);
        break;
      case 3: { // balanced
        if (waiting.length === 0) break;
        const moved = pick(random, waiting);
        const to = random(cpus);
        if (to === cpu) break;
        // By a CPU of its own, so that it is not taken for a wakeup's placement.
        writer.migrate(now, cpus, moved.task, cpu, to);
        counts.get(moved.task.tid)!.migrations++;
        become(moved, moved.state, to);
        break;
      }
      default: { // wakes
        const asleep = actors.filter(({ state }) => state === "sleeping" || state === "blocked");
        if (asleep.length === 0) break;
        const wakee = pick(random, asleep);
        const flags = current === undefined ? 8 * (1 + random(2)) : pick(random, [0, 0, 0, 8, 16]);
        const prev = wakee.cpu;
        const placed = random(3) === 0 ? random(cpus) : prev;
        const waker = current?.task ?? IDLE;
        if (records === "wakeup" && placed !== prev) {
          // The move comes first, of one that is asleep as far as the records tell.
          writer.migrate(now++, cpu, wakee.task, prev, placed);
          counts.get(wakee.task.tid)!.migrations++;
        }
        wakee.wakeup = {
          ts: time(),
          tid: wakee.task.tid,
          waker: waker.tid,
          source: flags === 0 ? "task" : flags === 8 ? "irq" : "softirq",
          wakerCpu: cpu,
          prev,
          placed,
          ran: NaN,
          ranOn: -1,
        };
        wakeups.push(wakee.wakeup);
        if (records === "wakeup") {
          writer.wakeup(now, cpu, waker, wakee.task, placed, flags);
          become(wakee, "woken", placed);
          break;
        }
        writer.waking(now, cpu, waker, wakee.task, prev, flags);
        become(wakee, "woken", prev);
        if (placed !== prev) {
          now++;
          writer.migrate(now, cpu, wakee.task, prev, placed);
          counts.get(wakee.task.tid)!.migrations++;
          become(wakee, "woken", placed);
        }
        if (records === "both") writer.wakeup(++now, cpu, waker, wakee.task, placed, flags);
      }
    }
    if (settled < 0 && ran.size === threads && running.every((slices) => slices.length > 0)) settled = time();
  }
  // One last event that changes nothing of anybody, so that the trace ends when the schedule does.
  now++;
  const last = on.findIndex((actor) => actor !== undefined);
  if (last >= 0) {
    counts.get(on[last]!.task.tid)!.involuntary++;
    const again = on[last]!;
    become(again, "preempted", last);
    run(last, again, 0);
  }
  const trace = writer.trace();
  return {
    trace,
    tids: actors.map(({ task }) => task.tid),
    settled,
    end: trace.span.to,
    parts,
    wakeups,
    running,
    counts,
  };
}

/** What `tid` did at a time; undefined before its first part. */
export function partAt(schedule: RandomSchedule, tid: number, time: number): TruePart | undefined {
  return schedule.parts.get(tid)!.findLast(({ from }) => from <= time);
}
