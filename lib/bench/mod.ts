/**
 * Measuring: gaps in the running of threads, what the machine was while they were found, and truth to hold them against.
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./clock_mapping.ts";
export * from "./core_cookies.ts";
export * from "./fingerprint.ts";
export * from "./histogram.ts";
export * from "./inject.ts";
export * from "./interrupts.ts";
export * from "./spin.ts";
export type { SpinAudit } from "./spin_audit.ts";
export type { GapColumns, ThreadColumns } from "./spin_columns.ts";
export type { SpinOptions } from "./spin_options.ts";
export * from "./spin_result.ts";
export type { SpinSnapshot } from "./spin_snapshot.ts";
export * from "./find_gaps.ts";
export * from "./statistics/run_until_precise.ts";
export * from "./statistics/student_interval.ts";
export type { Recording } from "../trace/record/mod.ts";
