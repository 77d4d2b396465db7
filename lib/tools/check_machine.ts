import { probeDoors } from "../trace/record/doors.ts";
import { findProgram } from "./apt.ts";
import { findJupyter } from "./jupyter.ts";

/** One thing that a machine has or lacks. */
export interface MachineCheck {
  /** Short name, such as `perf`. */
  readonly name: string;
  /** Whether it is there and usable; undefined where this cannot be known from here. */
  readonly ok: boolean | undefined;
  /** What was found. */
  readonly found: string;
  /** What it is for. */
  readonly use: string;
  /** The command or step that would help; undefined where it is ok or nothing would. */
  readonly remedy?: string;
}

/** How long a program may take to tell its version. */
const PATIENCE = 5000;

/** Looks at all that schedscope can use on this machine. Changes nothing and needs no permission. */
export async function checkMachine(): Promise<MachineCheck[]> {
  const config = await kernelConfig();
  const checks: (MachineCheck | Promise<MachineCheck>)[] = [
    root(),
    ...(await probeDoors()).map(({ door, usable, found, remedy }) =>
      check(door, usable, found, door === "perf" ? "recording, and comparing with perf" : "recording", remedy)
    ),
    schedstat(),
    tsc(),
    clocksource(),
    smt(),
    coreScheduling(config),
    tracers(),
    counters(),
    cgroup(),
    compiler(),
    kvm(),
    qemu(),
    python(),
    jupyter(),
    chromium(),
  ];
  return await Promise.all(checks);
}

function check(
  name: string,
  ok: boolean | undefined,
  found: string,
  use: string,
  remedy?: string,
): MachineCheck {
  return { name, ok, found, use, ...(ok === true || remedy === undefined ? {} : { remedy }) };
}

function root(): MachineCheck {
  const uid = Deno.uid();
  return check(
    "root",
    uid === 0,
    `uid ${uid}`,
    "tracing, real-time priorities, locked memory",
    "run with sudo",
  );
}

function schedstat(): MachineCheck {
  const own = text("/proc/self/schedstat");
  const found = own === ""
    ? "no /proc/PID/schedstat"
    : `run and wait time of each thread (${own.split(" ").length} fields)`;
  return check(
    "schedstat",
    own !== "",
    found,
    "the conservation audit",
    "run a kernel with CONFIG_SCHED_INFO",
  );
}

function tsc(): MachineCheck {
  const use = "the clock of the spin core";
  if (Deno.build.arch === "aarch64") return check("invariant-tsc", true, "cntvct, which is invariant", use);
  const flags = /^flags\s*:(.*)$/m.exec(text("/proc/cpuinfo"))?.[1]?.split(" ") ?? [];
  const missing = ["constant_tsc", "nonstop_tsc"].filter((flag) => !flags.includes(flag));
  return check(
    "invariant-tsc",
    missing.length === 0,
    missing.length === 0
      ? "constant_tsc and nonstop_tsc"
      : `the processor has no ${missing.join(" and no ")}`,
    use,
    "in a virtual machine: -cpu host,+invtsc",
  );
}

