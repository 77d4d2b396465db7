import { formatNs } from "../../frame/format_ns.ts";
import { defaultSignal } from "../../trace/default_signal.ts";
import { checkTraceOutput } from "../agent/trace_output.ts";
import { buildInitrd } from "../initrd/mod.ts";
import { bootable, examineKernel, type KernelImage, type KernelLack } from "../kernel/mod.ts";
import { type Accelerator, type Guest, startGuest, type Vcpu } from "../qemu/mod.ts";
import { measureUser } from "./measure_user.ts";
import { requireKernel } from "./require_kernel.ts";
import { type MeasurementParts, UserMeasurement } from "./user_measurement.ts";
import { unlessItEnds } from "./unless_it_ends.ts";
import type { UserOptions } from "./user_options.ts";

/** The guest of a run. */
export interface UserGuest {
  /** The kernel that it booted. */
  readonly kernel: KernelImage;
  /** What the kernel lacks for this target; none of it kept it from running. */
  readonly lacks: readonly KernelLack[];
  /** What ran its instructions, and what that means for the numbers. */
  readonly accelerator: Accelerator;
  /** QEMU's version. */
  readonly qemuVersion: string;
  /** The processor that it saw. */
  readonly cpuModel: string;
  /** Its CPUs, and where each ran. */
  readonly vcpus: readonly Vcpu[];
  /** From the first instruction to its init, ns; undefined where it was not seen. */
  readonly bootTime: number | undefined;
  /** From the call of `runUser` to the first latency line, ns; undefined where there was none. */
  readonly firstLine: number | undefined;
  /**
   * Share of the time in which the vCPUs that were measured on wanted to run and waited for a CPU of the host, 0 to 1: what they lost of it is
   * in the gaps, and no clock of the guest tells.
   */
  readonly hostWait: number;
}

/** What the gap benchmark found in a guest that was booted for it. */
export class UserResult extends UserMeasurement {
  /** The guest. */
  readonly guest: UserGuest;

  /** Adds the guest to the measurement. */
  constructor(parts: MeasurementParts, guest: UserGuest) {
    super(parts);
    this.guest = guest;
  }

  /** What happened, for a terminal. */
  override toString(): string {
    const { kernel, accelerator, bootTime, firstLine } = this.guest;
    const time = (what: string, ns: number | undefined) =>
      ns === undefined ? [] : [`${what} ${formatNs(ns)}`];
    return [
      `kernel ${kernel.release} under ${accelerator.kind}: ${
        [...time("boot to init", bootTime), ...time("start to the first latency line", firstLine)].join(", ")
      }`,
      ...(accelerator.meaning === "" ? [] : [`  ${accelerator.meaning}`]),
      ...(this.guest.hostWait < 0.01 ? [] : [
        `  its vCPUs waited ${
          (this.guest.hostWait * 100).toFixed(0)
        } % of the time for a CPU of the host, which is in the gaps as well`,
      ]),
      super.toString(),
    ].join("\n");
  }

  /** All but the trace, which is in `path`. */
  override toJSON(): Record<string, unknown> {
    const { kernel, ...guest } = this.guest;
    const { config: _config, ...image } = kernel;
    return { ...super.toJSON(), guest: { ...guest, kernel: image } };
  }
}

/** Cores of the guest and hardware threads of each: as the gap benchmark has them. */
const CORES = 2, THREADS = 2;

/**
 * Boots `kernel` in a guest of 4 vCPUs, 2 threads a core, and runs the gap benchmark there: 16 threads in 8 pairs, each pair a trust group, all
 * on the two hardware threads of one core, until the first gap over 100 ms, whose trace is brought home and explained.
 *
 * Rejects with an `UnfitKernelError` where the file is no kernel for a guest, a `LackingError` where this machine or the kernel lacks
 * something that was asked for, and a `VmError` (`GuestError`) where the guest ended meanwhile. Nothing of the guest is left in any case.
 */
export async function runUser(options: UserOptions): Promise<UserResult> {
  const { kernel: path, config, memory = 512, accelerator, pin, isolation = "auto" } = options;
  const signal = options.signal ?? defaultSignal();
  const say = options.onProgress ?? (() => {});
  const began = performance.now();
  signal?.throwIfAborted();
  const output = options.output ?? "/dev/shm/log";
  // Whether the trace can be put there is known before the guest boots, not after it has measured.
  checkTraceOutput(output);
  const kernel = await examineKernel(path, config === undefined ? {} : { config });
  const lacks = requireKernel(kernel, "user", isolation);
  for (const { option, cost } of lacks) say(`the kernel lacks ${option}: ${cost}`);
  // Ends the guest while it boots; afterwards the measurement ends in its own way and keeps what it has.
  const booting = new AbortController();
  const abort = () => booting.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const [image, initrd] = await Promise.all([
    bootable(path),
    buildInitrd("l1", signal === undefined ? {} : { signal }),
  ]);
  signal?.throwIfAborted();
  say(`booting ${kernel.release}`);
  const words = [
    // Old patches want to be told that they may coschedule; kernels without them pass it on to init.
    ...(isolation === "auto" || isolation === "coscheduling" ? ["cosched_max_level=1"] : []),
    ...(options.cmdline === undefined ? [] : [options.cmdline]),
  ];
  await using guest = await startGuest({
    kernel: image,
    initrd: initrd.path,
    memory,
    cores: CORES,
    threads: THREADS,
    ...(words.length === 0 ? {} : { cmdline: words.join(" ") }),
    ...(accelerator === undefined ? {} : { accelerator }),
    ...(pin === undefined ? {} : { pin }),
    signal: booting.signal,
    onProgress: say,
  });
  signal?.removeEventListener("abort", abort);
  let firstLine: number | undefined;
  const before = hostTimes(guest);
  const measured = await unlessItEnds(
    guest,
    measureUser(
      guest.agent,
      { memory, ...(kernel.config === undefined ? {} : { config: kernel.config }) },
      {
        ...options,
        output,
        ...(signal === undefined ? {} : { signal }),
        onLine(line) {
          if (line.startsWith("Max latency")) firstLine ??= (performance.now() - began) * 1e6;
          options.onLine?.(line);
        },
      },
    ),
    "guest",
    memory,
  );
  const after = hostTimes(guest);
  const wait = after.wait - before.wait;
  const { accelerator: kind, qemuVersion, cpuModel, vcpus, bootTime } = guest;
  const result = new UserResult(measured, {
    kernel,
    lacks,
    accelerator: kind,
    qemuVersion,
    cpuModel,
    vcpus,
    bootTime,
    firstLine,
    hostWait: wait === 0 ? 0 : wait / (wait + after.run - before.run),
  });
  await guest.shutdown({ timeout: 5000 });
  return result;
}

/** ns for which the host's threads of all vCPUs but the first core's ran, and for which they waited for a CPU of the host. */
function hostTimes({ pid, vcpus }: Guest): { run: number; wait: number } {
  let run = 0, wait = 0;
  for (const { tid } of vcpus.slice(THREADS)) {
    try {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${tid}/schedstat`);
      const [ran = 0, waited = 0] = text.split(" ").map(Number);
      run += ran;
      wait += waited;
    } catch {
      // A host without schedstat, or a guest that has just ended: then nothing is known of it.
    }
  }
  return { run, wait };
}
