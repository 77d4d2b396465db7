/** The machine lacks something, or does not allow it; the message ends with what would help. */
export class MachineLacksError extends Error {
  /** The class's name. */
  override name = "MachineLacksError";
  /** What is lacking, in one word or two: `perf`, `tracefs`, `root`. */
  readonly lacks: string;
  /** The command, or the step, that would install or allow it. */
  readonly remedy: string;

  /** Says that `problem` is so because the machine lacks `lacks`, and that `remedy` would help. */
  constructor(lacks: string, problem: string, remedy: string, options?: ErrorOptions) {
    super(`${problem}; remedy: ${remedy}`, options);
    this.lacks = lacks;
    this.remedy = remedy;
  }
}

/** A recording that began and could not be brought to its end. */
export class RecordingError extends Error {
  /** The class's name. */
  override name = "RecordingError";
  /** What it is for programs; commands print such errors without a stack. */
  readonly code = "ERR_RECORDING";
}
