/**
 * Following the scheduler while it works: every interval is a `Trace` like any other, with the state at its beginning carried in.
 *
 * @module
 */
export { type LiveInterval, type LiveOptions, LiveTrace, startLive } from "./live_trace.ts";
