import { visibleText } from "../frame/visible_text.ts";
import { displaySymbol, isDisplayable, type MediaBundle } from "./kernel.ts";

/** What {@linkcode displayBundle} asks of an Arquero table; tested by shape, so that Arquero need not be loaded. */
interface TableLike {
  numRows(): number;
  numCols(): number;
  toHTML(options: { limit: number }): string;
  toMarkdown(options: { limit: number }): string;
}

/** Rows of an Arquero table that are shown. */
const tableRows = 20;

/**
 * The forms in which `value` is shown. Never throws: what fails to display itself is shown as text, with the reason.
 *
 * - An object with `[Symbol.for("Jupyter.display")]()` decides for itself.
 * - DOM elements (what Observable Plot returns) become inline SVG or HTML in `text/html`. An SVG element also becomes
 *   `image/svg+xml` with its namespace, for front ends that show no HTML.
 * - Arquero tables become an HTML table of the first 20 rows.
 * - A string is its own text; everything else is what `Deno.inspect` prints, so `1n`, `NaN` and `-0` are seen.
 *
 * Text from strings has its control characters made visible, so that a name in a trace cannot drive a terminal.
 */
export async function displayBundle(value: unknown): Promise<MediaBundle> {
  try {
    if (isDisplayable(value)) return checked(await value[displaySymbol]());
    if (isElement(value)) return elementBundle(value.outerHTML);
    if (isTable(value)) return tableBundle(value);
  } catch (error) {
    return { "text/plain": `${plainText(value)}\n(display failed: ${firstLine(plainText(error))})` };
  }
  return { "text/plain": plainText(value) };
}

/** Whether `value` quacks like an Arquero `ColumnTable`. */
export function isTable(value: unknown): value is TableLike {
  if (typeof value !== "object" || value === null) return false;
  try {
    const table = value as Partial<TableLike>;
    return typeof table.toHTML === "function" && typeof table.toMarkdown === "function" &&
      typeof table.numRows === "function" && typeof table.numCols === "function";
  } catch {
    return false;
  }
}

/** `value` as text; never throws. */
export function plainText(value: unknown): string {
  if (typeof value === "string") {
    // Line breaks and tabs are layout in a text that is shown by itself.
    return value.split(/(\r?\n|\t)/).map((part, i) => i % 2 ? part : visibleText(part)).join("");
  }
  try {
    return Deno.inspect(value, { colors: false, depth: 4, strAbbreviateSize: 200, iterableLimit: 100 });
  } catch (error) {
    // What was thrown may be as unwilling as the value, so only its kind is named.
    return `[${typeof value} that cannot be inspected: it threw ${
      error instanceof Error ? "an Error" : typeof error
    }]`;
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}

function isElement(value: unknown): value is { outerHTML: string } {
  return typeof value === "object" && value !== null && "outerHTML" in value &&
    typeof value.outerHTML === "string";
}

function elementBundle(html: string): MediaBundle {
  if (!html.startsWith("<svg")) return { "text/html": html, "text/plain": "[HTML element]" };
  const opening = html.slice(0, html.indexOf(">"));
  const standalone = /\sxmlns=/.test(opening)
    ? html
    : html.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return { "text/html": html, "image/svg+xml": standalone, "text/plain": "[SVG figure]" };
}

function tableBundle(table: TableLike): MediaBundle {
  const size = `${table.numRows()} rows x ${table.numCols()} columns`;
  const more = table.numRows() > tableRows ? `, the first ${tableRows} shown` : "";
  // Arquero escapes markup but leaves control characters as they are.
  return {
    "text/html": `${plainText(table.toHTML({ limit: tableRows }))}<div>${size}${more}</div>`,
    "text/plain": `${plainText(table.toMarkdown({ limit: tableRows }))}${size}${more}`,
  };
}

function checked(bundle: unknown): MediaBundle {
  if (typeof bundle !== "object" || bundle === null || Array.isArray(bundle)) {
    throw new TypeError(
      `[Jupyter.display]() must return an object of MIME types but returned ${plainText(bundle)}`,
    );
  }
  return bundle as MediaBundle;
}
