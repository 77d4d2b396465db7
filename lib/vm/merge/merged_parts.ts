import { CAUSE, GAP_CAUSES } from "../../sched/gap_cause.ts";

/**
 * Where the time goes in which a thread of a guest is runnable in the guest and does not run, in exclusive parts.
 *
 * | part | meanwhile |
 * | --- | --- |
 * | `guest_queued` | the vCPU ran on a CPU of the host: the thread waited in the guest's own run queue |
 * | `vcpu_preempted` | the vCPU's thread was runnable on the host, and on its CPU ran the thread that had displaced it |
 * | `vcpu_queued` | it was runnable on the host, and on its CPU ran somebody else |
 * | `vcpu_throttled` | it was runnable on the host, and its group's bandwidth (`cpu.max`) was used up |
 * | `vcpu_forced_idle` | it was runnable on the host, and core scheduling kept it from its CPU |
 * | `vcpu_migrated` | it was runnable on the host, and being moved |
 * | `vcpu_waking` | it had been woken on the host, and its CPU was still idle |
 * | `vcpu_irq` | it was on a CPU of the host, which handled a hard interrupt |
 * | `vcpu_softirq` | it was on a CPU of the host, which ran softirqs |
 * | `vcpu_offline` | its CPU of the host was gone, or the vCPU had no thread (unplugged, not started yet) |
 * | `vcpu_halted` | the vCPU's thread slept on the host, and the guest had nobody on that CPU (or does not tell) |
 * | `vcpu_blocked` | the vCPU's thread slept on the host although the guest had somebody on that CPU: the hypervisor was at work (an exit to user space, a lock, a page) |
 * | `unknown` | the host's trace does not tell what the vCPU did |
 *
 * The causes are those of `GAP_CAUSES`, as `gaps` finds them for the vCPU's thread in the host's trace.
 */
export const GUEST_WAIT_PARTS = [
  "guest_queued",
  "vcpu_preempted",
  "vcpu_queued",
  "vcpu_throttled",
  "vcpu_forced_idle",
  "vcpu_migrated",
  "vcpu_waking",
  "vcpu_irq",
  "vcpu_softirq",
  "vcpu_offline",
  "vcpu_halted",
  "vcpu_blocked",
  "unknown",
] as const;

/** One of {@linkcode GUEST_WAIT_PARTS}. */
export type GuestWaitPart = typeof GUEST_WAIT_PARTS[number];

/** Index of each part in {@linkcode GUEST_WAIT_PARTS}. */
export const PART: Readonly<Record<GuestWaitPart, number>> = Object.fromEntries(
  GUEST_WAIT_PARTS.map((part, i) => [part, i]),
) as Record<GuestWaitPart, number>;

/** Number of {@linkcode GUEST_WAIT_PARTS}. */
export const PARTS: number = GUEST_WAIT_PARTS.length;

/** Whether a part is time in which the vCPU wanted to run on the host and did not. */
export function isVcpuWait(part: number): boolean {
  return part >= PART.vcpu_preempted && part <= PART.vcpu_offline;
}

/** The part that each cause of `GAP_CAUSES` of the vCPU's thread is; that of `asleep` is decided by what the guest had on the CPU. */
export const PART_OF_CAUSE: Uint8Array = (() => {
  const of = new Uint8Array(GAP_CAUSES.length).fill(PART.unknown);
  of[CAUSE.preempted] = PART.vcpu_preempted;
  of[CAUSE.queued] = PART.vcpu_queued;
  of[CAUSE.throttled] = PART.vcpu_throttled;
  of[CAUSE["forced idle"]] = PART.vcpu_forced_idle;
  of[CAUSE.migrated] = PART.vcpu_migrated;
  of[CAUSE.waking] = PART.vcpu_waking;
  of[CAUSE.irq] = PART.vcpu_irq;
  of[CAUSE.softirq] = PART.vcpu_softirq;
  of[CAUSE.offline] = PART.vcpu_offline;
  of[CAUSE.asleep] = PART.vcpu_halted;
  of[CAUSE["nothing scheduled"]] = PART.guest_queued;
  return of;
})();
