/** Options of {@linkcode formatNs}. */
export interface FormatNsOptions {
  /** Significant digits, of which trailing zeros are dropped. Default 3. */
  digits?: number;
}

const SCALES = [[1, "ns"], [1e3, "µs"], [1e6, "ms"], [1e9, "s"]] as const;

/**
 * A duration in nanoseconds as people read it: `47.1 ms`, `3.2 µs`, `950 ns`, `1,250 s`; `–` for NaN.
 *
 * @example
 * ```ts
 * import { formatNs } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatNs(119_754_120), "120 ms");
 * assert.equal(formatNs(119_754_120, { digits: 5 }), "119.75 ms");
 * ```
 */
export function formatNs(ns: number, options: FormatNsOptions = {}): string {
  if (Number.isNaN(ns)) return "–";
  if (!Number.isFinite(ns)) return ns > 0 ? "∞" : "-∞";
  // Rounded first, so that 999,999 ns reads 1 ms and not 1000 µs.
  const rounded = Number(ns.toPrecision(options.digits ?? 3));
  const size = Math.abs(rounded);
  const [scale, name] = SCALES.findLast(([least]) => size >= least) ?? SCALES[0];
  const value = scale === 1 || size < 1e12 ? rounded / scale : Math.round(ns / scale);
  // toLocaleString loads what it knows of all languages: ten milliseconds that a short command need not spend.
  const plain = size === 0 || (size >= 1e-6 && size < 1e12);
  const text = plain
    ? String(Number(value.toPrecision(15)))
    : value.toLocaleString("en-US", { maximumSignificantDigits: 15, useGrouping: size >= 1e12 });
  return `${text === "-0" ? "0" : text} ${name}`;
}
