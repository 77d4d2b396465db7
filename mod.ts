/**
 * Finds, explains and compares scheduling gaps on Linux: the moments when a thread wanted to run and did not.
 *
 * Open a recording, ask why its threads were late:
 *
 * ```ts ignore
 * import { gaps, longestGaps, openTrace } from "@schedscope/schedscope";
 *
 * const trace = await openTrace("perf.data");
 * const { gaps: longest, causes } = gaps(trace, { threshold: 1e6 });
 * console.log(longestGaps(longest, 10));
 * console.log(causes);
 * ```
 *
 * Times and durations are nanoseconds everywhere. Tables are {@linkcode Frame}s: typed columns over typed arrays, that print in a
 * terminal and in a notebook, and enter Arquero and Observable Plot without a copy:
 *
 * ```ts
 * import { DictColumn, formatNs, Frame } from "@schedscope/schedscope";
 * import assert from "node:assert/strict";
 *
 * const frame = new Frame({
 *   comm: DictColumn.from(["kworker", "spin", "spin"]),
 *   wait: Float64Array.of(1_200, 47_000_000, 310_000),
 * });
 * const worst = frame.sort("wait", { descending: true }).row(0);
 * assert.equal(`${worst.comm} waited ${formatNs(worst.wait)}`, "spin waited 47 ms");
 * ```
 *
 * @module
 */
export * from "./lib/frame/mod.ts";
export * from "./lib/trace/mod.ts";
export * from "./lib/sched/mod.ts";
export * from "./lib/bench/mod.ts";
export * from "./lib/plot/mod.ts";
export * from "./lib/notebook/mod.ts";
