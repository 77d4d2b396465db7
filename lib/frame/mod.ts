/**
 * Typed columns over typed arrays.
 *
 * @module
 */
import "./with_arquero.ts";
export * from "./column.ts";
export * from "./escape_html.ts";
export * from "./format_ns.ts";
export * from "./frame.ts";
export { type ArrowTable, readArrow } from "./from_arrow.ts";
export type { SortOptions } from "./sort_order.ts";
export type { ToArrowOptions } from "./to_arrow.ts";
export type { ToCSVOptions } from "./to_csv.ts";
export type { ToHTMLOptions } from "./to_html.ts";
export type { TableSource, ToTextOptions } from "./to_text.ts";
export * from "./unit_arithmetic.ts";
export * from "./units.ts";
export * from "./visible_text.ts";
