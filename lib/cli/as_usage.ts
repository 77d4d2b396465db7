import { UnlikeResultsError } from "../bench/suite/compare_results.ts";
import { UsageError } from "./exit_code.ts";

/** Results that are no answer to the question were given by who called: wrong usage. Any other error stays as it is. */
export function asUsage(error: unknown): unknown {
  return error instanceof UnlikeResultsError || error instanceof RangeError
    ? new UsageError(error.message, { cause: error })
    : error;
}
