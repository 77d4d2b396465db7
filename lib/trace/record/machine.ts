import { parseCpuList } from "../cpu_list.ts";
import type { TraceHost, TraceTopology } from "../trace.ts";

/** What a recording says of the machine it was made on. */
export interface Machine {
  readonly host: TraceHost;
  readonly topology: TraceTopology;
  readonly online: readonly number[];
  readonly possible: readonly number[];
  /** Bytes of a page of memory. */
  readonly pageSize: number;
  readonly littleEndian: boolean;
}

type ReadText = (path: string) => string;

/**
 * Looks at this machine through /proc and /sys, or at another one through `read`, which gives a file's text without blanks around it
 * and "" where it is not there; its `arch`, `pageSize` and `littleEndian` are not in files.
 */
export function lookAtMachine(read: ReadText = readHere): Machine {
  const online = parseCpuList(read("/sys/devices/system/cpu/online"));
  const possible = parseCpuList(read("/sys/devices/system/cpu/possible"));
  const cpu = /^(?:model name|Model|cpu model)\s*:\s*(.+)$/m.exec(read("/proc/cpuinfo"))?.[1];
  const kilobytes = /^MemTotal:\s*(\d+)/m.exec(read("/proc/meminfo"))?.[1];
  const pageSize = Number(/^KernelPageSize:\s*(\d+)/m.exec(read("/proc/self/smaps"))?.[1] ?? 4) * 1024;
  return {
    host: {
      hostname: read("/proc/sys/kernel/hostname"),
      release: read("/proc/sys/kernel/osrelease"),
      arch: Deno.build.arch,
      ...(cpu === undefined ? {} : { cpu: cpu.trim() }),
      cpusOnline: online.length,
      cpusAvailable: possible.length,
      ...(kilobytes === undefined ? {} : { memory: Number(kilobytes) * 1024 }),
    },
    topology: {
      packages: siblings(read, online, ["package_cpus_list", "core_siblings_list"]),
      cores: siblings(read, online, ["core_cpus_list", "thread_siblings_list"]),
      ...found("caches", lastLevelCaches(read, online)),
      ...found("nodes", nodes(read)),
    },
    online,
    possible,
    pageSize,
    littleEndian: new Uint8Array(Uint16Array.of(1).buffer)[0] === 1,
  };
}

/** Different lists of the CPUs that share what the first of `files` that is there tells of. */
function siblings(read: ReadText, online: readonly number[], files: readonly string[]): number[][] {
  const lists = new Map<string, number[]>();
  for (const cpu of online) {
    const text = files.map((file) => read(`/sys/devices/system/cpu/cpu${cpu}/topology/${file}`)).find((
      list,
    ) => list !== "");
    if (text !== undefined) lists.set(text, parseCpuList(text));
  }
  return [...lists.values()];
}

/** The CPUs of each cache of the highest level. */
function lastLevelCaches(read: ReadText, online: readonly number[]): number[][] {
  const lists = new Map<string, number[]>();
  let highest = 0;
  for (const cpu of online) {
    for (let index = 0;; index++) {
      const cache = `/sys/devices/system/cpu/cpu${cpu}/cache/index${index}`;
      const level = Number(read(`${cache}/level`));
      if (!(level > 0)) break;
      if (level < highest || read(`${cache}/type`) === "Instruction") continue;
      if (level > highest) lists.clear();
      highest = level;
      const text = read(`${cache}/shared_cpu_list`);
      if (text !== "") lists.set(text, parseCpuList(text));
    }
  }
  return [...lists.values()];
}

/** The CPUs of each NUMA node that has some. */
function nodes(read: ReadText): number[][] {
  return parseCpuList(read("/sys/devices/system/node/has_cpu")).map((node) =>
    parseCpuList(read(`/sys/devices/system/node/node${node}/cpulist`))
  ).filter((cpus) => cpus.length > 0);
}

/** `{ [name]: lists }`, or nothing where there are none. */
function found<N extends string>(name: N, lists: number[][]): { [K in N]?: number[][] } {
  return lists.length === 0 ? {} : { [name]: lists } as { [K in N]: number[][] };
}

function readHere(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "";
  }
}
