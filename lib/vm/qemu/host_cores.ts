import { parseCpuList } from "../../trace/cpu_list.ts";
import type { Pinning } from "./guest.ts";

/** CPUs of the host for the vCPUs of a guest. */
export interface Placement extends Pinning {
  /** CPU of the host of each vCPU; empty where they are not pinned. */
  readonly cpus: readonly number[];
}

/** Where to read what the host is made of; for trees taken elsewhere. */
export interface HostCoreOptions {
  /** Default `/sys/devices/system/cpu`. */
  readonly root?: string;
  /** CPUs that this process may use. Default those of `/proc/self/status`. */
  readonly allowed?: readonly number[];
}

/**
 * The cores of the host: the CPUs of each that are online and that this process may use, ascending; the core of CPU 0 last, since
 * most interrupts and much of the kernel's own work are there.
 */
export function hostCores(options: HostCoreOptions = {}): number[][] {
  const { root = "/sys/devices/system/cpu", allowed = allowedCpus() } = options;
  const usable = new Set(allowed);
  const online = readList(`${root}/online`) ?? [...usable];
  const cores = new Map<number, number[]>();
  for (const cpu of online) {
    const siblings = readList(`${root}/cpu${cpu}/topology/thread_siblings_list`) ?? [cpu];
    const core = Math.min(...siblings, cpu);
    if (!cores.has(core)) cores.set(core, []);
    if (usable.has(cpu)) cores.get(core)!.push(cpu);
  }
  const ordered = [...cores].sort(([x], [y]) => x - y);
  const first = ordered.filter(([core]) => core === 0);
  return [...ordered.filter(([core]) => core !== 0), ...first].map(([, cpus]) => cpus).filter((cpus) =>
    cpus.length > 0
  );
}

/**
 * CPUs for a guest of `cores` times `threads` vCPUs among the host's cores as {@linkcode hostCores} orders them: core on core where
 * there are enough with as many threads, else a CPU for each vCPU, else none: two vCPUs on one CPU would wait for one another.
 */
export function placeVcpus(hosts: readonly (readonly number[])[], cores: number, threads: number): Placement {
  const wanted = cores * threads;
  const fitting = hosts.filter((host) => host.length >= threads);
  const all = hosts.flat();
  if (fitting.length >= cores) {
    const cpus = fitting.slice(0, cores).flatMap((host) => host.slice(0, threads));
    const shares = cpus.includes(0) ? ", that of CPU 0 among them, since there are no others" : "";
    return { kind: "cores", cpus, reason: `each core of the guest has a core of the host${shares}` };
  }
  const found = `the host has ${count(all.length, "CPU")} for it, in ${count(hosts.length, "core")}`;
  if (all.length >= wanted) {
    return {
      kind: "cpus",
      cpus: all.slice(0, wanted),
      reason:
        `each vCPU has a CPU of its own, but threads of a core are not on threads of a core: ${found}, and ` +
        `${count(cores, "core")} of ${count(threads, "thread")} would be needed`,
    };
  }
  return {
    kind: "none",
    cpus: [],
    reason: `not pinned, vCPUs compete for CPUs: ${found}, and ${wanted} would be needed`,
  };
}

/** CPUs that this process may use. */
function allowedCpus(): number[] {
  const status = Deno.readTextFileSync("/proc/self/status");
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "");
}

function readList(path: string): number[] | undefined {
  try {
    return parseCpuList(Deno.readTextFileSync(path).trim());
  } catch {
    return undefined;
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
