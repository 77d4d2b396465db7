/**
 * A trace's story as one page.
 *
 * @module
 */
export { type Report, report, type ReportOptions } from "./report.ts";
