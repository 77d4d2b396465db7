import { parseCpuList } from "../../trace/cpu_list.ts";
import { VmError } from "../errors.ts";
import type { Pinning, Vcpu } from "./guest.ts";
import { hostCores, type Placement, placeVcpus } from "./host_cores.ts";
import type { GuestOptions } from "./options.ts";
import type { Qmp } from "./qmp.ts";

/** What `query-cpus-fast` says of a vCPU. */
interface CpuInfo {
  readonly "cpu-index": number;
  readonly "thread-id": number;
  readonly props?: { readonly "core-id"?: number; readonly "thread-id"?: number };
}

/** The vCPUs and where they are. */
export interface PlacedVcpus {
  readonly vcpus: readonly Vcpu[];
  readonly pinning: Pinning;
}

/**
 * Asks QEMU (process `pid`) for the threads of its vCPUs, pins them as `options` want and reads back where they may run. Throws a
 * {@linkcode VmError} where a thread may then run elsewhere than it was pinned to.
 */
export async function pinVcpus(
  qmp: Qmp,
  pid: number,
  options: Pick<GuestOptions, "pin" | "cores" | "threads">,
  signal?: AbortSignal,
): Promise<PlacedVcpus> {
  const infos = await qmp.execute<CpuInfo[]>("query-cpus-fast", {}, signal ? { signal } : {});
  const { cores = 2, threads = 2 } = options;
  const placement = placementOf(options.pin ?? "auto", infos, cores, threads);
  const { cpus } = placement;
  await Promise.all(cpus.map((cpu, index) => pin(infos[index]!["thread-id"], cpu)));
  const vcpus = infos.map((info): Vcpu => ({
    index: info["cpu-index"],
    core: info.props?.["core-id"] ?? Math.floor(info["cpu-index"] / threads),
    thread: info.props?.["thread-id"] ?? info["cpu-index"] % threads,
    tid: info["thread-id"],
    cpus: allowedOf(pid, info["thread-id"]),
  }));
  for (const [index, cpu] of cpus.entries()) {
    const found = vcpus[index]!.cpus;
    if (found.length !== 1 || found[0] !== cpu) {
      throw new VmError(
        `vCPU ${index} was pinned to CPU ${cpu} and may run on ${
          found.join(",")
        }: something else sets its affinity`,
      );
    }
  }
  return { vcpus, pinning: { kind: placement.kind, reason: placement.reason } };
}

function placementOf(
  pin: NonNullable<GuestOptions["pin"]>,
  infos: readonly CpuInfo[],
  cores: number,
  threads: number,
): Placement {
  if (pin === false) return { kind: "none", cpus: [], reason: "not pinned: not wanted" };
  if (infos.length > 1 && new Set(infos.map((info) => info["thread-id"])).size < infos.length) {
    return { kind: "none", cpus: [], reason: "not pinned: one thread of QEMU runs all vCPUs in turn" };
  }
  if (pin === "auto") return placeVcpus(hostCores(), cores, threads);
  if (pin.length !== infos.length) {
    throw new VmError(`pin has ${pin.length} CPUs of the host for ${infos.length} vCPUs; give one for each`);
  }
  return { kind: "given", cpus: pin, reason: "pinned as asked for" };
}

async function pin(tid: number, cpu: number): Promise<void> {
  const { success, stderr } = await new Deno.Command("taskset", {
    args: ["-p", "-c", String(cpu), String(tid)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new VmError(
      `A vCPU could not be pinned to CPU ${cpu} of the host: ${new TextDecoder().decode(stderr).trim()}`,
    );
  }
}

/** CPUs of the host on which thread `tid` of process `pid` may run. */
function allowedOf(pid: number, tid: number): number[] {
  const status = Deno.readTextFileSync(`/proc/${pid}/task/${tid}/status`);
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "");
}
