import { escapeHtml } from "../frame/escape_html.ts";
import { visibleText } from "../frame/visible_text.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** A table that can write itself as HTML; every `Frame` can. */
export interface PageTable {
  /** Number of rows. */
  readonly length: number;
  /** The first rows as an HTML table whose cells are escaped. */
  toHTML(options?: { limit?: number }): string;
}

/** A picture that can be put into a page; every `Figure` can. */
export interface PageFigure {
  /** Trusted HTML. */
  readonly html: string;
}

/** A part of a page under its own heading; what is there appears in the order of the fields. */
export interface PageSection {
  /** Its heading. */
  heading: string;
  /** Paragraphs. */
  prose?: string | readonly string[];
  /** Names and values. */
  facts?: Readonly<Record<string, string | number>>;
  /** Pictures. */
  figures?: readonly PageFigure[];
  /** Tables. */
  frames?: readonly PageTable[];
  /** Most rows of each table. Default 50. */
  limit?: number;
  /** Preformatted text, such as a program's own output. */
  text?: string;
}

/** What {@linkcode renderPage} puts together. */
export interface Page {
  /** Title of the page and its first heading. */
  title: string;
  /** The answer in a sentence, at the very top. */
  summary?: string;
  /** Names and values under it. */
  facts?: Readonly<Record<string, string | number>>;
  /** Its parts; a list of contents links to them. */
  sections: readonly PageSection[];
  /** The one script that may run, as the policy names it: `'sha256-...'`, such as `WIDGET_SCRIPT_SOURCE`. Default: none may. */
  scriptSource?: string;
}

/**
 * One HTML page that needs nothing else: no script, no network, light or dark as the reader's system is.
 *
 * All text is escaped. The page's own security policy forbids scripts (but for one that is named) and every connection, should
 * something get past that.
 *
 * @example
 * ```ts
 * import { DictColumn, Frame } from "@schedscope/schedscope/frame";
 * import { plotCauseShare, renderPage } from "@schedscope/schedscope/plot";
 * import assert from "node:assert/strict";
 *
 * const causes = new Frame({ cause: DictColumn.from(["queued", "irq"]), dur: Float64Array.of(47_100_000, 12_000) });
 * const page = renderPage({
 *   title: "Gaps",
 *   sections: [{ heading: "Time by cause", figures: [plotCauseShare(causes)], frames: [causes] }],
 * });
 * assert.match(page, /47\.1 ms/);
 * ```
 */
export function renderPage(page: Page): string {
  const ids = page.sections.map((section, at) => `${at + 1}-${slug(section.heading)}`);
  const contents = page.sections.map(({ heading }, at) =>
    `<li><a href="#${ids[at]}">${text(heading)}</a></li>`
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:${
    page.scriptSource === undefined ? "" : `; script-src ${page.scriptSource}`
  }">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text(page.title)}</title>
<style>
${PAGE_STYLE}
</style>
</head>
<body>
<main>
<header>
<h1>${text(page.title)}</h1>
${page.summary === undefined ? "" : `<p class="summary">${escapeHtml(page.summary)}</p>`}
${facts(page.facts)}
</header>
${contents.length > 2 ? `<nav aria-label="Contents"><ol>${contents.join("")}</ol></nav>` : ""}
${page.sections.map((section, at) => renderSection(section, ids[at]!)).join("\n")}
</main>
</body>
</html>
`;
}

function renderSection(section: PageSection, id: string): string {
  const { heading, prose = [], figures = [], frames = [], limit = 50 } = section;
  const paragraphs = typeof prose === "string" ? [prose] : prose;
  return [
    `<section id="${id}">`,
    `<h2>${text(heading)}</h2>`,
    ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    facts(section.facts),
    ...figures.map(({ html }) => `<div class="wide">${html}</div>`),
    ...frames.map((frame) => `<div class="wide">${frame.toHTML({ limit })}</div>`),
    section.text === undefined ? "" : `<pre>${escapeHtml(section.text)}</pre>`,
    "</section>",
  ].filter((part) => part !== "").join("\n");
}

function facts(values: Readonly<Record<string, string | number>> | undefined): string {
  if (values === undefined) return "";
  const rows = Object.entries(values).map(([name, value]) =>
    `<dt>${text(name)}</dt><dd>${text(String(value))}</dd>`
  );
  return `<dl>${rows.join("\n")}</dl>`;
}

function text(line: string): string {
  return escapeHtml(visibleText(line));
}

function slug(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}
