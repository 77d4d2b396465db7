import { parseCpuList } from "../trace/cpu_list.ts";

/** The CPUs that this process may use. */
export function allowedCpus(): number[] {
  const list = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1];
  if (!list) throw new Error("/proc/self/status has no line Cpus_allowed_list");
  return parseCpuList(list);
}
