/**
 * When did each thread run, for how long, and what kept it from running before: `perf sched timehist`, with right rules
 * and with perf's.
 *
 * @module
 */
export * from "./byte_writer.ts";
export * from "./options.ts";
export * from "./perf_6_1.ts";
export {
  type CpuSummaryColumns,
  type ThreadSummaryColumns,
  type TimehistSummary,
  timehistSummary,
} from "./summary.ts";
export * from "./summarize_file.ts";
export { STATE_LETTERS, type StateLetter } from "./task_state.ts";
export * from "./timehist.ts";
export * from "./timehist_print.ts";
export { Censored, type RunFilter } from "./tracked_runs.ts";
