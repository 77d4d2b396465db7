import { bootable } from "../kernel/bootable.ts";
import { VmError } from "../errors.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { findQemu } from "./find_qemu.ts";
import type { Guest } from "./guest.ts";
import { launch } from "./launch.ts";
import type { GuestOptions } from "./options.ts";

/**
 * Starts a guest and resolves when it has come as far as `options.ready` says, by default: its agent answers. Its vCPUs are pinned
 * before their first instruction. Whatever happens to this process, the guest does not outlive it.
 *
 * Throws a `LackingError` where the machine has no QEMU that will do, a `GuestError` where the guest does not come up (with how it
 * ended and its last console lines), what `bootable` throws where the kernel is none, a `VmError` for options that make no guest,
 * and the reason of `options.signal` where that aborts.
 *
 * @example
 * ```ts ignore
 * await using guest = await startGuest({ kernel: "bzImage", initrd: "l1.cpio" });
 * const { stdout } = await guest.agent.exec(["uname", "-r"]);
 * ```
 */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  options.signal?.throwIfAborted();
  checkOptions(options);
  const qemu = await findQemu();
  const kernel = await bootable(options.kernel);
  const accelerator = await chooseAccelerator(options, qemu, kernel);
  return await launch(options, qemu, kernel, accelerator);
}

function checkOptions(options: GuestOptions): void {
  const { memory = 512, cores = 2, threads = 2, initrd, drives = [], ports = [], bootTimeout = 60_000 } =
    options;
  for (
    const [name, value, most] of [["memory", memory, 1 << 24], ["cores", cores, 255], [
      "threads",
      threads,
      8,
    ]] as const
  ) {
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw new VmError(`Expected ${name} to be a whole number from 1 to ${most} but found ${value}`);
    }
  }
  if (cores * threads > 255) {
    throw new VmError(`A guest has at most 255 vCPUs and this one would have ${cores * threads}`);
  }
  if (!(bootTimeout > 0 && bootTimeout < 2 ** 31)) {
    throw new VmError(`Expected bootTimeout to be milliseconds but found ${bootTimeout}`);
  }
  for (
    const [what, path] of [
      ["initial RAM disk", initrd] as const,
      ...drives.map((drive) => ["disk", drive.path] as const),
    ]
  ) {
    if (path !== undefined) checkReadable(what, path);
  }
  if (initrd !== undefined) checkMemory(memory, Deno.statSync(initrd).size);
  if (new Set(ports).size < ports.length || ports.some((name) => !/^[\w.-]{1,100}$/.test(name))) {
    throw new VmError(
      `Expected ports to be different names of letters, digits, dots and dashes but found ${ports.join(" ")}`,
    );
  }
}

/** MiB that a small kernel takes for itself. */
const KERNEL_MEMORY = 32;

/**
 * The kernel unpacks the initial RAM disk of `size` bytes beside itself, into at most half of the memory; with less some kernels
 * are overwritten before they can say a word.
 */
function checkMemory(memory: number, size: number): void {
  const disk = size / 2 ** 20;
  const least = Math.ceil(2 * disk + KERNEL_MEMORY);
  if (memory >= least) return;
  throw new VmError(
    `The initial RAM disk has ${
      disk.toFixed(1)
    } MiB and would not fit into a guest of ${memory} MiB; give it ${least} or more (memory)`,
  );
}

function checkReadable(what: string, path: string): void {
  try {
    Deno.openSync(path, { read: true }).close();
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw new VmError(`The ${what} ${path}: ${why}`, { cause });
  }
}
