/** The input is no trace, or is damaged so that nothing can be read from it. */
export class TraceFormatError extends Error {
  /** Tells the class apart after structured cloning. */
  override name = "TraceFormatError";
  /** Byte at which the input stopped making sense. */
  readonly offset: number;

  /** Says what was `expected` at byte `offset` of `path` and what was `found`. */
  constructor(path: string, offset: number, expected: string, found: string, options?: ErrorOptions) {
    super(`${path}: byte ${offset}: expected ${expected} but found ${found}`, options);
    this.offset = offset;
  }
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
