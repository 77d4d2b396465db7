import { buildKernel, type BuiltKernel } from "../../lib/vm/kernel/build_kernel.ts";

/**
 * The 6.12 kernel that the tests of guests boot, from the cache; built when it is not there. Test files that run at the same time
 * wait for the one that builds.
 */
export function testKernel(): Promise<BuiltKernel> {
  return kernel ??= buildKernel({ onProgress: (line) => console.log(`  kernel: ${line}`) });
}

let kernel: Promise<BuiltKernel> | undefined;
