/**
 * Runs of targets in guests, and matrices of them.
 *
 * @module
 */
export { matrix } from "./matrix.ts";
export type { FinishedCell, MatrixCell, MatrixSetting } from "./matrix_cell.ts";
export type { CellRun, MatrixOptions, MatrixProgress } from "./matrix_options.ts";
export * from "./metrics.ts";
export * from "./run_vm.ts";
export * from "./vm.ts";
export * from "./vm_matrix.ts";
export * from "./vm_run.ts";
