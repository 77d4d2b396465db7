import { visibleText } from "../../frame/visible_text.ts";
import { LackingError, VmError } from "../errors.ts";
import { type Guest, GuestError } from "../qemu/mod.ts";

/** The words with which a kernel says that it ended a program for want of memory. */
const OUT_OF_MEMORY = /Out of memory[^:]*: Killed process \d+ \((.*?)\)/;

/** What programs in the guest say then; its files are in its memory, too. */
const MEMORY_IS_FULL = /Cannot allocate memory|No space left on device/;

/**
 * The result of `work` in `guest`, or a {@linkcode GuestError} as soon as the guest has ended; `name` is what it is called, `memory` what
 * it has, in MiB. Where the guest's kernel ended a program for want of memory, the error says that.
 */
export async function unlessItEnds<T>(
  guest: Pick<Guest, "ended" | "console">,
  work: Promise<T>,
  name: string,
  memory: number,
): Promise<T> {
  const over = Promise.withResolvers<never>();
  void guest.ended.then((end) => {
    const last = end.console.slice(-5).map((line) => `\n  ${visibleText(line)}`).join("");
    over.reject(new GuestError(`The ${name} ended while it measured: ${end.detail}${last}`, end));
  });
  over.promise.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, over.promise]);
  } catch (error) {
    if (error instanceof GuestError) throw error;
    // The agent's line breaks a moment before QEMU tells why.
    const { promise: later, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, 1000);
    await Promise.race([over.promise, later]).finally(() => clearTimeout(timer));
    if (!(error instanceof VmError) || error instanceof LackingError) throw error;
    const killed = guest.console.map(({ text }) => OUT_OF_MEMORY.exec(text)).findLast((found) =>
      found !== null
    );
    if (killed === undefined && !MEMORY_IS_FULL.test(error.message)) throw error;
    throw new VmError(
      `The ${name} ran out of memory${
        killed === undefined ? "" : ` and its kernel killed ${visibleText(killed[1]!)}`
      }; give it more than ${memory} MiB (--memory): ${error.message}`,
      { cause: error },
    );
  }
}
