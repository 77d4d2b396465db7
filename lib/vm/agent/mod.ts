/**
 * The talk with the agent in a guest: programs run, files in and out, its trace brought home, its clocks compared.
 *
 * @module
 */
export * from "./options.ts";
export type { AgentChannel } from "./agent_channel.ts";
