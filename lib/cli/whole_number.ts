import { UsageError } from "./exit_code.ts";

/** The whole number that `text` is. Throws {@linkcode UsageError} that names `option` on anything else. */
export function wholeNumber(text: string, option: string): number {
  const value = /^-?\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) {
    throw new UsageError(`Expected ${option} to be a whole number but found ${JSON.stringify(text)}`);
  }
  return value;
}
