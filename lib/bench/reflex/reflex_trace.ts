import { openTrace } from "../../trace/open.ts";
import { startRecording } from "../../trace/record/mod.ts";
import type { Trace } from "../../trace/trace.ts";
import type { ReflexSettings } from "./reflex_options.ts";
import { type ReflexRun, reflexRun } from "./reflex_run.ts";

/** TASK_REPORT_MAX of prev_state: preempted inside the kernel. */
const PREEMPTED = 0x100;

/** What the tracepoints say of a run, beside what the kernel's counters say of the same run. */
export class ReflexTrace {
  /** `sched_waking` of children. */
  readonly waking: number;
  /** `sched_switch` away from children that blocked. */
  readonly blocks: number;
  /**
   * ... that stayed runnable (`R`): yields, and threads that lost the CPU on the way back to user space, where the kernel calls plain
   * `schedule()` and does not mark it.
   */
  readonly runnable: number;
  /** ... that were preempted inside the kernel (`R+`). */
  readonly preempted: number;
  /** Switches away from children for each `sched_waking`. */
  readonly ratio: number;
  /** (voluntary + involuntary switches) / voluntary ones by the counters of the same threads in the same run. */
  readonly counterRatio: number;
  /** Switches away from children in the recording as a share of what the counters counted: below 1 records are missing. */
  readonly recorded: number;
  /** us per round of this run: tracing costs. */
  readonly usPerRound: number;

  /** Counts what `trace` has of `run`. */
  constructor(trace: Trace, run: ReflexRun) {
    const tids = new Set(run.per_child.map((child) => child.tid));
    const epoch = Number(trace.epoch);
    const [from, to] = [run.start_ns - epoch, run.stop_ns - epoch];
    const switches = trace.switches;
    const [ts, prev, state] = [
      switches.column("ts"),
      switches.column("prev_pid"),
      switches.column("prev_state"),
    ];
    let [blocks, runnable, preempted, waking] = [0, 0, 0, 0];
    for (let row = 0; row < switches.length; row++) {
      if (ts[row]! < from || ts[row]! > to || !tids.has(prev[row]!)) continue;
      if (state[row] === 0) runnable++;
      else if (state[row]! & PREEMPTED) preempted++;
      else blocks++;
    }
    const wakeups = trace.wakeups;
    const kind = wakeups.column("kind");
    const wakingCode = kind.dictionary.indexOf("waking");
    const [at, pid] = [wakeups.column("ts"), wakeups.column("pid")];
    for (let row = 0; row < wakeups.length; row++) {
      if (at[row]! >= from && at[row]! <= to && kind.codes[row] === wakingCode && tids.has(pid[row]!)) {
        waking++;
      }
    }
    this.waking = waking;
    this.blocks = blocks;
    this.runnable = runnable;
    this.preempted = preempted;
    this.ratio = (blocks + runnable + preempted) / waking;
    this.counterRatio = (run.nvcsw + run.nivcsw) / run.nvcsw;
    this.recorded = (blocks + runnable + preempted) / (run.nvcsw + run.nivcsw);
    this.usPerRound = run.us_per_round;
  }

  /** One line for a terminal. */
  toString(): string {
    return `traced: ${this.ratio.toFixed(3)} switches for each sched_waking (${
      this.counterRatio.toFixed(3)
    } by the counters); of the switches ${this.blocks} blocked (S), ${this.runnable} stayed runnable (R), ${this.preempted} were preempted (R+); ${
      (100 * this.recorded).toFixed(1)
    } % of the switches are in the recording`;
  }
}

/** Longest run that is recorded, ns: a round without work makes two million events a second. */
const LONGEST = 0.5e9;

/** Records one run, and reads it. The recording is removed. Rejects with a `MachineLacksError` where nothing may be recorded. */
export async function traceReflex(
  settings: ReflexSettings,
  loops: number,
  signal?: AbortSignal,
): Promise<ReflexTrace> {
  const directory = await Deno.makeTempDir({ prefix: "schedscope-reflex-" });
  try {
    await using recording = await startRecording({
      output: `${directory}/trace`,
      events: ["sched:sched_switch", "sched:sched_waking"],
      ...(signal === undefined ? {} : { signal }),
    });
    const run = await reflexRun(
      { ...settings, duration: Math.min(settings.duration, LONGEST) },
      0,
      loops,
      signal,
    );
    const { path } = await recording.stop();
    return new ReflexTrace(await openTrace(path), run);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
