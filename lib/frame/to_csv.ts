import { type Column, DictColumn } from "./column.ts";
import type { TableSource } from "./to_text.ts";

/** Options of `Frame.toCSV`. */
export interface ToCSVOptions {
  /** Between the fields. Default `,`. */
  separator?: string;
  /** How many rows, from the first. Default all. */
  limit?: number;
  /** Whether the first line has the columns' names. Default true. */
  header?: boolean;
}

/**
 * `frame` as CSV after RFC 4180, with a header line and `\n` as line end. Times are plain nanoseconds; NaN is empty.
 */
export function toCSV(frame: TableSource, options: ToCSVOptions = {}): string {
  const separator = options.separator ?? ",";
  const rows = Math.min(frame.length, options.limit ?? Infinity);
  const quoted = (text: string) => mustQuote(text, separator) ? `"${text.replaceAll('"', '""')}"` : text;
  const out = options.header === false ? [] : [frame.names.map(quoted).join(separator)];
  const columns = frame.names.map((name) => cellsOf(frame.column(name), quoted));
  for (let row = 0; row < rows; row++) {
    let line = columns.length === 0 ? "" : columns[0]!(row);
    for (let at = 1; at < columns.length; at++) line += separator + columns[at]!(row);
    out.push(line);
  }
  return out.length === 0 ? "" : out.join("\n") + "\n";
}

/** Small integers come again and again: their texts are made once for each column. */
const SMALL = 65_536;

/** The text of each row's cell. */
function cellsOf(column: Column, quoted: (text: string) => string): (row: number) => string {
  if (column instanceof DictColumn) {
    // A name repeats in thousands of rows: each is quoted once.
    const { codes } = column;
    const texts = column.dictionary.map(quoted);
    return (row) => texts[codes[row]!] ?? "";
  }
  if (column instanceof BigInt64Array || column instanceof BigUint64Array) {
    return (row) => String(column[row]);
  }
  if (column instanceof Float64Array || column instanceof Float32Array) {
    return (row) => Number.isNaN(column[row]) ? "" : String(column[row]);
  }
  const texts: string[] = [];
  return (row) => {
    const value = column[row]!;
    return value >= 0 && value < SMALL ? texts[value] ??= String(value) : String(value);
  };
}

function mustQuote(text: string, separator: string): boolean {
  return text.includes(separator) || /["\r\n]/.test(text);
}
