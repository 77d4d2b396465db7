import type { MachineFiles } from "../../bench/fingerprint.ts";

/** What a fingerprint and the accounts of a run read of a machine. */
const FILES = [
  "/proc/sys/kernel/osrelease",
  "/proc/version",
  "/proc/cpuinfo",
  "/proc/cmdline",
  "/proc/self/status",
  "/proc/self/cgroup",
  "/proc/sys/kernel/sched_autogroup_enabled",
  "/proc/sys/kernel/sched_rt_runtime_us",
  "/sys/devices/system/cpu/online",
  "/sys/devices/system/cpu/smt/control",
  "/sys/devices/system/clocksource/clocksource0/current_clocksource",
  "/sys/devices/system/clocksource/clocksource0/available_clocksource",
  "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
  "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver",
  "/sys/devices/system/cpu/cpuidle/current_driver",
  "/sys/devices/system/cpu/vulnerabilities/*",
  "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list",
  "/sys/hypervisor/type",
  "/sys/kernel/debug/sched/features",
  "/sys/kernel/debug/sched/preempt",
  "/sys/kernel/debug/sched/base_slice_ns",
  "/sys/kernel/sched_ext/state",
  "/sys/kernel/sched_ext/root/ops",
  "/sys/fs/cgroup/cpu.max",
];

/** A script that prints the files of a guest of which its fingerprint is made, each line after its file's name: one program for all. */
export const guestFilesScript: string = `grep -Hs '' ${FILES.join(" ")}; true`;

/** The files that {@linkcode guestFilesScript} printed; `config` is the kernel's configuration, where it is known. */
export function guestFiles(text: string, config?: ReadonlyMap<string, string>): MachineFiles {
  const files = new Map<string, string>();
  for (const line of text.split("\n")) {
    const end = line.indexOf(":"); // none of the names has one
    if (end < 0) continue;
    const path = line.slice(0, end), before = files.get(path);
    files.set(path, before === undefined ? line.slice(end + 1) : `${before}\n${line.slice(end + 1)}`);
  }
  const lines = [...config ?? []].map(([name, value]) =>
    value === "n" ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`
  );
  return {
    arch: "x86_64",
    read: (path) => files.get(path)?.trim() ?? null,
    list(directory) {
      const names = [...files.keys()].filter((path) => path.startsWith(`${directory}/`));
      return names.length === 0 ? null : names.map((path) => path.slice(directory.length + 1));
    },
    config: () => Promise.resolve(new Set(lines)),
  };
}
