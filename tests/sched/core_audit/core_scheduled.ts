import { IDLE, type Task, TraceWriter } from "../../trace/make_trace.ts";

/** A hog of a core under core scheduling. */
export interface Hog extends Task {
  /** Its cookie; "" is none. */
  readonly cookie: string;
  /** Which of the core's CPUs it is pinned to. */
  readonly cpu: number;
  /** Its weight. Default 1024. */
  readonly weight?: number;
}

/**
 * A trace of a core that never runs two cookies at once: hogs take turns by weight, `rounds` times, and with the one whose turn it is
 * run those of its cookie on the other CPUs. All of them want to run all the time. A change of turn is at one stamp, or, with `late`,
 * that many ns later on the CPUs other than the one of the next turn: the interrupt (IPI) is on its way.
 */
export function coreScheduled(cpus: number, hogs: readonly Hog[], rounds: number, late = 0): TraceWriter {
  const writer = new TraceWriter();
  const current: Task[] = new Array(cpus).fill(IDLE);
  hogs.forEach((hog) => writer.waking(0, 0, IDLE, hog, hog.cpu));
  let t = 0;
  const put = (at: number, cpu: number, next: Task) => {
    if (current[cpu] !== next) writer.switch(at, cpu, current[cpu]!, 0, next);
    current[cpu] = next;
  };
  for (let round = 0; round < rounds; round++) {
    for (const turn of hogs) {
      put(t, turn.cpu, turn);
      for (let cpu = 0; cpu < cpus; cpu++) {
        if (cpu === turn.cpu) continue;
        const friend = hogs.find((hog) => hog.cpu === cpu && hog.cookie === turn.cookie && hog.cookie !== "");
        put(t + late, cpu, friend ?? IDLE);
      }
      t += (turn.weight ?? 1024) * 1000;
    }
  }
  for (let cpu = 0; cpu < cpus; cpu++) writer.switch(t, cpu, current[cpu]!, 0, { tid: 9999, comm: "end" });
  return writer;
}
