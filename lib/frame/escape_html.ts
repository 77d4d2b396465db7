import { visibleText } from "./visible_text.ts";

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text for HTML or XML, in an element or in a quoted attribute: it shows as it is and can never become markup.
 *
 * Control characters and bidirectional overrides are made visible as {@linkcode visibleText} does; line feeds and
 * tabs stay.
 *
 * @example
 * ```ts
 * import { escapeHtml } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * assert.equal(escapeHtml("<img src=x onerror=alert(1)>"), "&lt;img src=x onerror=alert(1)&gt;");
 * ```
 */
export function escapeHtml(text: string): string {
  const seen = text.split(/([\n\t])/).map((part) =>
    part === "\n" || part === "\t" ? part : visibleText(part)
  );
  return seen.join("").replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
