/**
 * What a measurement depends on besides what is being measured. Two results compare only if these agree; what the machine does not
 * tell is null.
 */
export interface Fingerprint {
  /** Kernel release, as `uname -r`. */
  kernel: string | null;
  /** Kernel version, as in /proc/version. */
  kernel_version: string | null;
  /** Architecture. */
  arch: string;
  /** CPU model. */
  cpu_model: string | null;
  /** CPUs that are online, as a list: `"0-3"`. */
  cpus_online: string | null;
  /** CPUs that this process may use. */
  cpus_allowed: string | null;
  /** Timer interrupts per second, from the kernel's configuration. */
  hz: number | null;
  /** Preemption model: that in force, else that configured. */
  preempt: string | null;
  /** Scheduler features that are on, from debugfs. */
  sched_features: string[] | null;
  /** Base slice of the fair class, ns. */
  base_slice: number | null;
  /** Loaded sched_ext scheduler; `"none"` where the kernel has sched_ext and none is loaded. */
  sched_ext: string | null;
  /** Whether the kernel can schedule by core (CONFIG_SCHED_CORE). */
  sched_core: boolean | null;
  /** Whether automatic grouping of tasks by session is on. */
  autogroup: boolean | null;
  /** Share of a second that realtime tasks may use, us of `/proc/sys/kernel/sched_rt_period_us`. */
  rt_runtime_us: number | null;
  /** Hyperthreading: `on`, `off`, `notsupported`, ... */
  smt: string | null;
  /** Vulnerabilities and what is done about them. */
  mitigations: Record<string, string> | null;
  /** The kernel's clock source. */
  clocksource: string | null;
  /** How the cycle counter was calibrated. */
  tsc_method: string | null;
  /** `kvm`, `xen`, ...: `"yes"` if unknown; `"none"` on bare metal. */
  hypervisor: string | null;
  /** cgroup v2 cpu.max or v1 quota of this process, `"max"` for none. */
  cpu_quota: string | null;
  /** Frequency governor of CPU 0. */
  governor: string | null;
  /** Frequency driver of CPU 0. */
  cpufreq_driver: string | null;
  /** Driver of idle states. */
  cpuidle_driver: string | null;
  /** Kernel command line. */
  cmdline: string | null;
}

/** Where {@linkcode fingerprint} looks: this machine's files, or those of a guest. */
export interface MachineFiles {
  /** A file's text without blanks around it; null where it is absent, or not for us. */
  read(path: string): string | null;
  /** The names in a directory; null where it is absent, or not for us. */
  list(directory: string): string[] | null;
  /** The lines of the configuration of the kernel `release`; empty where it cannot be had. */
  config(release: string | null): Promise<Set<string>>;
  /** Architecture, as `Deno.build.arch`. */
  readonly arch: string;
}

/** The files of the machine that this runs on. */
export const thisMachine: MachineFiles = {
  arch: Deno.build.arch,
  read(path) {
    try {
      return Deno.readTextFileSync(path).trim();
    } catch {
      return null; // absent, or not for us: the field stays null
    }
  },
  list(directory) {
    try {
      return [...Deno.readDirSync(directory)].map((entry) => entry.name);
    } catch {
      return null;
    }
  },
  async config(release) {
    const plain = release && thisMachine.read(`/boot/config-${release}`);
    if (plain) return new Set(plain.split("\n"));
    try {
      using file = await Deno.open("/proc/config.gz");
      const text = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
      return new Set(text.split("\n"));
    } catch {
      return new Set();
    }
  },
};

type Read = MachineFiles["read"];

function preemption(read: Read, config: Set<string>): string | null {
  // With dynamic preemption debugfs marks the model in force: "none voluntary (full) lazy".
  const inForce = read("/sys/kernel/debug/sched/preempt")?.match(/\((\w+)\)/)?.[1];
  if (inForce) return inForce;
  for (const model of ["RT", "LAZY", "VOLUNTARY", "NONE"]) {
    if (config.has(`CONFIG_PREEMPT_${model}=y`)) return model.toLowerCase();
  }
  return config.has("CONFIG_PREEMPT=y") ? "full" : null;
}

