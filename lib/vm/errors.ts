/** What has to do with guests went wrong. Its message is a sentence that is safe to print and says what to do next. */
export class VmError extends Error {
  /** Tells the class apart after structured cloning. */
  override name = "VmError";
}

/** This machine lacks something that a guest needs: QEMU, a module, a kernel option. Commands end with exit code 3. */
export class LackingError extends VmError {
  /** Tells the class apart after structured cloning. */
  override name = "LackingError";
  /** What to do about it: a command, a setting, an option. */
  readonly remedy: string;

  /** Says `problem`, a sentence without its full stop, and the `remedy`. */
  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(`${problem}; ${remedy}`, options);
    this.remedy = remedy;
  }
}
