import { findQemu } from "../../../lib/vm/qemu/find_qemu.ts";
import type { GuestOptions } from "../../../lib/vm/qemu/options.ts";
import { launch } from "../../../lib/vm/qemu/launch.ts";
import type { RunningGuest } from "../../../lib/vm/qemu/running_guest.ts";
import { type TinyEnd, tinyKernel } from "./tiny_kernel.ts";

/** A temporary directory, the value of `TMPDIR` and without an `XDG_RUNTIME_DIR` while it is there: run directories are in it. */
export async function ownRunBase(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "ssvm" });
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  Deno.env.set("XDG_RUNTIME_DIR", path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
      else Deno.env.set("XDG_RUNTIME_DIR", before);
      await Deno.remove(path, { recursive: true });
    },
  };
}

/** A guest of 16 MiB under TCG with a {@linkcode tinyKernel}; its kernel is in `directory`. */
export async function tinyGuest(
  directory: string,
  text: string | Uint8Array,
  end: TinyEnd,
  options: Partial<GuestOptions> = {},
): Promise<RunningGuest> {
  const kernel = `${directory}/tiny-${crypto.randomUUID()}`;
  await Deno.writeFile(kernel, tinyKernel(text, end));
  try {
    return await launch(
      { kernel, memory: 16, cores: 1, threads: 1, ready: "init", ...options },
      await findQemu(),
      kernel,
      { kind: "tcg", reason: "for a test", meaning: "none", nested: "tcg" },
    );
  } finally {
    await Deno.remove(kernel);
  }
}

/** Processes whose command line holds `word`: their ids. */
export function processesWith(word: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(word)) found.push(Number(name));
    } catch {
      // It is gone.
    }
  }
  return found;
}
