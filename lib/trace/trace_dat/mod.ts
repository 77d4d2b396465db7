/**
 * Reads trace.dat, the file of trace-cmd and KernelShark: versions 6 and 7, packed by zlib or zstd or not at all,
 * either byte order, any of its buffers.
 *
 * @module
 */
export * from "./facts.ts";
export * from "./host_and_guests.ts";
export * from "./read.ts";
export * from "./write.ts";
export type { Packing } from "./unpack.ts";
