import { cachedFile, cacheDirectory, cacheKey } from "../cache.ts";
import { LackingError } from "../errors.ts";
import type { QemuProgram } from "./find_qemu.ts";
import type { Accelerator } from "./guest.ts";
import { GuestError } from "./guest_end.ts";
import { type KvmDevice, kvmDevice } from "./kvm_device.ts";
import { launch } from "./launch.ts";
import type { GuestOptions } from "./options.ts";

/** Milliseconds in which a probe guest must have come to its init; under a KVM that works it takes a tenth. */
const PROBE_DEADLINE = 10_000;

/** Where a kernel without an initial RAM disk comes to when it has truly booted: it starts its init, or has none to start. */
const BOOTED = /Run \S+ as init process|Unable to mount root|No working init found|schedscope: init/;

const KVM_MEANING = "instructions run on the processor: times inside the guest are those of this machine";

const TCG_MEANING =
  "instructions are translated: times inside the guest are tens of times longer than on the processor and vary with the host's " +
  "load; compare guests with one another, not with hardware";

/** What a trial of KVM found. */
interface Trial {
  readonly works: boolean;
  /** A sentence. */
  readonly reason: string;
}

/** Boots a guest under KVM to see whether it does; for tests that have no KVM. */
export type KvmTrial = (options: GuestOptions, qemu: QemuProgram, kernel: string) => Promise<Trial>;

/** For tests: the machine's device and the trial. */
export interface ChooseOptions {
  /** Default {@linkcode kvmDevice}. */
  readonly device?: KvmDevice;
  /** Default: a probe guest boots the kernel. */
  readonly trial?: KvmTrial;
}

/**
 * The accelerator for a guest as `options` ask for it: KVM where a probe guest truly booted under it, else TCG. There are machines
 * on which `/dev/kvm` opens and answers and yet no kernel comes up, so that nothing less tells. What a probe found is kept until the
 * next start of the host, another QEMU or another KVM; that none came up, only for that kernel.
 *
 * Throws a {@linkcode LackingError} where KVM is asked for and does not work.
 */
export async function chooseAccelerator(
  options: GuestOptions,
  qemu: QemuProgram,
  kernel: string,
  { device = kvmDevice(), trial = bootProbe }: ChooseOptions = {},
): Promise<Accelerator> {
  const { accelerator = "auto", nested = false } = options;
  const tcg = (reason: string): Accelerator => ({
    kind: "tcg",
    reason,
    meaning: TCG_MEANING,
    nested: nested ? "kvm" : "tcg",
  });
  if (accelerator === "tcg") return tcg("it was asked for");
  const { works, reason } = device.lacks === undefined
    ? await triedBefore(options, qemu, kernel, device, trial)
    : { works: false, reason: device.lacks };
  if (works) {
    return { kind: "kvm", reason, meaning: KVM_MEANING, nested: nested && device.nested ? "kvm" : "tcg" };
  }
  if (accelerator === "kvm") {
    throw new LackingError(
      `KVM does not work here: ${reason}`,
      device.remedy ?? "take the accelerator tcg or auto",
    );
  }
  return tcg(reason);
}

/** What was found before under the same circumstances, else what the trial finds now. */
async function triedBefore(
  options: GuestOptions,
  qemu: QemuProgram,
  kernel: string,
  device: KvmDevice,
  trial: KvmTrial,
): Promise<Trial> {
  const here = cacheKey(bootId(), qemu.path, qemu.version, device.identity);
  const { size, mtime, ino } = await Deno.stat(kernel);
  const withKernel = cacheKey(here, kernel, String(size), String(mtime?.getTime()), String(ino));
  const known = await readTrial(here) ?? await readTrial(withKernel);
  if (known !== undefined) return known;
  const found = await trial(options, qemu, kernel);
  const path = await cachedFile("accelerator", `${found.works ? here : withKernel}.json`, (temporary) => {
    return Deno.writeTextFile(temporary, JSON.stringify(found));
  });
  return await readTrialFile(path) ?? found;
}

function readTrial(key: string): Promise<Trial | undefined> {
  return readTrialFile(`${cacheDirectory("accelerator")}/${key}.json`);
}

async function readTrialFile(path: string): Promise<Trial | undefined> {
  try {
    const { works, reason } = JSON.parse(await Deno.readTextFile(path));
    return typeof works === "boolean" && typeof reason === "string" ? { works, reason } : undefined;
  } catch {
    return undefined;
  }
}

/** Boots `kernel` under KVM with no initial RAM disk, and kills it where it does not come to its init in time. */
async function bootProbe(options: GuestOptions, qemu: QemuProgram, kernel: string): Promise<Trial> {
  const { onProgress = () => {}, signal } = options;
  onProgress("trying KVM with a probe guest");
  const booted = Promise.withResolvers<true>();
  const failed = (why: string): Trial => ({
    works: false,
    reason: `a probe guest did not boot under KVM: ${why}`,
  });
  try {
    await using guest = await launch(
      {
        kernel,
        // The last word counts: a kernel's messages tell how far it is.
        cmdline: "loglevel=7",
        memory: 256,
        cores: 1,
        pin: false,
        ready: "running",
        onConsole: ({ text }) => BOOTED.test(text) && booted.resolve(true),
        ...(signal === undefined ? {} : { signal }),
      },
      qemu,
      kernel,
      { kind: "kvm", reason: "a trial", meaning: KVM_MEANING, nested: "tcg" },
    );
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), PROBE_DEADLINE);
    const up = await Promise.race([booted.promise, late.promise, guest.ended]).finally(() =>
      clearTimeout(timer)
    );
    signal?.throwIfAborted();
    if (up === true) return { works: true, reason: "a probe guest booted under KVM" };
    if (up === false) return failed(`it had not started its init after ${PROBE_DEADLINE / 1000} s`);
    // It may have come up and ended, its last lines read after that.
    if (guest.console.some(({ text }) => BOOTED.test(text))) {
      return { works: true, reason: "a probe guest booted under KVM" };
    }
    return failed(up.detail);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GuestError) return failed(error.end.detail);
    if (error instanceof LackingError) return failed(error.message);
    throw error;
  }
}

/** Another one at each start of the host. */
function bootId(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return "";
  }
}
