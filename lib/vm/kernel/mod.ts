/**
 * Kernels for guests: what is in a bzImage, what it lacks, how to boot it fastest, and how to build one.
 *
 * @module
 */
export * from "./bootable.ts";
export * from "./build_kernel.ts";
export * from "./examine_kernel.ts";
export * from "./extract_vmlinux.ts";
export * from "./kernel_image.ts";
export * from "./kernel_lacks.ts";
export * from "./unfit_kernel_error.ts";
