/**
 * Initial RAM disks of the guests: the archive, what a program needs beside itself, and the manifests in `initrd/`.
 *
 * @module
 */
export * from "./build_initrd.ts";
export * from "./cpio.ts";
export * from "./cpio_entry.ts";
export * from "./elf_closure.ts";
export * from "./initrd.ts";
export * from "./read_elf.ts";
export { writeInitrd } from "./write_initrd.ts";
