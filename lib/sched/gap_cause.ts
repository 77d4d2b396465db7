/**
 * The exclusive causes of a gap, in the order in which they are tabled.
 *
 * | cause | the thread |
 * | --- | --- |
 * | `preempted` | was runnable, and on its CPU ran the thread that had displaced it |
 * | `queued` | was runnable, and on its CPU ran somebody else; or the trace lacks the switch and schedstat says that it waited in a queue |
 * | `throttled` | was runnable since it lost its CPU, and that CPU idled, so that its group's bandwidth (`cpu.max`, `cfs_quota_us`) or the real-time one was used up; also the time before that in the same wait, whoever ran. Where the CPU never idled meanwhile, a throttled thread cannot be told from a `queued` one |
 * | `forced idle` | was runnable, its CPU idled, and a sibling of the core ran somebody whom core scheduling keeps it apart from, or, where cookies are known, was about to: the kernel decides for all of the core at once |
 * | `migrated` | was runnable and being moved: the stopper (`migration/N`) ran, or its new CPU had not switched to it yet |
 * | `waking` | was woken, or its core was free for it again, and its CPU was still idle: the wake-up was on the way (IPI, exit from idle, or the hypervisor) |
 * | `asleep` | did not ask to run: blocked, or its timer came late |
 * | `irq` | was on its CPU, which handled a hard interrupt |
 * | `softirq` | was on its CPU, which ran softirqs |
 * | `steal` | was on its CPU, and the kernel's steal time grew: the hypervisor ran something else |
 * | `offline` | was runnable, and its CPU was being unplugged or was gone |
 * | `nothing scheduled` | was on its CPU, and no recorded event explains why it stood still: an untraced interrupt, the hypervisor, or the firmware |
 * | `unknown` | the trace has a hole, or does not reach there |
 */
export const GAP_CAUSES = [
  "preempted",
  "queued",
  "throttled",
  "forced idle",
  "migrated",
  "waking",
  "asleep",
  "irq",
  "softirq",
  "steal",
  "offline",
  "nothing scheduled",
  "unknown",
] as const;

/** One of {@linkcode GAP_CAUSES}. */
export type GapCause = typeof GAP_CAUSES[number];

/** Index of each cause in {@linkcode GAP_CAUSES}. */
export const CAUSE: Readonly<Record<GapCause, number>> = Object.fromEntries(
  GAP_CAUSES.map((cause, i) => [cause, i]),
) as Record<GapCause, number>;

/** The column of a ledger that has each cause's ns, in the order of {@linkcode GAP_CAUSES}. */
export const CAUSE_COLUMNS = [
  "preempted",
  "queued",
  "throttled",
  "forced_idle",
  "migrated",
  "waking",
  "asleep",
  "irq",
  "softirq",
  "steal",
  "offline",
  "nothing",
  "unknown",
] as const;

/** The scheduling class of whoever ran instead, from `next_prio` and the name (`migration/N` is the stop class). */
export type SchedClass = "stop" | "deadline" | "rt" | "fair" | "idle" | "";

/** The class of a thread called `comm` with the kernel's priority `prio` (-1 deadline, 0 to 99 rt, 100 to 139 fair; less is not known). */
export function schedClass(comm: string, prio: number, tid: number): SchedClass {
  if (tid === 0) return "idle";
  if (/^migration\/\d+$/.test(comm)) return "stop";
  if (prio < -1) return "";
  if (prio < 0) return "deadline";
  return prio < 100 ? "rt" : "fair";
}
