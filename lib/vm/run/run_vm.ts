import { fingerprint } from "../../bench/fingerprint.ts";
import { defaultSignal } from "../../trace/default_signal.ts";
import { openTrace } from "../../trace/open.ts";
import { VmError } from "../errors.ts";
import type { KvmResult, RunKvmOptions } from "../kvm/mod.ts";
import { runKvm } from "../kvm/mod.ts";
import { runUser, type UserOptions, type UserResult } from "../user/mod.ts";
import { fileKey } from "./file_key.ts";
import { kvmMetrics, userMetrics } from "./metrics.ts";
import { pastStaleCode } from "./past_stale_code.ts";
import type { VmFingerprint, VmIsolation, VmRun, VmTarget } from "./vm_run.ts";

/** What each target takes. */
export interface TargetOptions {
  /** The gap benchmark. */
  user: UserOptions;
  /** Guests in the guest. */
  kvm: RunKvmOptions;
}

/** What each target gives. */
export interface TargetResults {
  /** The gap benchmark. */
  user: UserResult;
  /** Guests in the guest. */
  kvm: KvmResult;
}

/** Options of {@linkcode runVm}: these, and the target's own (those of `runUser`, `runKvm`). */
export type RunVmOptions<T extends VmTarget = VmTarget> =
  & {
    /** The kernel to boot: a bzImage, or a vmlinux with a PVH note. */
    kernel: string;
    /** Default: `user`. */
    target?: T;
    /** Default: `auto`, the best that the kernel has. */
    isolation?: VmIsolation;
    /** Length of the measurement. Default: 30. */
    seconds?: number;
    /** Directory for the guest's trace. Default: for `user` that of `runUser`; `kvm` takes no trace then. */
    output?: string;
    /** Ends the run. Default: in a notebook the stop button's, else none. */
    signal?: AbortSignal;
    /** Gets a sentence whenever something new begins. Default: nobody. */
    onProgress?: (text: string) => void;
  }
  & Omit<TargetOptions[T], "kernel" | "isolation" | "seconds" | "output" | "signal" | "onProgress">;

/**
 * Boots a guest with `kernel`, measures in it, and gives the trace, the gaps with their causes, the numbers that runs are compared by, and the
 * fingerprints of guest and host.
 *
 * Under emulation a guest whose kernel panics at a stale breakpoint (`Oops: int3`, a race of QEMU's) is booted again, at most twice, and `notes` says so.
 * Throws what the target throws; a `VmError` for an isolation that it does not know.
 */
export async function runVm<T extends VmTarget = "user">(
  options: RunVmOptions<T>,
): Promise<VmRun<TargetResults[T]>> {
  const signal = options.signal ?? defaultSignal();
  const [host, kernel] = await Promise.all([fingerprint(), fileKey(options.kernel)]);
  const { target: _target, ...rest } = { ...options, ...(signal === undefined ? {} : { signal }) };
  const run = (options.target ?? "user") === "user"
    ? await userRun(rest as unknown as UserOptions)
    : await kvmRun(rest as unknown as RunKvmOptions & { output?: string; isolation?: VmIsolation });
  const { release, accelerator, guest, ...given } = run;
  return {
    ...given,
    target: options.target ?? "user",
    kernel: options.kernel,
    fingerprint: { host, guest, kernel, release, accelerator },
  } as VmRun<TargetResults[T]>;
}

/** What a target's run is made into. */
type Given<R> =
  & Omit<VmRun<R>, "target" | "kernel" | "fingerprint">
  & Pick<VmFingerprint, "guest" | "release" | "accelerator">;

async function userRun(options: UserOptions): Promise<Given<UserResult>> {
  const again: string[] = [];
  const result = await pastStaleCode(() => runUser(options), (text) => {
    again.push(text);
    options.onProgress?.(text);
  });
  const { accelerator, kernel } = result.guest;
  return {
    isolation: result.isolation.kind,
    metrics: userMetrics(result),
    notes: [accelerator.meaning, ...again, ...result.notes].filter((note) => note !== ""),
    trace: result.trace,
    gaps: result.ledger,
    result,
    guest: result.spin.fingerprint,
    release: kernel.release,
    accelerator: accelerator.kind,
  };
}

async function kvmRun(
  options: Omit<RunKvmOptions, "isolation"> & { output?: string; isolation?: VmIsolation },
): Promise<Given<KvmResult>> {
  const { output, isolation = "auto", ...rest } = options;
  if (isolation === "tag" || isolation === "coscheduling") {
    throw new VmError(`Target kvm knows the isolations auto, cookies and none but not ${isolation}`);
  }
  const result = await runKvm({ ...rest, isolation, ...(output === undefined ? {} : { trace: output }) });
  const { accelerator, release } = result.outer;
  return {
    isolation: result.isolation.kind,
    metrics: kvmMetrics(result),
    notes: [accelerator.meaning, ...result.notes].filter((note) => note !== ""),
    trace: result.trace === undefined ? undefined : await openTrace(result.trace.path),
    gaps: undefined,
    result,
    guest: null,
    release,
    accelerator: `${accelerator.kind}, inner guests ${result.innerAccelerator}`,
  };
}
