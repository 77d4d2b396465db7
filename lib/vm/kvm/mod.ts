/**
 * Target `kvm`: guests inside a guest, each measured by its own kernel's hwlat tracer.
 *
 * @module
 */
export type { HwlatSample } from "./hwlat_line.ts";
export * from "./kvm_options.ts";
export * from "./kvm_result.ts";
export * from "./parse_hwlat.ts";
export * from "./run_kvm.ts";
export * from "./summarize_hwlat.ts";
