import type { Frame } from "../frame/frame.ts";
import { type GapColumns, gapFrame, threadFrame } from "./spin_columns.ts";
import type { RegionHead, RegionThread } from "./spin_region.ts";

/** What the control thread of a spin run saw on its CPU. Times are ns. */
export interface SpinControl {
  /** Kernel id of the thread. */
  readonly tid: number;
  /** Its CPU. */
  readonly cpu: number;
  /** How long it watched. */
  readonly wall: number;
  /** How much of that it waited for its CPU, by schedstat. */
  readonly runDelay: number;
  /**
   * Whether the CPU was idle but for it: it waited less than 1 % of the time. If not, some of its gaps are that CPU's own tasks, and
   * gaps marked by them need not have befallen the whole machine.
   */
  readonly idle: boolean;
  /** Its gaps over the threshold; columns as those of the result. */
  readonly gaps: Frame<GapColumns>;
}

/** What the control's block says; `epoch` as for the result's gaps. */
export function spinControl(head: RegionHead, block: RegionThread, epoch: bigint): SpinControl {
  const { tid, wall, run_delay } = threadFrame(head, [block]).row(0);
  return {
    tid,
    cpu: block.cpu,
    wall,
    runDelay: run_delay,
    idle: run_delay < 0.01 * wall,
    gaps: gapFrame(head, [block], epoch),
  };
}
