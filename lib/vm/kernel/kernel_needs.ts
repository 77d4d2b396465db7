import type { KernelTarget } from "./kernel_lacks.ts";

/** An option that a target needs, and what its absence costs. */
export interface KernelNeed {
  /** Names without `CONFIG_`; any one of them is enough. */
  readonly options: readonly string[];
  /** The least target that needs it. */
  readonly target: KernelTarget;
  /** Targets that cannot run without it. Default: none. */
  readonly fatal?: readonly KernelTarget[];
  /** What does not work, or works otherwise, without it. */
  readonly cost: string;
  /** First release that has the option. Default: all have it. */
  readonly since?: string;
  /** First release that has it no more, as what it did is always there. Default: none. */
  readonly until?: string;
}

const ALL = ["boot", "user", "kvm"] as const;

/** What guests need of a kernel. */
export const KERNEL_NEEDS: readonly KernelNeed[] = [
  {
    options: ["BLK_DEV_INITRD"],
    target: "boot",
    fatal: ALL,
    cost: "it takes no initial RAM disk, and a guest has nothing else to start from",
  },
  { options: ["BINFMT_ELF"], target: "boot", fatal: ALL, cost: "it runs no programs" },
  {
    options: ["BINFMT_SCRIPT"],
    target: "boot",
    fatal: ALL,
    cost: "it cannot start /init, which is a script",
  },
  {
    options: ["SERIAL_8250_CONSOLE"],
    target: "boot",
    fatal: ALL,
    cost: "it has no console on the serial line, so neither its start nor a panic can be seen",
  },
  { options: ["PRINTK"], target: "boot", fatal: ALL, cost: "it prints nothing, so a panic cannot be seen" },
  {
    options: ["PROC_FS"],
    target: "boot",
    fatal: ALL,
    cost: "there is no /proc: nothing can be seen or set in it",
  },
  {
    options: ["SYSFS"],
    target: "boot",
    fatal: ALL,
    cost: "there is no /sys, where the channel to the host and the CPUs' topology are found",
  },
  {
    options: ["DEVTMPFS"],
    target: "boot",
    fatal: ALL,
    cost: "there is no device file for the channel to the host",
  },
  {
    options: ["VIRTIO_PCI"],
    target: "boot",
    fatal: ALL,
    cost: "it sees no virtio device: no command runs in it and no trace comes out",
  },
  {
    options: ["VIRTIO_CONSOLE"],
    target: "boot",
    fatal: ALL,
    cost: "there is no channel to the host: no command runs in it and no trace comes out",
  },
  {
    options: ["ACPI"],
    target: "boot",
    cost: "it cannot switch itself off, and must be ended from outside; its CPUs may have no threads",
  },
  {
    options: ["TMPFS"],
    target: "boot",
    cost: "files in it have no limit but its memory",
  },
  {
    options: ["PVH"],
    target: "boot",
    since: "4.21",
    cost: "QEMU cannot start it directly, and its start takes half a second longer under emulation",
  },
  {
    options: ["KVM_GUEST"],
    target: "boot",
    cost: "under KVM it does not know of time that the host takes away (steal), and its clock is slower",
  },
  {
    options: ["SMP"],
    target: "user",
    fatal: ["user", "kvm"],
    cost: "it uses one CPU only",
  },
  { options: ["FUTEX"], target: "user", fatal: ["user", "kvm"], cost: "programs with threads do not run" },
  {
    options: ["POSIX_TIMERS"],
    target: "user",
    fatal: ["user", "kvm"],
    cost: "programs cannot read the clocks that gaps are measured with",
  },
  {
    options: ["SCHED_SMT"],
    target: "user",
    cost: "it treats the threads of a core as cores, and has no core scheduling",
  },
  {
    options: ["SCHED_CORE"],
    target: "user",
    since: "5.14",
    cost: "there are no core-scheduling cookies: pairs are not isolated from one another",
  },
  {
    options: ["HIGH_RES_TIMERS"],
    target: "user",
    cost: "sleeps end at ticks only, and HRTICK has no effect: slices end at ticks, too",
  },
  {
    options: ["FAIR_GROUP_SCHED"],
    target: "user",
    cost: "there are no CPU groups, and so no cpu.tag and no cpu.scheduled",
  },
  {
    options: ["CPUSETS"],
    target: "user",
    cost: "groups cannot be bound to CPUs",
  },
  {
    options: ["EVENT_TRACING"],
    target: "user",
    cost: "there is no tracefs with events: gaps are found, but without a trace and without their cause",
  },
  { options: ["FTRACE_SYSCALLS"], target: "user", cost: "system calls are not in the trace" },
  {
    options: ["DEBUG_FS"],
    target: "user",
    cost: "slice, latency and features of the scheduler cannot be set (/sys/kernel/debug/sched)",
  },
  {
    options: ["SCHED_DEBUG"],
    target: "user",
    until: "6.15",
    cost: "slice, latency and features of the scheduler cannot be set, and /proc/PID/sched is missing",
  },
  {
    options: ["SCHEDSTATS"],
    target: "user",
    cost: "the kernel does not add up forced idle time (core_forceidle_sum) and has no sched_stat events",
  },
  {
    options: ["STACKTRACE"],
    target: "user",
    cost: "events have no kernel stacks",
  },
  {
    options: ["KALLSYMS"],
    target: "user",
    cost: "addresses in the trace have no names",
  },
  {
    options: ["KVM"],
    target: "kvm",
    fatal: ["kvm"],
    cost: "no guests run within it",
  },
  {
    options: ["KVM_AMD", "KVM_INTEL"],
    target: "kvm",
    fatal: ["kvm"],
    cost: "no guests run within it, as KVM has no driver for a processor",
  },
  {
    options: ["KVM_AMD"],
    target: "kvm",
    cost: "no guests run within it under emulation, which has AMD's virtualization only, nor on AMD hosts",
  },
  {
    options: ["KVM_INTEL"],
    target: "kvm",
    cost: "no guests run within it on Intel hosts",
  },
  {
    options: ["HWLAT_TRACER"],
    target: "kvm",
    fatal: ["kvm"],
    cost: "the guests within have no hwlat tracer, whose lines are what the target measures",
  },
  {
    options: ["UNIX"],
    target: "kvm",
    fatal: ["kvm"],
    cost: "QEMU within it cannot be controlled, as there are no local sockets",
  },
  {
    options: ["EVENTFD"],
    target: "kvm",
    fatal: ["kvm"],
    cost: "QEMU within it does not run",
  },
  {
    options: ["EPOLL"],
    target: "kvm",
    cost: "QEMU within it waits for its files more slowly",
  },
];
