import type { RequestOptions } from "./options.ts";

/**
 * Does what takes several requests as one: under one deadline, and when it fails what is left of it is aborted. `body` gives the
 * signal to each of its requests.
 */
export async function together<T>(
  what: string,
  { signal, timeout }: RequestOptions,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer = timeout === undefined ? undefined : setTimeout(() => {
    controller.abort(new DOMException(`${what} took longer than ${timeout} ms`, "TimeoutError"));
  }, timeout);
  try {
    return await body(controller.signal);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
