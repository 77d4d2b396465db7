import { Kind, type SchedStream } from "../trace/stream.ts";

/** How a thread may sleep; see `THREAD_STATES`. */
export type SleepState = "sleeping" | "blocked" | "stopped";

/** In what state a thread sleeps since the row `event` of `stream`: of a switch by its `prev_state`, else it was just made. */
export function sleepState({ kind, b }: SchedStream, event: number): SleepState {
  const state = event >= 0 && kind[event] === Kind.Switch ? b[event]! : 1;
  // TASK_IDLE is TASK_UNINTERRUPTIBLE with TASK_NOLOAD; sched_switch reports it as 0x80 alone.
  if ((state & 0x1) !== 0 || (state & 0x80) !== 0) return "sleeping";
  if ((state & 0x2) !== 0) return "blocked";
  return (state & (0x4 | 0x8 | 0x40)) !== 0 ? "stopped" : "sleeping";
}
