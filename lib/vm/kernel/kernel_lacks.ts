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

/** What `image` lacks for `target`, the fatal first. */
export function kernelLacks(_image: KernelImage, _target: KernelTarget): KernelLack[] {
  return [];
}
