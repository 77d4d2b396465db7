/**
 * Measuring: gaps in the running of threads, what the machine was while they were found, and truth to hold them against.
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./cgroups.ts";
export * from "./cgroup_hierarchy.ts";
export type { CgroupLimits } from "./cgroup_limits.ts";
export * from "./clock_mapping.ts";
export { coreSiblings } from "./core_siblings.ts";
export * from "./core_cookies.ts";
export * from "./fingerprint.ts";
export * from "./histogram.ts";
export * from "./inject.ts";
export * from "./interrupts.ts";
export { findWeight, type FindWeightOptions, type FoundWeight } from "./reflex/find_weight.ts";
export * from "./reflex/published_reflex.ts";
export * from "./reflex/reflex.ts";
export type { ReflexOptions, ReflexProgress, ReflexSettings } from "./reflex/reflex_options.ts";
export { type ReflexColumns, ReflexResult } from "./reflex/reflex_result.ts";
export { ReflexTrace } from "./reflex/reflex_trace.ts";
export type { ReflexChild, ReflexRun } from "./reflex/reflex_run.ts";
export { type ReflexSweepColumns, type ReflexSweepOptions, runReflex } from "./reflex/run_reflex.ts";
export { yieldSemantics } from "./reflex/yield_semantics.ts";
export * from "./spin.ts";
export type { SpinAudit } from "./spin_audit.ts";
export type { GapColumns, ThreadColumns } from "./spin_columns.ts";
export type { SpinControl } from "./spin_control.ts";
export type { SpinCookieColumns } from "./spin_cookies.ts";
export * from "./spin_fairness.ts";
export type { SpinOptions } from "./spin_options.ts";
export * from "./spin_result.ts";
export type { SpinSnapshot } from "./spin_snapshot.ts";
export * from "./find_gaps.ts";
export * from "./statistics/measure_in_turn.ts";
export * from "./statistics/run_until_precise.ts";
export * from "./statistics/student_interval.ts";
export * from "./statistics/welch_interval.ts";
export * from "./suite/bench_suite.ts";
export * from "./suite/compare_results.ts";
export { type FingerprintDifference, fingerprintDifferences } from "./suite/fingerprint_differences.ts";
export * from "./suite/is_suite_result.ts";
export * from "./suite/junit_report.ts";
export * from "./suite/run_suite.ts";
export * from "./suite/suite_case.ts";
export * from "./suite/suite_result.ts";
export type { Recording } from "../trace/record/mod.ts";
