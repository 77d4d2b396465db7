import { cellText } from "./cell_text.ts";
import { escapeHtml } from "./escape_html.ts";
import type { TableSource } from "./to_text.ts";
import { visibleText } from "./visible_text.ts";

/** Options of `Frame.toHTML`. */
export interface ToHTMLOptions {
  /** How many rows to show, from the first. Default 20. */
  limit?: number;
  /** Text under the table. Default: how many rows of how many are shown, if not all are. */
  caption?: string;
  /** Where the first cell of a row leads to, such as `#place`. Default: nowhere. */
  link?: (row: number) => string | undefined;
}

const RIGHT = ' style="text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap"';
const LEFT = ' style="text-align:left"';

/** `frame` as an HTML `<table>` of its first rows. Every cell is escaped: nothing of a trace can become markup. */
export function toHTML(frame: TableSource, options: ToHTMLOptions = {}): string {
  const rows = Math.min(frame.length, options.limit ?? 20);
  const columns = frame.names.map((name) => ({ name, ...cellText(name, frame.column(name)) }));
  const out = ['<table class="schedscope-frame">'];
  const caption = options.caption ?? rowCount(rows, frame.length);
  if (caption !== "") {
    out.push(`<caption style="caption-side:bottom;text-align:left">${escapeHtml(caption)}</caption>`);
  }
  const heads = columns.map(({ name, right }) =>
    `<th scope="col"${right ? RIGHT : LEFT}>${escapeHtml(visibleText(name))}</th>`
  );
  out.push(`<thead><tr>${heads.join("")}</tr></thead>`, "<tbody>");
  for (let row = 0; row < rows; row++) {
    const href = options.link?.(row);
    const cells = columns.map(({ text, right }, at) => {
      const cell = escapeHtml(text(row));
      const linked = at > 0 || href === undefined ? cell : `<a href="${escapeHtml(href)}">${cell}</a>`;
      return `<td${right ? RIGHT : LEFT}>${linked}</td>`;
    });
    out.push(`<tr>${cells.join("")}</tr>`);
  }
  out.push("</tbody>", "</table>");
  return out.join("\n");
}

function rowCount(shown: number, all: number): string {
  if (all === 0) return "no rows";
  return shown < all ? `${shown.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} rows` : "";
}
