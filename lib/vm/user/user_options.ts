import type { AcceleratorChoice } from "../qemu/mod.ts";
import type { Isolation } from "./isolation.ts";

/** How the gap benchmark is run in a guest. Times are ns. */
export interface MeasureOptions {
  /** How the pairs are kept apart. Default: `auto`, the best that the kernel has: cookies, tag, coscheduling, none. */
  isolation?: Isolation | "auto";
  /** Ends the run where no gap over `maxGap` was found until then. Default: 30. */
  seconds?: number;
  /** The first gap over this ends the run. Default: 100e6. */
  maxGap?: number;
  /** Pairs of threads, each a trust group, all on the hardware threads of one core. Default: 8. */
  pairs?: number;
  /**
   * Directory for the guest's trace; a trace that is there is replaced. Default: `/dev/shm/log`.
   */
  output?: string;
  /** KiB of trace buffer for each CPU. Default: an eighth of the guest's memory for all, at most 32 MiB each. */
  bufferKb?: number;
  /** A stall to plant after about a second: a SCHED_FIFO thread that keeps a CPU of the core for so long. Default: none. */
  plant?: number;
  /**
   * Ends the run early; what was measured until then is the result. Before the measuring it ends the guest and rejects.
   * Default: in a notebook the stop button's, else none.
   */
  signal?: AbortSignal;
  /** Called with each line that the seed's program would print: `Max latency: ...` once a second, and at the end `diff: ...`. Default: nobody. */
  onLine?: (line: string) => void;
  /** Called with a sentence when something new begins. Default: nobody. */
  onProgress?: (text: string) => void;
}

/** Options of `runUser`. */
export interface UserOptions extends MeasureOptions {
  /** The kernel to boot: a bzImage, or a vmlinux with the PVH entry. */
  kernel: string;
  /** The configuration it was built with, where it is not in the kernel or beside it. Default: looked for. */
  config?: string;
  /** Memory of the guest in MiB. Default: 512. */
  memory?: number;
  /** What runs the guest's instructions. Default: `auto`. */
  accelerator?: AcceleratorChoice;
  /** Whether vCPUs are pinned to cores of the host. Default: `auto`. */
  pin?: "auto" | false;
  /** Words to add to the guest's kernel command line. Default: none. */
  cmdline?: string;
}