function mitigations({ read, list }: MachineFiles): Record<string, string> | null {
  const directory = "/sys/devices/system/cpu/vulnerabilities";
  const names = list(directory)?.sort();
  if (names === undefined) return null;
  return Object.fromEntries(names.map((name) => [name, read(`${directory}/${name}`) ?? "unreadable"]));
}

function hypervisor(read: Read, cpuinfo: string): string | null {
  const type = read("/sys/hypervisor/type");
  if (type) return type;
  if (!cpuinfo) return null;
  if (!/^flags\s*:.*\bhypervisor\b/m.test(cpuinfo)) return /^flags\s*:/m.test(cpuinfo) ? "none" : null;
  const clocks = read("/sys/devices/system/clocksource/clocksource0/available_clocksource") ?? "";
  return clocks.includes("kvm")
    ? "kvm"
    : clocks.includes("hyperv")
    ? "hyperv"
    : clocks.includes("xen")
    ? "xen"
    : "yes";
}

function quota(read: Read): string | null {
  const groups = read("/proc/self/cgroup") ?? "";
  const v2 = groups.match(/^0::(\S*)$/m)?.[1];
  for (const root of ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]) {
    const max = v2 === undefined ? null : read(`${root}${v2}/cpu.max`);
    if (max) return max.startsWith("max") ? "max" : max;
  }
  const v1 = groups.match(/^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\S*)$/m)?.[1];
  const given = v1 === undefined ? null : read(`/sys/fs/cgroup/cpu${v1}/cpu.cfs_quota_us`);
  if (given) {
    return Number(given) < 0 ? "max" : `${given} ${read(`/sys/fs/cgroup/cpu${v1}/cpu.cfs_period_us`)}`;
  }
  return v2 === undefined ? null : "max"; // the root group has no file because it has no limit
}

function schedExt(read: Read): string | null {
  const state = read("/sys/kernel/sched_ext/state");
  if (state === null) return null;
  return state === "enabled" ? read("/sys/kernel/sched_ext/root/ops") ?? "unnamed" : "none";
}

const number = (text: string | null) => text === null || text === "" ? null : Number(text);

/**
 * The fingerprint of this machine now, or of that whose files are given; `tscMethod` is how the cycle counter was calibrated, if it
 * was.
 */
export async function fingerprint(
  tscMethod: string | null = null,
  files: MachineFiles = thisMachine,
): Promise<Fingerprint> {
  const { read } = files;
  const release = read("/proc/sys/kernel/osrelease");
  const config = await files.config(release);
  const cpuinfo = read("/proc/cpuinfo") ?? "";
  const hz = [...config].find((line) => /^CONFIG_HZ=\d+$/.test(line));
  const autogroup = read("/proc/sys/kernel/sched_autogroup_enabled");
  const features = read("/sys/kernel/debug/sched/features");
  return {
    kernel: release,
    kernel_version: read("/proc/version"),
    arch: files.arch,
    cpu_model: cpuinfo.match(/^model name\s*:\s*(.*)$/m)?.[1] ?? null,
    cpus_online: read("/sys/devices/system/cpu/online"),
    cpus_allowed: read("/proc/self/status")?.match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1] ?? null,
    hz: hz ? Number(hz.slice("CONFIG_HZ=".length)) : null,
    preempt: preemption(read, config),
    sched_features: features?.split(/\s+/).filter((name) => !name.startsWith("NO_")).sort() ?? null,
    base_slice: number(read("/sys/kernel/debug/sched/base_slice_ns")),
    sched_ext: schedExt(read),
    sched_core: config.size ? config.has("CONFIG_SCHED_CORE=y") : null,
    autogroup: autogroup === null ? null : autogroup === "1",
    rt_runtime_us: number(read("/proc/sys/kernel/sched_rt_runtime_us")),
    smt: read("/sys/devices/system/cpu/smt/control"),
    mitigations: mitigations(files),
    clocksource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    tsc_method: tscMethod,
    hypervisor: hypervisor(read, cpuinfo),
    cpu_quota: quota(read),
    governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    cpufreq_driver: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver"),
    cpuidle_driver: read("/sys/devices/system/cpu/cpuidle/current_driver"),
    cmdline: read("/proc/cmdline"),
  };
}
