import { cellText } from "./cell_text.ts";
import type { Column } from "./column.ts";
import { cutText, textWidth } from "./text_width.ts";
import { visibleText } from "./visible_text.ts";

/** Options of `Frame.toText`. */
export interface ToTextOptions {
  /** How many rows to show, from the first. Default 20. */
  limit?: number;
  /** Columns of the terminal; table columns that do not fit are left out and named below. Default: the terminal's, or 110. */
  width?: number;
  /** Widest that one cell may be; longer text is cut with `…`. Default 40. */
  cellWidth?: number;
}

/** What a table needs of a frame. */
export interface TableSource {
  /** Number of rows. */
  readonly length: number;
  /** Column names in order. */
  readonly names: readonly string[];
  /** A column by name. */
  column(name: string): Column;
}

const GAP = "  ";

/** `frame` as lines of text: a header, a rule, the first rows, and what was left out. No colours, no line end at the end. */
export function toText(frame: TableSource, options: ToTextOptions = {}): string {
  const rows = Math.min(frame.length, options.limit ?? 20);
  const width = options.width ?? terminalWidth();
  const lines: string[] = Array.from({ length: rows + 2 }, () => "");
  const omitted: string[] = [];
  let used = 0;
  for (const name of frame.names) {
    const block = omitted.length > 0
      ? []
      : columnBlock(name, frame.column(name), rows, options.cellWidth ?? 40);
    const wide = textWidth(block[0] ?? "");
    const gap = used === 0 ? "" : GAP;
    if (omitted.length > 0 || (used > 0 && used + gap.length + wide > width)) {
      omitted.push(visibleText(name));
      continue;
    }
    for (let line = 0; line < lines.length; line++) lines[line] += gap + block[line]!;
    used += gap.length + wide;
  }
  const out = lines.map((line) => line.trimEnd());
  if (frame.length === 0) out.push("no rows");
  if (rows < frame.length) out.push(`${grouped(rows)} of ${grouped(frame.length)} rows`);
  if (omitted.length > 0) out.push(`not shown: ${omitted.join(", ")}`);
  return out.join("\n");
}

/** Header, rule and cells of one column, all padded to one width. */
function columnBlock(name: string, column: Column, rows: number, cellWidth: number): string[] {
  const { text, right } = cellText(name, column);
  const cells = [visibleText(name), ""];
  for (let row = 0; row < rows; row++) cells.push(cutText(text(row), cellWidth));
  const wide = cells.reduce((most, cell) => Math.max(most, textWidth(cell)), 0);
  cells[1] = "─".repeat(wide);
  return cells.map((cell) => {
    const padding = " ".repeat(wide - textWidth(cell));
    return right ? padding + cell : cell + padding;
  });
}

function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 110;
  } catch {
    return 110;
  }
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
