import { VmError } from "../errors.ts";
import type { Accelerator } from "./guest.ts";
import type { GuestOptions } from "./options.ts";

/** Words of every guest's kernel command line. */
const CMDLINE = [
  // What the kernel and /init say comes to us; a panic resets at once, which QEMU tells as an event.
  "console=ttyS0",
  "quiet",
  "panic=-1",
  // A processor of AMD's with more than one CPU is taken for one with unsynchronised counters, which makes every reading of a clock
  // several times slower.
  "tsc=reliable",
  // The kernel's test of the timer counts ticks against its own delays, and panics where the host was busy with something else.
  "no_timer_check",
  // Core-scheduling cookies read as 0 until the kernel's random numbers are ready.
  "random.trust_cpu=on",
] as const;

/** The kernel's COMMAND_LINE_SIZE on x86, less its NUL. */
const LONGEST_CMDLINE = 2047;

/** The name of the port through which the agent is spoken to. */
export const AGENT_PORT = "org.schedscope.agent";

/** What a guest's QEMU is made of. */
export interface Machine {
  /** Arguments that make the guest what it is; the same ones for the guest that a snapshot is of and for those restored from it. */
  readonly machine: readonly string[];
  /** Arguments with the paths of the run directory. */
  readonly channels: readonly string[];
  /** Names of the ports, the agent's first, and their sockets. */
  readonly ports: readonly { readonly name: string; readonly socket: string }[];
}

/** Paths of the sockets that QEMU listens on. */
export interface MachineSockets {
  /** The path for the socket `name`. */
  (name: string): string;
}

/** The whole kernel command line of a guest. Throws a {@linkcode VmError} where it is longer than x86 kernels read. */
export function guestCmdline(options: Pick<GuestOptions, "cmdline">): string {
  const line = [...CMDLINE, ...(options.cmdline ? [options.cmdline.trim()] : [])].join(" ");
  const { length } = new TextEncoder().encode(line);
  if (length > LONGEST_CMDLINE) {
    throw new VmError(
      `The kernel reads ${LONGEST_CMDLINE} bytes of its command line and this one has ${length}`,
    );
  }
  return line;
}

/** QEMU's arguments for the guest that `options` ask for; `kernel` is what `-kernel` gets. */
export function machineOf(
  options: GuestOptions,
  kernel: string,
  accelerator: Pick<Accelerator, "kind" | "nested">,
  cpuModel: string,
  socket: MachineSockets,
): Machine {
  const { memory = 512, cores = 2, threads = 2, drives = [], nested = false } = options;
  const ports = [AGENT_PORT, ...(options.ports ?? [])].map((name, index) => ({
    name,
    socket: socket(`port${index}`),
  }));
  const machine = [
    ...[
      "-nodefaults",
      "-no-user-config",
      "-no-reboot",
      "-display",
      "none",
      "-name",
      "schedscope,debug-threads=on",
    ],
    ...["-machine", "q35", "-accel", accelOf(accelerator.kind, nested), "-cpu", cpuModel],
    ...["-smp", `${cores * threads},sockets=1,cores=${cores},threads=${threads}`, "-m", `${memory}M`],
    ...["-kernel", kernel, ...(options.initrd === undefined ? [] : ["-initrd", options.initrd])],
    ...["-append", guestCmdline(options)],
    ...["-device", `virtio-serial-pci,max_ports=${ports.length + 1}`],
    ...drives.flatMap(driveArguments),
    ...(options.arguments ?? []),
  ];
  const listen = (id: string, path: string) => [
    "-chardev",
    `socket,id=${id},path=${quoted(path)},server=on,wait=off`,
  ];
  const channels = [
    "-S",
    ...listen("qmp", socket("qmp")),
    ...["-mon", "chardev=qmp,mode=control"],
    ...listen("console", socket("console")),
    ...["-serial", "chardev:console"],
    ...ports.flatMap((port, index) => [
      ...listen(`port${index}`, port.socket),
      ...["-device", `virtserialport,chardev=port${index},nr=${index + 1},name=${quoted(port.name)}`],
    ]),
  ];
  return { machine, channels, ports };
}

/** `-accel`'s value: translated blocks of two kernels and QEMU itself need more room than QEMU gives them. */
function accelOf(kind: Accelerator["kind"], nested: boolean): string {
  if (kind === "kvm") return "kvm";
  return nested ? "tcg,thread=multi,tb-size=512" : "tcg,thread=multi";
}

function driveArguments(drive: NonNullable<GuestOptions["drives"]>[number], index: number): string[] {
  const { path, format = "raw", readOnly = false } = drive;
  return [
    "-drive",
    `if=none,id=drive${index},file=${quoted(path)},format=${format},readonly=${readOnly ? "on" : "off"}`,
    "-device",
    `virtio-blk-pci,drive=drive${index}`,
  ];
}

/** A value within a list of QEMU options: its commas are doubled. */
function quoted(value: string): string {
  return value.replaceAll(",", ",,");
}

/**
 * The processor that the guest sees, so that it sees which of its CPUs are threads of one core, and, with `nested`, can run guests
 * itself.
 *
 * | accelerator | nested | model | why |
 * |---|---|---|---|
 * | tcg | no | `max,vendor=GenuineIntel` | kernels before 6.9 read no thread siblings from QEMU's AMD processors |
 * | tcg | yes | `max,+svm` | TCG translates AMD's virtualisation and not Intel's |
 * | kvm, Intel | both | `host` | |
 * | kvm, AMD | both | `host,topoext=on` | without it the guest loses its thread siblings |
 */
export function cpuModelOf(kind: Accelerator["kind"], nested: boolean, hostVendor: string): string {
  if (kind === "tcg") return nested ? "max,+svm" : "max,vendor=GenuineIntel";
  return hostVendor === "GenuineIntel" ? "host" : "host,topoext=on";
}

/** The processor's vendor as `/proc/cpuinfo` names it; empty where it does not. */
export function hostVendor(): string {
  try {
    return /^vendor_id\s*:\s*(\S+)/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "";
  } catch {
    return "";
  }
}
