import { LackingError } from "../errors.ts";
import { type KernelImage, type KernelLack, kernelLacks } from "../kernel/mod.ts";
import type { Isolation } from "./isolation.ts";

/**
 * What `kernel` lacks for `target` and can do without. Throws a {@linkcode LackingError} where it lacks what the target cannot do without, or
 * the cookies of an `isolation` that was asked for: before it is booted for nothing.
 */
export function requireKernel(
  kernel: Pick<KernelImage, "config" | "release">,
  target: "user" | "kvm",
  isolation: Isolation | "auto",
): KernelLack[] {
  const lacks = kernelLacks(kernel, target);
  const fatal = lacks.filter((lack) => lack.fatal);
  if (fatal.length > 0) {
    throw new LackingError(
      `The kernel ${kernel.release} cannot run this target: ${
        fatal.map(({ option, cost }) => `without ${option} ${cost}`).join("; ")
      }`,
      'set the options, or build a kernel by "schedscope vm kernel"',
    );
  }
  if (isolation === "cookies" && lacks.some(({ option }) => option === "SCHED_CORE")) {
    throw new LackingError(
      `The kernel ${kernel.release} has no core scheduling (built without CONFIG_SCHED_CORE), so it cannot isolate by cookies`,
      'build one by "schedscope vm kernel", or ask for --isolation none',
    );
  }
  return lacks;
}
