import type { Fingerprint } from "../../bench/fingerprint.ts";
import { type InterruptCounters, interruptsBetween } from "../../bench/interrupts.ts";
import { headSize, RegionHead, RegionThread } from "../../bench/spin_region.ts";
import { SpinResult } from "../../bench/spin_result.ts";
import { VmError } from "../errors.ts";

/** What the guest's kernel counted at one moment. */
export interface GuestCounters {
  /** Of /proc/interrupts. */
  readonly interrupts: InterruptCounters;
  /** ns of steal of each CPU. */
  readonly steal: ReadonlyMap<number, number>;
}

/** What surrounds a region that a guest's spin left behind. */
export interface RegionContext {
  readonly before: GuestCounters;
  readonly after: GuestCounters;
  /** CPUs on which its threads ran. */
  readonly cpus: readonly number[];
  /** The guest. */
  readonly fingerprint: Fingerprint;
  /** The arguments of schedscope-spin. */
  readonly args: readonly string[];
}

/** The result of a spin run in a guest, from the file that it left there. Throws a `VmError` where the run was not finished. */
export function readSpinRegion(
  bytes: Uint8Array,
  { before, after, cpus, fingerprint, args }: RegionContext,
): SpinResult {
  const whole = bytes.slice(); // counters are read through aligned views
  const head = new RegionHead(whole.subarray(0, headSize));
  if (!head.ready || head.state !== "done") {
    throw new VmError(
      `schedscope-spin left no finished result in the guest (${whole.length} bytes, ${
        head.ready ? head.state : "no region"
      })`,
    );
  }
  const blocks = Array.from({ length: head.blocks }, (_, i) => {
    const from = head.threadsOffset + i * head.threadStride;
    return new RegionThread(head, whole.slice(from, from + head.threadStride));
  });
  const steal = (of: GuestCounters) => cpus.reduce((sum, cpu) => sum + (of.steal.get(cpu) ?? 0), 0);
  return new SpinResult(head, blocks, {
    interrupts: interruptsBetween(before.interrupts, after.interrupts, cpus),
    steal: steal(after) - steal(before),
    fingerprint: { ...fingerprint, tsc_method: head.text(256, 32) },
    isolation: "process",
    args,
  });
}
