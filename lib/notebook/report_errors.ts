import { plainText } from "./display_bundle.ts";

/**
 * Prints rejections that nobody awaited and errors thrown in timers, which Deno's kernel drops without a word.
 * Called once by `setup` in a kernel.
 */
export function reportErrors(): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    console.error(`Rejected, and nothing awaited it: ${plainText(event.reason)}`);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    console.error(`Thrown outside of a cell: ${plainText(event.error ?? event.message)}`);
  });
}
