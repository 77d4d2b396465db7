import { type Flush, flushAfterCells, flusher } from "./flush_after_cells.ts";
import { listenForInterrupts } from "./interrupt_signal.ts";
import { kernel } from "./kernel.ts";
import { reportErrors } from "./report_errors.ts";

/** What {@linkcode setup} found and did. */
export interface NotebookState {
  /** Whether this program runs in Deno's Jupyter kernel; all else is false outside of one. */
  kernel: boolean;
  /** Whether cells end only after their output has been sent. */
  flush: boolean;
  /** Whether an interrupt aborts `interruptSignal()` instead of killing the kernel. */
  interrupt: boolean;
  /** Whether rejections that nobody awaited, and throws in timers, are printed. */
  errors: boolean;
}

interface Installed {
  state: NotebookState;
  flush: Flush;
}

/** One for a program, however often and under however many names this module is loaded. */
const slot = globalThis as unknown as { [key: symbol]: Installed | undefined };
const key: symbol = Symbol.for("schedscope.notebook");

/**
 * Makes good what Deno's Jupyter kernel loses: output that comes after a cell's end, its state on interrupt, errors
 * outside of cells, and the look of Arquero tables.
 *
 * Importing this module in a kernel calls it; calling it again changes nothing. Outside of a kernel it does nothing.
 */
export function setup(): NotebookState {
  const done = slot[key];
  if (done !== undefined) return { ...done.state };
  const notebook = kernel();
  if (notebook === undefined) return { kernel: false, flush: false, interrupt: false, errors: false };
  listenForInterrupts();
  reportErrors();
  const flush = flusher(notebook);
  const hooked = flushAfterCells(flush);
  if (!hooked) {
    console.warn(
      `Deno ${Deno.version.deno} has no hook after a cell: use show(), other output may be lost in headless runs`,
    );
  }
  const state = { kernel: true, flush: hooked, interrupt: true, errors: true };
  slot[key] = { state, flush };
  return { ...state };
}

/** Waits for the output so far where cells do not do so by themselves. */
export async function flushWithoutHook(): Promise<void> {
  const done = slot[key];
  if (done?.state.flush === false) await done.flush();
}

setup();
