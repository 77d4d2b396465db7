import { visibleText } from "../frame/visible_text.ts";

/** Most characters of what was found that a message quotes. */
const MOST_QUOTED = 400;

/** The input is no trace, or is damaged so that nothing can be read from it. Its message is safe to print. */
export class TraceFormatError extends Error {
  /** Tells the class apart after structured cloning. */
  override name = "TraceFormatError";
  /** Byte at which the input stopped making sense. */
  readonly offset: number;

  /** Says what was `expected` at byte `offset` of `path` and what was `found`. */
  constructor(path: string, offset: number, expected: string, found: string, options?: ErrorOptions) {
    super(`${path}: byte ${offset}: expected ${quotable(expected)} but found ${quotable(found)}`, options);
    this.offset = offset;
  }
}

/** What may hold bytes of the input, without what would do something to a terminal, and not of any length. */
function quotable(text: string): string {
  return visibleText(text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}...` : text);
}

/** An analysis needs an event that the trace does not have. */
export class MissingEventError extends Error {
  /** Tells the class apart after structured cloning. */
  override name = "MissingEventError";
  /** Any one of these would have done. */
  readonly events: readonly string[];

  /** Names the `analysis` and the `events` of which it needs one. */
  constructor(analysis: string, events: readonly string[]) {
    super(
      `${analysis} needs ${events.join(" or ")}, and the trace has no such event; ` +
        `record with: schedscope record --events ${events[0]}`,
    );
    this.events = events;
  }
}

/** A trace could not be written: the disk is full, the place may not be written to, the reader of a pipe is gone. */
export class TraceOutputError extends Error {
  /** Tells the class apart after structured cloning. */
  override name = "TraceOutputError";

  /** Says what kept `output` from being written; `cause` is the system's own error. */
  constructor(output: string, cause: unknown) {
    super(`${output} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
