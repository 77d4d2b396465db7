import { VmError } from "../errors.ts";
import type { QemuProcess } from "./qemu_process.ts";

/** Milliseconds between two tries. */
const PAUSE = 5;

/**
 * Connects to the socket at `path` as soon as `process` listens on it. Throws a {@linkcode VmError} when the process ends first,
 * and the reason of `signal`.
 */
export async function connectWhenUp(
  path: string,
  process: QemuProcess,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  while (true) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (process.over) throw new VmError("QEMU ended before it could be spoken to", { cause: error });
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)) {
        throw error;
      }
    }
    await pause(signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  const timer = setTimeout(done, PAUSE);
  signal.addEventListener("abort", done, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", done);
}