function clocksource(): MachineCheck {
  const current = text("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const right = Deno.build.arch === "aarch64" ? "arch_sys_counter" : "tsc";
  return check(
    "clocksource",
    current === right,
    current || "unknown",
    "whether the kernel trusts that clock",
    `see dmesg for why it is not ${right}; boot with tsc=reliable only where the hardware is known to be`,
  );
}

function smt(): MachineCheck {
  const control = text("/sys/devices/system/cpu/smt/control");
  const active = text("/sys/devices/system/cpu/smt/active") === "1";
  const found = active ? "active" : control === "" ? "not told by this kernel" : control;
  return check(
    "smt",
    active,
    found,
    "core scheduling, which needs siblings",
    control === "off"
      ? "echo on | sudo tee /sys/devices/system/cpu/smt/control"
      : "a machine, or a guest, with two threads a core",
  );
}

function coreScheduling(config: string | undefined): MachineCheck {
  const set = config === undefined ? undefined : /^CONFIG_SCHED_CORE=y$/m.test(config);
  const found = set === undefined
    ? "unknown: the kernel's configuration cannot be read"
    : `CONFIG_SCHED_CORE is ${set ? "set" : "not set"}`;
  return check(
    "core-scheduling",
    set,
    found,
    "cookies and forced idle",
    "run a kernel with CONFIG_SCHED_CORE",
  );
}

function tracers(): MachineCheck {
  const use = "latency that comes from hardware or firmware";
  const available = text("/sys/kernel/tracing/available_tracers").split(/\s+/).filter((name) => name !== "");
  if (available.length === 0) {
    return check("tracers", undefined, "unknown: available_tracers cannot be read", use, "run with sudo");
  }
  const missing = ["hwlat", "osnoise"].filter((name) => !available.includes(name));
  return check(
    "tracers",
    missing.length === 0,
    missing.length === 0
      ? "hwlat and osnoise"
      : `no ${missing.join(", no ")} (there is: ${available.join(", ")})`,
    use,
    "run a kernel with CONFIG_HWLAT_TRACER and CONFIG_OSNOISE_TRACER",
  );
}

function counters(): MachineCheck {
  const devices = names("/sys/bus/event_source/devices").filter((name) =>
    /^(cpu|cpu_core|cpu_atom|armv8.*)$/.test(name)
  );
  const found = devices.length > 0
    ? devices.join(", ")
    : "none: the processor's counters are not given to this machine";
  return check(
    "hardware-counters",
    devices.length > 0,
    found,
    "cycles and cache misses",
    "a real machine, or a guest with a virtual PMU",
  );
}

function cgroup(): MachineCheck {
  const controllers = text("/sys/fs/cgroup/cgroup.controllers");
  const has = controllers.split(" ").includes("cpu");
  const found = controllers === ""
    ? names("/sys/fs/cgroup").length > 0 ? "version 1" : "not mounted"
    : `version 2 with ${controllers}`;
  return check("cgroup", has, found, "weights and quotas", "boot with systemd.unified_cgroup_hierarchy=1");
}

async function compiler(): Promise<MachineCheck> {
  const version = await versionOf("cc");
  const make = findProgram("make") !== undefined;
  const found = version === undefined ? "no cc" : make ? version : `${version}, but no make`;
  return check(
    "cc",
    version !== undefined && make,
    found,
    "building the native part",
    "sudo apt-get install gcc make libc6-dev",
  );
}

function kvm(): MachineCheck {
  const use = "guests at full speed";
  try {
    using _ = Deno.openSync("/dev/kvm", { read: true, write: true });
    return check("kvm", true, "/dev/kvm opens", use);
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied
      ? check(
        "kvm",
        false,
        "/dev/kvm may not be opened",
        use,
        "sudo usermod -aG kvm $USER, then log in again",
      )
      : check(
        "kvm",
        false,
        "no /dev/kvm",
        use,
        "turn virtualization on in the firmware, or nested virtualization in the host",
      );
  }
}

async function qemu(): Promise<MachineCheck> {
  const program = `qemu-system-${Deno.build.arch}`;
  const version = await versionOf(program);
  const found = version ?? `no ${program}`;
  const remedy = `sudo apt-get install qemu-system-${Deno.build.arch === "aarch64" ? "arm" : "x86"}`;
  return check("qemu", version !== undefined, found, "guests", remedy);
}

async function python(): Promise<MachineCheck> {
  const version = await versionOf("python3");
  const found = version ?? "no python3";
  return check(
    "python3",
    version !== undefined,
    found,
    "Jupyter",
    "sudo apt-get install python3 python3-venv",
  );
}

async function jupyter(): Promise<MachineCheck> {
  const use = "the notebooks";
  try {
    const found = await findJupyter({ log: () => {}, signal: AbortSignal.timeout(PATIENCE * 2) });
    if (found === undefined) {
      return check("jupyter", false, "none that runs Deno's kernel", use, "deno task notebook installs one");
    }
    return check(
      "jupyter",
      true,
      `JupyterLab ${found.versions["jupyterlab"] ?? "?"} of ${found.python}`,
      use,
    );
  } catch (error) {
    return check("jupyter", undefined, `unknown: ${error instanceof Error ? error.message : error}`, use);
  }
}

async function chromium(): Promise<MachineCheck> {
  for (const program of ["chromium", "chromium-browser", "google-chrome"]) {
    if (findProgram(program) === undefined) continue;
    return check(
      "chromium",
      true,
      await versionOf(program) ?? program,
      "pictures of the widgets, in the tests",
    );
  }
  return check(
    "chromium",
    false,
    "none",
    "pictures of the widgets, in the tests",
    "sudo apt-get install chromium",
  );
}

/** The running kernel's configuration, where the kernel or the distribution keeps it. */
async function kernelConfig(): Promise<string | undefined> {
  try {
    const packed = await Deno.readFile("/proc/config.gz");
    return await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")))
      .text();
  } catch {
    const kept = text(`/boot/config-${text("/proc/sys/kernel/osrelease")}`);
    return kept === "" ? undefined : kept;
  }
}

async function versionOf(program: string): Promise<string | undefined> {
  if (findProgram(program) === undefined) return undefined;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const { stdout } = await new Deno.Command(program, {
      args: ["--version"],
      stdin: "null",
      stderr: "null",
      signal,
    }).output();
    return new TextDecoder().decode(stdout).trim().split("\n")[0] || program;
  } catch {
    return undefined;
  }
}

function text(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "";
  }
}

function names(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch {
    return [];
  }
}
