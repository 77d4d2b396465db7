import { lookAtMachine, type Machine } from "../../trace/record/machine.ts";
import { parseCpuList } from "../../trace/cpu_list.ts";
import type { Connection } from "./connection.ts";
import { pull } from "./files.ts";

/** Files that tell what a CPU shares, for `lookAtMachine`. */
const SHARED = ["package_cpus_list", "core_siblings_list", "core_cpus_list", "thread_siblings_list"];

/** What the guest's trace says of it: as `lookAtMachine` tells of this machine. */
export async function lookAtGuest(connection: Connection, signal: AbortSignal): Promise<Machine> {
  const { pageSize, machine } = await connection.hello;
  const found = new Map<string, string>();
  const look = async (path: string) => {
    try {
      found.set(path, new TextDecoder().decode(await pull(connection, path, { signal })).trim());
    } catch {
      // What a guest does not tell is not told by its trace either. An abort ends the next request too.
    }
  };
  await Promise.all([
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/sys/devices/system/node/has_cpu",
  ].map(look));
  const online = parseCpuList(found.get("/sys/devices/system/cpu/online") ?? "");
  const nodes = parseCpuList(found.get("/sys/devices/system/node/has_cpu") ?? "");
  await Promise.all([
    ...online.flatMap((cpu) => [
      ...SHARED.map((name) => `/sys/devices/system/cpu/cpu${cpu}/topology/${name}`),
      ...[0, 1, 2, 3, 4].flatMap((index) =>
        ["level", "type", "shared_cpu_list"].map((name) =>
          `/sys/devices/system/cpu/cpu${cpu}/cache/index${index}/${name}`
        )
      ),
    ]),
    ...nodes.map((node) => `/sys/devices/system/node/node${node}/cpulist`),
  ].map(look));
  signal.throwIfAborted();
  const looked = lookAtMachine((path) => found.get(path) ?? "");
  return { ...looked, host: { ...looked.host, arch: machine }, pageSize, littleEndian: true };
}
