/** Where the notebook's signal is found by rooms that must not import this one, and by second copies of this module. */
const key: symbol = Symbol.for("schedscope.interruptSignal");

const slot = globalThis as unknown as Record<symbol, (() => AbortSignal) | undefined>;

const never = new AbortController().signal;

/**
 * The signal that the notebook's stop button (SIGINT) aborts: pass it as `signal` to whatever may take long.
 *
 * Each interrupt aborts the signal of that moment and leaves a fresh one for the next cell, so ask for it where it is
 * used and do not keep it. Outside of a notebook it is a signal that never aborts: a script keeps the usual meaning
 * of Ctrl-C.
 *
 * Code that cannot import the notebook finds the same function at `globalThis[Symbol.for("schedscope.interruptSignal")]`.
 */
export function interruptSignal(): AbortSignal {
  return slot[key]?.() ?? never;
}

/** Makes SIGINT abort {@linkcode interruptSignal}. Called once by `setup` in a kernel, where SIGINT would otherwise kill. */
export function listenForInterrupts(): void {
  if (slot[key] !== undefined) return;
  let controller = new AbortController();
  slot[key] = () => controller.signal;
  Deno.addSignalListener("SIGINT", () => {
    // The fresh controller comes first: what runs on abort may already ask for the next signal.
    const interrupted = controller;
    controller = new AbortController();
    interrupted.abort(new DOMException("Interrupted", "AbortError"));
  });
}
