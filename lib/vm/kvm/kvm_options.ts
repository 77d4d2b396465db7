import type { AcceleratorChoice } from "../qemu/mod.ts";
import type { Isolation } from "../user/isolation.ts";
import type { HwlatSample } from "./hwlat_line.ts";

/** What runs the instructions of the inner guests: `auto` takes kvm where the outer guest has it, else tcg. */
export type InnerAccelerator = "auto" | "kvm" | "tcg";

/** Options of {@linkcode runKvm}. */
export interface RunKvmOptions {
  /** The kernel that the outer guest and the inner ones boot: a bzImage, or a vmlinux with a PVH note. */
  readonly kernel: string;
  /** Its configuration, where the kernel does not hold it. Default: what it holds, or what lies beside it. */
  readonly config?: string;
  /** How the inner guests are kept from sharing a core with one another. Default `auto`: the best that the kernel has. */
  readonly isolation?: Isolation | "auto";
  /** How long to measure, from the moment at which all inner guests were let go, in seconds. Default 30. */
  readonly seconds?: number;
  /** Inner guests. Default 8. */
  readonly vms?: number;
  /** Memory of each inner guest in MiB. Default 96. */
  readonly vmMemory?: number;
  /** Memory of the outer guest in MiB. Default: what the inner ones, QEMU and the initrd need. */
  readonly memory?: number;
  /** What runs the outer guest. Default `auto`. */
  readonly accelerator?: AcceleratorChoice;
  /** What runs the inner guests. Default `auto`. */
  readonly innerAccelerator?: InnerAccelerator;
  /** Time of each second in which the tracer of an inner guest watches, in ns. Default 0.5 s. */
  readonly width?: number;
  /** How often it does so, in ns. Default 1 s. */
  readonly window?: number;
  /** Most seconds to wait until an inner guest is up, before another is started in its place. Default 40, on a slow machine up to twice that; 150 under tcg within a guest. */
  readonly watchdog?: number;
  /** Directory for the outer guest's trace (scheduler, interrupts, timers), which `openTrace` reads. Default: none is taken. */
  readonly trace?: string;
  /** Gets each sample as it comes, and the line that told it. */
  readonly onSample?: (vm: number, sample: HwlatSample, line: string) => void;
  /** Gets each line of the outer guest's console, and of the inner ones that is no sample. */
  readonly onConsole?: (vm: number | "L1", line: string) => void;
  /** Gets a sentence whenever the run enters another phase. */
  readonly onProgress?: (text: string) => void;
  /** Ends the run. What was measured until then is the result, if anything was; else the call throws the signal's reason. */
  readonly signal?: AbortSignal;
}
