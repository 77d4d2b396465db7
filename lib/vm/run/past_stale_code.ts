import { GuestError } from "../qemu/mod.ts";

/** How often a run is begun again. */
const TRIES = 3;

/**
 * What `run` gives; where the guest died of a breakpoint of its own kernel, it is run again, at most twice, and `told` is called with a sentence.
 *
 * A kernel changes its code while it runs (static keys: scheduler features, tracepoints, core scheduling) by a breakpoint that it puts there
 * for a moment. QEMU's TCG with several threads may keep the translation of that moment: whichever vCPU comes there later, when nobody expects the
 * breakpoint any more, panics with `Oops: int3`. That is the emulation's fault and not the kernel's; a kernel's own fault of that kind comes
 * back, and is thrown then.
 */
export async function pastStaleCode<R>(run: () => Promise<R>, told: (text: string) => void): Promise<R> {
  for (let attempt = 1;; attempt++) {
    try {
      return await run();
    } catch (error) {
      const stale = error instanceof GuestError &&
        error.end.console.some((line) => /Oops: int3\b/.test(line));
      if (!stale || attempt === TRIES) throw error;
      told(
        "the guest's kernel panicked at a breakpoint that it had taken away already (Oops: int3): " +
          "QEMU's translation of its changing code was stale; the guest is booted again",
      );
    }
  }
}
