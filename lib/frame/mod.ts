/**
 * Typed columns over typed arrays.
 *
 * @module
 */
export * from "./column.ts";
export * from "./frame.ts";
