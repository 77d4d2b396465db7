import { parseCpuList } from "../trace/cpu_list.ts";
import { MachineLacksError } from "../trace/record/errors.ts";

/**
 * The hardware threads of the core of which `cpu` is one; `root` is for a tree taken elsewhere. Throws a `MachineLacksError` where
 * there is no such CPU, or its core has no other hardware thread (no SMT, or off).
 */
export function coreSiblings(cpu: number, root = "/sys/devices/system/cpu"): number[] {
  let list: string;
  try {
    list = Deno.readTextFileSync(`${root}/cpu${cpu}/topology/thread_siblings_list`);
  } catch (cause) {
    throw new MachineLacksError(
      "cpu",
      `CPU ${cpu} is not there or not online`,
      `name one of ${onlineCpus(root)}`,
      { cause },
    );
  }
  const siblings = parseCpuList(list.trim());
  if (siblings.length < 2) {
    throw new MachineLacksError(
      "SMT",
      `the core of CPU ${cpu} has no other hardware thread`,
      "take the CPUs of several cores (--cpus)",
    );
  }
  return siblings;
}

function onlineCpus(root: string): string {
  try {
    return Deno.readTextFileSync(`${root}/online`).trim();
  } catch {
    return "/sys/devices/system/cpu/online";
  }
}
