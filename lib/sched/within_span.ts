import type { Trace } from "../trace/trace.ts";

/** `options` with their stretch of time narrowed to the span of `trace`, a window, for an analysis of its context. */
export function withinSpan<O extends { from?: number; to?: number }>(trace: Trace, options: O): O {
  const { from, to } = trace.span;
  return {
    ...options,
    from: Math.max(options.from ?? -Infinity, from),
    to: Math.min(options.to ?? Infinity, to),
  };
}
