import { testKernel } from "../test_kernel.ts";

/** The kernel that the tests of this target boot: that of `SCHEDSCOPE_TEST_KERNEL`, else the one from the cache. */
export async function userKernel(): Promise<string> {
  return Deno.env.get("SCHEDSCOPE_TEST_KERNEL") ?? (await testKernel()).path;
}
