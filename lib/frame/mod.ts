/**
 * Typed columns over typed arrays.
 *
 * @module
 */
export * from "./column.ts";
export * from "./escape_html.ts";
export * from "./frame.ts";
export * from "./visible_text.ts";
