import type { WakeSource } from "./wake_source.ts";

/** Whether the thread in whose context a wakeup was made is who made it. */
export function isFollowed(source: WakeSource, softirqs: boolean): boolean {
  return source === "task" || source === "new" || (softirqs && source === "softirq");
}
