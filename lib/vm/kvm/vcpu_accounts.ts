import { count, DictColumn, Frame, ns } from "../../frame/mod.ts";
import { type GuestShell, shellText } from "../user/guest_shell.ts";
import type { KvmVcpuColumns } from "./kvm_result.ts";

/** A vCPU of an inner guest, as a thread of the outer one. */
export interface InnerVcpu {
  /** The inner guest. */
  readonly vm: number;
  /** Number of the vCPU in it. */
  readonly vcpu: number;
  /** Its thread in the outer guest. */
  readonly tid: number;
}

/** What the outer guest's kernel has accounted to one thread so far. */
export interface VcpuAccount {
  /** ns on a CPU. */
  readonly run: number;
  /** ns runnable and waiting. */
  readonly wait: number;
  /** Times that it got a CPU. */
  readonly slices: number;
  /** ns for which it forced a sibling to be idle; NaN where the kernel does not tell. */
  readonly forceidle: number;
  /** CPUs it may run on, as the kernel lists them. */
  readonly cpus: string;
}

/** Reads the accounts of threads of the outer guest, by thread; of one that is not there any more nothing. */
export async function readAccounts(
  shell: GuestShell,
  tids: readonly number[],
  signal?: AbortSignal,
): Promise<Map<number, VcpuAccount>> {
  const script = `for tid in ${tids.join(" ")}; do
  [ -e /proc/$tid/schedstat ] || continue
  echo "thread $tid"
  cat /proc/$tid/schedstat
  grep -E '^(Cpus_allowed_list|core_forceidle_sum)' /proc/$tid/status /proc/$tid/sched
done 2>/dev/null; true`;
  const text = await shellText(
    shell,
    "Reading the accounts of the vCPUs",
    script,
    signal === undefined ? {} : { signal },
  );
  return parseAccounts(text);
}

/** Reads what the script of {@linkcode readAccounts} prints. */
export function parseAccounts(text: string): Map<number, VcpuAccount> {
  const accounts = new Map<number, VcpuAccount>();
  for (const part of text.split(/^thread /m).slice(1)) {
    const found = /^(\d+)\n(\d+) (\d+) (\d+)\n/.exec(part);
    if (found === null) continue;
    const [tid, run, wait, slices] = found.slice(1).map(Number);
    // The kernel prints its nanoseconds as milliseconds with six digits behind the point.
    const forced = /core_forceidle_sum\s*:\s*(\d+)\.(\d{6})/.exec(part);
    accounts.set(tid!, {
      run: run!,
      wait: wait!,
      slices: slices!,
      forceidle: forced === null ? NaN : Number(forced[1]) * 1e6 + Number(forced[2]),
      cpus: /Cpus_allowed_list:\s*(\S+)/.exec(part)?.[1] ?? "",
    });
  }
  return accounts;
}

/** What was accounted to `vcpus` between two readings; a row for each that is in both. */
export function vcpuFrame(
  vcpus: readonly InnerVcpu[],
  before: ReadonlyMap<number, VcpuAccount>,
  after: ReadonlyMap<number, VcpuAccount>,
  cookies: ReadonlyMap<number, string>,
): Frame<KvmVcpuColumns> {
  const rows = vcpus.filter(({ tid }) => before.has(tid) && after.has(tid));
  const spent = (name: "run" | "wait" | "slices" | "forceidle") =>
    Float64Array.from(rows, ({ tid }) => after.get(tid)![name] - before.get(tid)![name]);
  return new Frame<KvmVcpuColumns>({
    vm: DictColumn.from(rows.map(({ vm }) => `${vm}`)),
    vcpu: Int32Array.from(rows, ({ vcpu }) => vcpu),
    tid: Int32Array.from(rows, ({ tid }) => tid),
    cookie: DictColumn.from(rows.map(({ tid }) => cookies.get(tid) ?? "")),
    cpus: DictColumn.from(rows.map(({ tid }) => after.get(tid)!.cpus)),
    run: ns(spent("run")),
    wait: ns(spent("wait")),
    slices: count(spent("slices")),
    forceidle: ns(spent("forceidle")),
  });
}
