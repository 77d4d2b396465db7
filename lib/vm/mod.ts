/**
 * Guests: build and examine kernels, make initial RAM disks, drive QEMU, run the gap benchmark inside a guest, nested too, and
 * bring the trace home.
 *
 * @module
 */
export * from "./errors.ts";
export * from "./qemu/mod.ts";
export * from "./cache.ts";
export * from "./initrd/mod.ts";
export * from "./kernel/mod.ts";
export * from "./kvm/mod.ts";
export * from "./merge/mod.ts";
export * from "./user/mod.ts";
export * from "./run/mod.ts";
export * from "./agent/mod.ts";
