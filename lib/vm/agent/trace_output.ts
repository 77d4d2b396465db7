import { CaptureDirectory } from "../../trace/record/capture_directory.ts";
import { VmError } from "../errors.ts";
import { fileRefusal } from "../file_refusal.ts";

/**
 * Throws where no trace can be put at `path`: known before a guest boots, it is not found out when it has measured. What is there stays.
 */
export function checkTraceOutput(path: string): void {
  try {
    new CaptureDirectory(path).discard();
  } catch (error) {
    throw traceOutputError(path, error);
  }
}

/** `error`, in a sentence where it is of the files of a trace at `path`. */
export function traceOutputError(path: string, error: unknown): unknown {
  const why = fileRefusal(error);
  if (why === undefined) return error;
  return new VmError(`The trace cannot be written to ${path}: ${why}; name another output`, { cause: error });
}
