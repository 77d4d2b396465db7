import { VmError } from "../errors.ts";

/**
 * How a guest ended.
 *
 * | reason | meaning |
 * |---|---|
 * | `poweroff` | the guest powered itself off |
 * | `panic` | its kernel panicked |
 * | `reset` | the guest restarted itself |
 * | `triple-fault` | its processor reset with no word on the console: a triple fault, or a jump to the reset vector |
 * | `killed` | we ended it: disposed of, aborted, or after a deadline |
 * | `died` | QEMU ended by itself or was killed by somebody else |
 * | `failed` | QEMU could not go on: an emulation failure |
 */
export type GuestEndReason = "poweroff" | "panic" | "reset" | "triple-fault" | "killed" | "died" | "failed";

/** How and with what last words a guest ended. */
export interface GuestEnd {
  /** In one word. */
  readonly reason: GuestEndReason;
  /** In a sentence: the panic's message, QEMU's exit code and last error. */
  readonly detail: string;
  /** The last lines of its console, at most 80. */
  readonly console: readonly string[];
}

/** A guest ended or did not come up while it was waited for. */
export class GuestError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "GuestError";
  /** How it ended. */
  readonly end: GuestEnd;

  /** Says `problem`, how the guest ended and its last console lines. */
  constructor(problem: string, end: GuestEnd, options?: ErrorOptions) {
    super(problem, options);
    this.end = end;
  }
}
