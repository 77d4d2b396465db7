/**
 * The talk with the agent in a guest: programs run, files in and out, its trace brought home, its clocks compared.
 *
 * @module
 */
export * from "./agent_channel.ts";
export * from "./agent_error.ts";
export type { Line } from "./connection.ts";
export type { GuestEntry } from "./files.ts";
export * from "./options.ts";
export type { Input } from "./send_input.ts";
export type { TraceStream } from "./stream_trace.ts";
export { AGENT_PORT } from "./wire.ts";
