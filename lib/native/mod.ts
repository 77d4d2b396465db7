/**
 * The door to C: the library, the static programs, and how they are built on first use.
 *
 * @module
 */
export * from "./build.ts";
export * from "./error.ts";
export * from "./load.ts";
export * from "./load_error.ts";
export * from "./programs.ts";
export * from "./symbols.ts";
