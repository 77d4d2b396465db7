/**
 * What sched_yield() of the fair class does on a kernel, by its release (`uname -r`), in words. A round that yields costs something
 * else on each: at a low weight reflex tests this before all.
 *
 * Sources: kernel/sched/fair.c, yield_task_fair(); commits 147f3efaa241 (6.6), 79104becf42b (6.19, stable 6.12 and 6.6 later).
 */
export function yieldSemantics(release: string | null): string {
  const [, major, minor] = release?.match(/^(\d+)\.(\d+)/) ?? [];
  if (major === undefined) return "the kernel's release is not known";
  const version = Number(major) * 1000 + Number(minor);
  if (version < 2005) return "before 2.6: schedule() only where something else was pending";
  if (version < 2006 || (version === 2006 && Number(release!.split(".")[2]?.match(/^\d+/)?.[0] ?? 0) < 23)) {
    return "O(1): the thread goes to the expired array, behind all others";
  }
  if (version < 6006) {
    return "CFS: passed over once (skip buddy), the virtual runtime stays; alone it returns at once";
  }
  if (version < 6019) {
    return "EEVDF: the deadline moves back by a slice, and in stable releases since December 2025 the virtual runtime is forfeited too";
  }
  return "EEVDF: the virtual runtime is forfeited up to the deadline if eligible, and the deadline moves back by a slice";
}
