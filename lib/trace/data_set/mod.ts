/**
 * A recording's tables as files that other programs read: Arrow IPC, CSV, and Parquet partitioned by host and run.
 *
 * @module
 */
export * from "./write_data_set.ts";
export * from "./write_table.ts";
