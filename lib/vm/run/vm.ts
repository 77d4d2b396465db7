import { matrix } from "./matrix.ts";
import { runVm } from "./run_vm.ts";

/**
 * Measuring in guests: `vm.run` once, `vm.matrix` kernels by isolations, again and again in turn.
 *
 * @example
 * ```ts ignore
 * import { vm } from "@schedscope/schedscope/vm";
 *
 * const { gaps, trace, fingerprint } = await vm.run({ kernel: "bzImage", isolation: "cookies", seconds: 10 });
 * const runs = await vm.matrix({ kernels: ["bzImage"], isolations: ["none", "cookies"], journal: "runs" });
 * console.log(runs.compare({ isolation: "none" }, { isolation: "cookies" }).toText());
 * ```
 */
export const vm: { readonly run: typeof runVm; readonly matrix: typeof matrix } = { run: runVm, matrix };
