/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort, so that what was measured until then is still reported. A second
 * SIGINT ends the process as it always does.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const abort = () => {
    controller.abort(new DOMException("interrupted", "AbortError"));
    stop();
  };
  const stop = () => {
    for (const name of signals) Deno.removeSignalListener(name, abort);
  };
  for (const name of signals) Deno.addSignalListener(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    stop();
  }
}
