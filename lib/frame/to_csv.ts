import { DictColumn } from "./column.ts";
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
  const columns = frame.names.map((name) => frame.column(name));
  const quoted = (text: string) => mustQuote(text, separator) ? `"${text.replaceAll('"', '""')}"` : text;
  // A name repeats in thousands of rows: each is quoted once.
  const dictionaries = columns.map((column) =>
    column instanceof DictColumn ? column.dictionary.map(quoted) : []
  );
  const out = options.header === false ? [] : [frame.names.map(quoted).join(separator)];
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let at = 0; at < columns.length; at++) {
      const column = columns[at]!;
      if (at > 0) line += separator;
      if (column instanceof DictColumn) line += dictionaries[at]![column.codes[row]!] ?? "";
      else if (!Number.isNaN(column[row])) line += column[row];
    }
    out.push(line);
  }
  return out.length === 0 ? "" : out.join("\n") + "\n";
}

function mustQuote(text: string, separator: string): boolean {
  return text.includes(separator) || /["\r\n]/.test(text);
}
