/**
 * The signal that a long call takes when it is given none: in a notebook the stop button's, elsewhere none.
 *
 * The notebook room publishes it on `globalThis`, because no other room may import that one.
 */
export function defaultSignal(): AbortSignal | undefined {
  const published =
    (globalThis as unknown as Record<symbol, unknown>)[Symbol.for("schedscope.interruptSignal")];
  return typeof published === "function" ? published() as AbortSignal : undefined;
}
