import { type Column, DictColumn } from "./column.ts";
import { formatNs } from "./format_ns.ts";
import { unitOf } from "./units.ts";
import { visibleText } from "./visible_text.ts";

/** How the cells of one column look to people. */
export interface CellText {
  /** The text of a row. Control characters are already visible; markup is not yet escaped. */
  text: (row: number) => string;
  /** Whether it is a number, which tables set to the right. */
  right: boolean;
}

/** Columns that are a point in time by their name: shown as seconds since the epoch of the trace. */
const MOMENTS = new Set(["ts", "from", "to", "start", "end", "time"]);
/** Columns that are a duration by their name: all of them are nanoseconds everywhere in this package. */
const DURATIONS = new Set([
  "dur",
  "wait",
  "delay",
  "run",
  "gap",
  "sleep",
  "sch_delay",
  "wait_time",
  "run_time",
]);

/**
 * How to show the cells of `column` called `name` to people.
 *
 * Nanoseconds are scaled: known by their declared unit ({@linkcode unitOf}), or, for 64-bit floats, by a name that
 * always is a time here (`ts`, `dur`, `wait`, `delay`, ... or ending in `_ns` or `_ts`).
 * `share` is shown as percent.
 */
export function cellText(name: string, column: Column): CellText {
  if (column instanceof DictColumn) {
    const texts = new Map<number, string>();
    return {
      right: false,
      text: (row) => {
        const code = column.codes[row]!;
        let text = texts.get(code);
        if (text === undefined) texts.set(code, text = visibleText(String(column.at(row))));
        return text;
      },
    };
  }
  if (column instanceof BigInt64Array || column instanceof BigUint64Array) {
    return { right: true, text: (row) => String(column[row]!) };
  }
  const unit = unitOf(column) ?? (column instanceof Float64Array ? unitByName(name) : undefined);
  if (unit === "ns" && isMoment(name)) return { right: true, text: (row) => moment(column[row]!) };
  if (unit === "ns") return { right: true, text: (row) => formatNs(column[row]!, { digits: 4 }) };
  if (unit === "ratio") return { right: true, text: (row) => percent(column[row]!) };
  return { right: true, text: (row) => plainNumber(column[row]!) };
}

function unitByName(name: string): "ns" | "ratio" | undefined {
  if (name === "share") return "ratio";
  return isMoment(name) || DURATIONS.has(name) || name.endsWith("_ns") ? "ns" : undefined;
}

function isMoment(name: string): boolean {
  return MOMENTS.has(name) || name.endsWith("_ts");
}

/** Seconds with all six digits of the microseconds, cut as perf cuts them, not rounded. */
function moment(ns: number): string {
  if (!Number.isFinite(ns)) return "–";
  const us = Math.trunc(ns / 1e3);
  const digits = String(Math.abs(us)).padStart(7, "0");
  return `${us < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)} s`;
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–";
}

function plainNumber(value: number): string {
  if (Number.isNaN(value)) return "–";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
