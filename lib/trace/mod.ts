/**
 * Recordings of the scheduler: open one, ask for its tables, look at its quality.
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./data_set/mod.ts";
export * from "./errors.ts";
export * from "./event_format.ts";
export * from "./export.ts";
export { openTrace, type OpenTraceOptions } from "./open.ts";
export type { TraceTrack } from "./perfetto/write_tracks.ts";
export * from "./quality.ts";
export { scanTrace, type ScanTraceOptions } from "./scan.ts";
export * from "./stream.ts";
export * from "./tables.ts";
export * from "./threads.ts";
export * from "./trace.ts";
export { type GuestTrace, type HostAndGuests, openHostAndGuests } from "./trace_dat/host_and_guests.ts";
export * from "./window.ts";
export type { TraceOutput } from "./write/output.ts";
