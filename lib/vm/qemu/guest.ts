import type { AgentChannel } from "../agent/mod.ts";
import type { GuestEnd } from "./guest_end.ts";
import type { ConsoleLine } from "./options.ts";
import type { Qmp } from "./qmp.ts";

/** What runs the guest's instructions, and what that means for what is measured in it. */
export interface Accelerator {
  /** KVM runs them on the processor; TCG translates them. */
  readonly kind: "kvm" | "tcg";
  /** Why this one, a sentence. */
  readonly reason: string;
  /** What it means for numbers that come out of the guest, a sentence. */
  readonly meaning: string;
  /** What guests inside of the guest can be run with: `kvm` where they were asked for and the guest's processor lets them. */
  readonly nested: "kvm" | "tcg";
}

/** A virtual CPU. */
export interface Vcpu {
  /** Number of the CPU in the guest. */
  readonly index: number;
  /** Its core. */
  readonly core: number;
  /** Its hardware thread within the core. */
  readonly thread: number;
  /** Id of the thread on the host that runs it; one for all under single-threaded TCG. */
  readonly tid: number;
  /** CPUs of the host on which that thread may run, read back after pinning. */
  readonly cpus: readonly number[];
}

/** Where the vCPUs were put. */
export interface Pinning {
  /**
   * `cores`: each core of the guest has a core of the host for itself; `cpus`: each vCPU has a CPU of the host for itself, but
   * threads of a core are not on threads of a core; `given`: as the caller wanted; `none`: not pinned.
   */
  readonly kind: "cores" | "cpus" | "given" | "none";
  /** Why, a sentence. */
  readonly reason: string;
}

/** A running guest. Disposing of it ends QEMU and removes all that it had outside of its own process. */
export interface Guest extends AsyncDisposable {
  /** Process id of QEMU. */
  readonly pid: number;
  /** What runs its instructions. */
  readonly accelerator: Accelerator;
  /** QEMU's version, such as `7.2.22`. */
  readonly qemuVersion: string;
  /** What `-cpu` was given. */
  readonly cpuModel: string;
  /** QEMU's whole command line. */
  readonly commandLine: readonly string[];
  /** Its vCPUs, by index. */
  readonly vcpus: readonly Vcpu[];
  /** Where they were put. */
  readonly pinning: Pinning;
  /** The last lines of its console, at most 10 000. */
  readonly console: readonly ConsoleLine[];
  /** Time from the first instruction to the line `schedscope: init` on the console, ns; undefined until it was seen. */
  readonly bootTime: number | undefined;
  /** Time from the start of the QEMU process to that line, ns; undefined until it was seen. */
  readonly startTime: number | undefined;
  /** The agent in the guest. Throws a `VmError` where the guest was started with another `ready` than `agent`. */
  readonly agent: AgentChannel;
  /** QEMU's control channel. */
  readonly qmp: Qmp;
  /** Resolves when the guest has ended, by whatever; never rejects. */
  readonly ended: Promise<GuestEnd>;
  /** The host's end of a port that the options named. Throws a `VmError` for another name. */
  port(name: string): Deno.Conn;
  /** Writes the state of the guest to `file`, and ends it; `restoreFrom` starts from there. */
  snapshot(file: string, options?: SnapshotOptions): Promise<void>;
  /** Lets the agent power the guest off, and ends QEMU where it does not within `timeout`. */
  shutdown(options?: ShutdownOptions): Promise<GuestEnd>;
}

/** How to write a snapshot. */
export interface SnapshotOptions {
  /** Let the guest go on afterwards. Default false. */
  readonly resume?: boolean;
  /** Most milliseconds that it may take; then the guest is ended. Default 120 000. */
  readonly timeout?: number;
  /** Stops waiting; the guest is ended. */
  readonly signal?: AbortSignal;
}

/** How to shut a guest down. */
export interface ShutdownOptions {
  /** Most milliseconds to wait before QEMU is ended. Default 10 000. */
  readonly timeout?: number;
}
