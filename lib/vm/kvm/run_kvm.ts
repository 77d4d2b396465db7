import { defaultSignal } from "../../trace/default_signal.ts";
import { VmError } from "../errors.ts";
import { checkTraceOutput } from "../agent/trace_output.ts";
import { buildInitrd } from "../initrd/mod.ts";
import { bootable, examineKernel, type KernelImage, type KernelLack } from "../kernel/mod.ts";
import { startGuest } from "../qemu/mod.ts";
import { InnerBootError } from "./inner_boot_error.ts";
import type { RunKvmOptions } from "./kvm_options.ts";
import { KvmPhases } from "./kvm_phases.ts";
import { KvmResult } from "./kvm_result.ts";
import { measureKvm } from "./measure_kvm.ts";
import { requireKernel } from "../user/require_kernel.ts";
import { unlessItEnds } from "../user/unless_it_ends.ts";

/** Cores of the outer guest and hardware threads of each. */
const CORES = 2, THREADS = 2;

/** How many outer guests are tried, one after the other, until the first inner one comes up. */
const OUTER_ATTEMPTS = 3;

/**
 * Boots `kernel` in a guest of 4 vCPUs, 2 threads a core, and in that as many inner guests as asked for, of 2 vCPUs each, on the same
 * kernel: all of them on the two hardware threads of one core, each a trust group. Every inner guest runs its kernel's hwlat tracer, half
 * of each second on one of its CPUs and then on the other, and the gaps that it finds are the result.
 *
 * Where some inner guests do not come up or say nothing, the others' samples are the result and `vms` says so. Rejects with an
 * `UnfitKernelError` where the file is no kernel for a guest, a `LackingError` where this machine or the kernel lacks something,
 * and a {@linkcode VmError} where the outer guest ended or no inner guest came up. Nothing of the guests is left in any case.
 *
 * @example
 * ```ts ignore
 * const result = await runKvm({ kernel: "arch/x86/boot/bzImage", isolation: "cookies", onSample: (vm, _, line) => console.log(vm, line) });
 * console.log(String(result));
 * ```
 */
export async function runKvm(options: RunKvmOptions): Promise<KvmResult> {
  checkOptions(options);
  const { kernel: path, config, vms = 8, vmMemory = 96 } = options;
  const signal = options.signal ?? defaultSignal();
  const say = options.onProgress ?? (() => {});
  const phases = new KvmPhases(say);
  signal?.throwIfAborted();
  // Whether the trace can be put there is known before the guest boots, not after it has measured.
  if (options.trace !== undefined) checkTraceOutput(options.trace);
  phases.begin("making the initrds");
  const image = await examineKernel(path, config === undefined ? {} : { config });
  const lacks = requireKernel(image, "kvm", options.isolation ?? "auto");
  for (const { option, cost } of lacks) say(`the kernel lacks ${option}: ${cost}`);
  const kernel = await bootable(path);
  const initrd = await buildInitrd("l1", {
    nested: true,
    kernel: path,
    ...signal === undefined ? {} : { signal },
  });
  const wanted = outerMemory(initrd.archiveBytes / 2 ** 20, vms, vmMemory);
  const memory = options.memory ?? wanted;
  if (memory < wanted) {
    say(
      `${memory} MiB are less than the ${wanted} MiB that the outer guest has by default for ${vms} inner ones: they may not come up`,
    );
  }
  const start: OuterStart = { image, lacks, kernel, initrd: initrd.path, memory, phases, say, signal };
  for (let attempt = 1;; attempt++) {
    try {
      return await runOnce(options, start);
    } catch (error) {
      if (attempt === OUTER_ATTEMPTS || !(error instanceof InnerBootError) || signal?.aborted === true) {
        throw error;
      }
      say(`${error.message}; all of it is started again`);
    }
  }
}

/** What all attempts have in common. */
interface OuterStart {
  readonly image: KernelImage;
  readonly lacks: readonly KernelLack[];
  /** What QEMU is given. */
  readonly kernel: string;
  readonly initrd: string;
  /** MiB. */
  readonly memory: number;
  readonly phases: KvmPhases;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** Boots the outer guest and measures in it. Throws an {@linkcode InnerBootError} where another one may do better. */
async function runOnce(options: RunKvmOptions, start: OuterStart): Promise<KvmResult> {
  const { image, lacks, kernel, initrd, memory, phases, say, signal } = start;
  const { accelerator } = options;
  phases.begin("booting the outer guest");
  // Ends the guest while it boots; afterwards the measurement ends in its own way and keeps what it has.
  const booting = new AbortController();
  const abort = () => booting.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  signal?.throwIfAborted();
  await using guest = await startGuest({
    kernel,
    initrd,
    memory,
    cores: CORES,
    threads: THREADS,
    nested: true,
    ...accelerator === undefined ? {} : { accelerator },
    signal: booting.signal,
    onProgress: say,
    onConsole: ({ text }) => options.onConsole?.("L1", text),
  });
  signal?.removeEventListener("abort", abort);
  const { bootTime } = guest;
  const measured = await unlessItEnds(
    guest,
    measureKvm(
      guest.agent,
      { memory, bootTime },
      { ...options, ...signal === undefined ? {} : { signal } },
      phases,
    ),
    "outer guest",
    memory,
  );
  const { accelerator: kind, qemuVersion, cpuModel } = guest;
  phases.begin("shutting down");
  await guest.shutdown({ timeout: 5000 });
  phases.end();
  return new KvmResult(measured, {
    release: image.release,
    lacks,
    accelerator: kind,
    qemuVersion,
    cpuModel,
    bootTime,
    phases: phases.done,
  });
}

/** MiB for the kernel, the initrd packed and unpacked, the state of an inner guest, and each of them with its QEMU. */
function outerMemory(initrd: number, vms: number, vmMemory: number): number {
  return Math.ceil((512 + 2.5 * initrd + vmMemory + vms * (vmMemory + 128)) / 64) * 64;
}

function checkOptions({ seconds = 30, vms = 8, vmMemory = 96, window = 1e9, width = 0.5e9 }: RunKvmOptions) {
  const check = (what: string, value: number, least: number, most: number) => {
    if (!(value >= least && value <= most)) {
      throw new VmError(`Expected ${what} to be from ${least} to ${most} but found ${value}`);
    }
  };
  check("seconds", seconds, 1, 86_400);
  check("vms", vms, 1, 64);
  check("vmMemory", vmMemory, 48, 1 << 20);
  check("window", window, 1e6, 60e9);
  check("width", width, 1e3, window);
  if (!Number.isInteger(vms) || !Number.isInteger(vmMemory)) {
    throw new VmError("Expected vms and vmMemory to be whole numbers");
  }
}
