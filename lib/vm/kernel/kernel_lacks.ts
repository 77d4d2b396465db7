import { KERNEL_NEEDS, type KernelNeed } from "./kernel_needs.ts";
import type { KernelImage } from "./kernel_image.ts";

/** What a kernel is wanted for: to boot at all, the target `user`, or the target `kvm`. */
export type KernelTarget = "boot" | "user" | "kvm";

/** An option that a kernel lacks. */
export interface KernelLack {
  /** Name of the option without `CONFIG_`; alternatives are joined by ` or `. */
  readonly option: string;
  /** What does not work, or works otherwise, without it. */
  readonly cost: string;
  /** Whether the target cannot run at all without it. */
  readonly fatal: boolean;
}

/**
 * What `image` lacks for `target`, the fatal first; of a kernel whose configuration is not known only that. An option that is
 * built as a module (`m`) is lacking too: guests have no modules.
 */
export function kernelLacks(
  image: Pick<KernelImage, "config" | "release">,
  target: KernelTarget,
): KernelLack[] {
  const { config } = image;
  if (config === undefined) {
    return [{
      option: "IKCONFIG",
      cost:
        "the kernel does not hold its configuration and none was given, so what it lacks shows only in the guest",
      fatal: false,
    }];
  }
  return KERNEL_NEEDS
    .filter((need) => appliesTo(need, target) && exists(need, image.release))
    .filter(({ options }) => !options.some((option) => config.get(option) === "y"))
    .map(({ options, cost, fatal }) => {
      const module = options.find((option) => config.get(option) === "m");
      return {
        option: options.join(" or "),
        cost: module === undefined ? cost : `${cost} (${module} is a module, and guests have no modules)`,
        fatal: fatal?.includes(target) ?? false,
      };
    })
    .sort((a, b) => Number(b.fatal) - Number(a.fatal));
}

/** The target `user` needs what booting does, and the target `kvm` what both do. */
function appliesTo({ target }: KernelNeed, wanted: KernelTarget): boolean {
  return wanted === "kvm" || target === "boot" || target === wanted;
}

function exists({ since, until }: KernelNeed, release: string): boolean {
  const version = versionOf(release);
  return version === undefined ||
    (since === undefined || version >= versionOf(since)!) &&
      (until === undefined || version < versionOf(until)!);
}

function versionOf(release: string): number | undefined {
  const found = /^(\d+)\.(\d+)/.exec(release);
  return found === null ? undefined : Number(found[1]) * 1000 + Number(found[2]);
}
