/**
 * Analyses: from a trace to frames that say who ran, who waited, and why.
 *
 * @module
 */
import "../frame/with_arquero.ts";
export * from "./compare/bootstrap_difference.ts";
export * from "./compare/compare.ts";
export * from "./compare/compare_runs.ts";
export { compareTraces, type TraceComparisonColumns } from "./compare/compare_traces.ts";
export * from "./compare/effect_size.ts";
export * from "./compare/metric_text.ts";
export * from "./compare/noise_floor.ts";
export { type Statistic } from "./compare/statistic.ts";
export * from "./compare/trace_metrics.ts";
export * from "./core_audit/mod.ts";
export * from "./cpu_occupancy.ts";
export * from "./critical_path.ts";
export * from "./entitlement.ts";
export * from "./fairness/demands.ts";
export { type FairnessOptions } from "./fairness/fair_service.ts";
export * from "./fairness/fairness.ts";
export * from "./fairness/from_trace.ts";
export * from "./fairness/jain.ts";
export * from "./fairness/lag.ts";
export * from "./fairness/service_windows.ts";
export * from "./fairness/smp_nice.ts";
export * from "./fairness/starvation.ts";
export * from "./gap_cause.ts";
export * from "./gap_explainer.ts";
export * from "./gap_in_words.ts";
export * from "./gap_tracks.ts";
export * from "./gaps.ts";
export * from "./interrupts.ts";
export * from "./latency/delay_histogram.ts";
export * from "./latency/latency.ts";
export { type WaitColumns, waits, type WaitsOptions } from "./latency/waits.ts";
export * from "./ledger.ts";
export * from "./load/cpu_distance.ts";
export * from "./load/cpu_load.ts";
export * from "./load/idle_while_overloaded.ts";
export * from "./load/migration_counts.ts";
export * from "./load/migrations.ts";
export * from "./load/runqueue_depth.ts";
export * from "./load/work_conservation.ts";
export * from "./longest_gaps.ts";
export * from "./nice_weight.ts";
export * from "./runs.ts";
export * from "./states.ts";
export * from "./summary.ts";
export * from "./thread_groups.ts";
export * from "./thread_names.ts";
export * from "./thread_segments.ts";
export * from "./timehist/mod.ts";
export * from "./vcpu_threads.ts";
export * from "./wake_source.ts";
export * from "./why_not_running.ts";
export * from "./wakeup_chain.ts";
export * from "./wakeup_delays.ts";
