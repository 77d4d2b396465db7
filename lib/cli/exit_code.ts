import { MissingEventError, TraceFormatError, TraceOutputError } from "../trace/errors.ts";
import { VmError } from "../vm/errors.ts";

/** What every command ends with. */
export const ExitCode = {
  /** The work was done. */
  Ok: 0,
  /** The work failed. */
  Failed: 1,
  /** The command was called wrongly. */
  Usage: 2,
  /** The machine lacks something; the message says how to get it. */
  Lacking: 3,
  /** The reader of the output is gone (`| head`): as a program that SIGPIPE killed. */
  BrokenPipe: 141,
} as const;

/** The command was called wrongly: an option that does not exist, a value of the wrong form. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Errors that mean that the machine lacks something carry its remedy. */
interface Remediable {
  readonly remedy: string;
}

/**
 * Prints what went wrong in a sentence (no stack: it says nothing to who did not write the program) and returns the exit code.
 * Errors that are our own mistakes keep their stack.
 */
export function reportError(command: string, error: unknown): number {
  if (isBrokenPipe(error)) return ExitCode.BrokenPipe;
  const text = error instanceof Error ? error.message : String(error);
  if (
    error instanceof UsageError || (error instanceof TypeError && "code" in error && isParseArgs(error.code))
  ) {
    console.error(`schedscope ${command}: ${text}\nTry: schedscope ${command} --help`);
    return ExitCode.Usage;
  }
  if (error instanceof Error && typeof (error as Partial<Remediable>).remedy === "string") {
    console.error(`schedscope ${command}: ${text}`);
    return ExitCode.Lacking;
  }
  const expected = error instanceof TraceFormatError || error instanceof MissingEventError ||
    error instanceof TraceOutputError || error instanceof VmError ||
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof RangeError ||
    (error instanceof Error && error.constructor !== TypeError && "code" in error);
  console.error(`schedscope ${command}: ${expected ? text : error instanceof Error ? error.stack : text}`);
  return ExitCode.Failed;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    (error instanceof TraceOutputError && error.cause instanceof Deno.errors.BrokenPipe);
}

function isParseArgs(code: unknown): boolean {
  return typeof code === "string" && code.startsWith("ERR_PARSE_ARGS");
}
