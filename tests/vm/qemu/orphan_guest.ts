import { buildInitrd } from "../../../lib/vm/initrd/mod.ts";
import { type Guest, startGuest } from "../../../lib/vm/qemu/mod.ts";
import { testKernel } from "../test_kernel.ts";
import { tinyGuest } from "./tiny_guest.ts";

/**
 * A guest that may lose the process that started it: one that says its words and spins, or, where `SCHEDSCOPE_TEST_BOOT` is set,
 * Linux with its agent. `directory` is for its files.
 */
export async function orphanGuest(directory: string): Promise<Guest> {
  if (!Deno.env.get("SCHEDSCOPE_TEST_BOOT")) {
    return await tinyGuest(directory, "schedscope: init\r\n", "spin", { ports: ["one"] });
  }
  const { path: kernel } = await testKernel();
  const { path: initrd } = await buildInitrd("l1");
  return await startGuest({ kernel, initrd, accelerator: "tcg", memory: 128, bootTimeout: 180_000 });
}
