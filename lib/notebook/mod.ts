/**
 * What a notebook cell needs: output that is not lost, interrupts that keep the kernel's state, progress.
 *
 * Importing this module inside Deno's Jupyter kernel runs {@linkcode setup}; anywhere else the import has no effect,
 * and {@linkcode show} and {@linkcode progress} write to the terminal.
 *
 * @example
 * ```ts
 * import { interruptSignal, progress, show } from "@schedscope/schedscope/notebook";
 *
 * let sum = 0;
 * for await (const n of progress([1, 2, 3], { label: "adding", signal: interruptSignal() })) sum += n;
 * await show(sum);
 * ```
 *
 * @module
 */
export { displayBundle } from "./display_bundle.ts";
export { interruptSignal } from "./interrupt_signal.ts";
export { type Displayable, displaySymbol, type MediaBundle } from "./kernel.ts";
export { PerfettoButton, perfettoButton, type PerfettoButtonOptions } from "./perfetto_button.ts";
export { Progress, progress, type ProgressOptions } from "./progress.ts";
export type { ProgressState } from "./progress_line.ts";
export { type NotebookState, setup } from "./setup.ts";
export { show, type ShowOptions } from "./show.ts";
