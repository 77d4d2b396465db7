/**
 * Guests under QEMU: started, watched, controlled, ended, with nothing left behind.
 *
 * @module
 */
export * from "./guest.ts";
export * from "./guest_end.ts";
export * from "./options.ts";
export * from "./qmp.ts";
export * from "./qmp_error.ts";
export * from "./start_guest.ts";
