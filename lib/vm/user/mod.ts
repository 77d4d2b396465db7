/**
 * The target `user`: the gap benchmark inside a guest, on a kernel of one's own.
 *
 * @module
 */
export { type ChosenIsolation, type Isolation, type IsolationProof, ISOLATIONS } from "./isolation.ts";
export type { GuestTracing } from "./guest_trace.ts";
export type { GuestShell } from "./guest_shell.ts";
export { type GuestKnowledge, measureUser } from "./measure_user.ts";
export type { PlantedStall } from "./plant.ts";
export * from "./run_user.ts";
export type { TuningColumns } from "./tuning.ts";
export * from "./user_measurement.ts";
export type { MeasureOptions, UserOptions } from "./user_options.ts";
