import { UsageError } from "./exit_code.ts";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "µs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
};

/**
 * A duration such as `100ms`, `2.5s`, `500us` in ns; a bare number is seconds, as in `perf` and `sleep`.
 *
 * Throws {@linkcode UsageError} that names `option` on anything else.
 */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|min)?$/.exec(text.trim());
  if (match === null) {
    throw new UsageError(
      `Expected ${option} to be a duration such as 100ms, 2s or 500us but found ${JSON.stringify(text)}`,
    );
  }
  return Number(match[1]) * UNITS[match[2] ?? "s"]!;
}
