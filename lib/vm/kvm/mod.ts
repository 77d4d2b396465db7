/**
 * Target `kvm`: guests inside a guest, each measured by its own kernel's hwlat tracer.
 *
 * @module
 */
export * from "./parse_hwlat.ts";
export * from "./summarize_hwlat.ts";
