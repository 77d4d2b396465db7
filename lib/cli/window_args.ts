import { parseDuration } from "./duration.ts";
import { UsageError } from "./exit_code.ts";

/** `FROM,TO` from the recording's start on, either of which may be left out, in ns: `1.5s,2s`. Throws {@linkcode UsageError}. */
export function parseWindow(text: string): { from?: number; to?: number } {
  const [from, to, ...more] = text.split(",");
  if (to === undefined || more.length > 0) {
    throw new UsageError(`Expected --window to be FROM,TO but found ${JSON.stringify(text)}`);
  }
  return {
    ...(from === "" ? {} : { from: parseDuration(from!, "--window") }),
    ...(to === "" ? {} : { to: parseDuration(to, "--window") }),
  };
}
