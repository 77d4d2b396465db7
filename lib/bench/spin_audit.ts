import type { Frame } from "../frame/frame.ts";
import type { ThreadColumns } from "./spin_columns.ts";

/**
 * The conservation audit: the same lost time, counted by four parties. All durations are ns, summed over the bursts of all threads;
 * sleeping and the lateness of wake-ups lie outside bursts and are not in it.
 *
 * `offCpu` and `runDelay` agree but for steal: the kernel takes steal and (with CONFIG_IRQ_TIME_ACCOUNTING) interrupts out of CPU time
 * but counts them in no thread's waiting. `gaps` also holds interrupts that the kernel counts as CPU time, and is short of stalls
 * below the floor.
 */
export interface SpinAudit {
  /** Wall time in bursts. */
  readonly wall: number;
  /** CPU time in them: CLOCK_THREAD_CPUTIME_ID. */
  readonly cpuTime: number;
  /** `wall - cpuTime`: what the CPU clock says was lost. */
  readonly offCpu: number;
  /** What schedstat says was waited. NaN on a kernel without it. */
  readonly runDelay: number;
  /** What the threads saw: the sum of intervals of at least `floor`. */
  readonly gaps: number;
  /** Of them those over the threshold, which are listed. */
  readonly listed: number;
  /** The audit's floor: 10 us, or the threshold if that is less. */
  readonly floor: number;
  /** Steal of the CPUs used, from before the threads started until after they ended; the kernel's grains are 10 ms. */
  readonly steal: number;
  /** `(runDelay - offCpu) / offCpu` in percent. */
  readonly runDelayResidual: number;
  /** `(gaps - offCpu) / offCpu` in percent. */
  readonly gapsResidual: number;
  /** Whether |runDelay - offCpu| is within 1 % of offCpu, or within what was stolen. */
  readonly conserved: boolean;
}

/** The audit of the threads' sums; `floor` in ns, `steal` of the CPUs used in ns. */
export function spinAudit(
  threads: Frame<ThreadColumns>,
  floor: number,
  steal: number,
  hasSchedstat: boolean,
): SpinAudit {
  const sum = (name: "wall" | "cpu_time" | "run_delay" | "audit" | "run_gap_time") =>
    threads.column(name).reduce((a, b) => a + b, 0);
  const wall = sum("wall"), cpuTime = sum("cpu_time");
  const offCpu = wall - cpuTime;
  const runDelay = hasSchedstat ? sum("run_delay") : NaN;
  const gaps = sum("audit");
  const missing = Math.abs(runDelay - offCpu);
  return {
    wall,
    cpuTime,
    offCpu,
    runDelay,
    gaps,
    listed: sum("run_gap_time"),
    floor,
    steal,
    runDelayResidual: (runDelay - offCpu) / offCpu * 100,
    gapsResidual: (gaps - offCpu) / offCpu * 100,
    conserved: missing <= 0.01 * offCpu || missing <= steal,
  };
}
