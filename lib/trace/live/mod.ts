/**
 * Following the scheduler while it works: every interval is a `Trace` like any other, with the state at its beginning carried in.
 *
 * @module
 */
export type { LiveInterval, LiveOptions, LiveTrace } from "./live_trace.ts";
export { startLive } from "./start_live.ts";
