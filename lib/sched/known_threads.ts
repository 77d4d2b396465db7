import type { Frame } from "../frame/frame.ts";
import { threadsOf, type TraceThreadColumns } from "../trace/threads.ts";
import type { Trace } from "../trace/trace.ts";

const THREADS = new WeakMap<Trace, Frame<TraceThreadColumns>>();

/** {@linkcode threadsOf} of the trace, or of a window with its lead, made once for each trace. */
export function knownThreads(trace: Trace): Frame<TraceThreadColumns> {
  const whole = trace.context ?? trace;
  let threads = THREADS.get(whole);
  if (threads === undefined) THREADS.set(whole, threads = threadsOf(whole));
  return threads;
}
