import type { QemuProgram } from "./find_qemu.ts";
import type { Accelerator } from "./guest.ts";
import type { GuestOptions } from "./options.ts";

const TCG_MEANING =
  "instructions are translated: times inside the guest are tens of times longer than on the processor and vary with the host's " +
  "load; compare guests with one another, not with hardware";

/** The accelerator for a guest as `options` ask for it. */
export function chooseAccelerator(
  options: GuestOptions,
  _qemu: QemuProgram,
  _kernel: string,
): Promise<Accelerator> {
  return Promise.resolve({
    kind: "tcg",
    reason: options.accelerator === "tcg" ? "it was asked for" : "KVM is not tried yet",
    meaning: TCG_MEANING,
    nested: options.nested ? "kvm" : "tcg",
  });
}
