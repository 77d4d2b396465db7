import { createHash } from "node:crypto";
import { escapeHtml } from "../../frame/escape_html.ts";
import { visibleText } from "../../frame/visible_text.ts";
import { WIDGET_SCRIPT } from "./bundle.ts";
import { VERSION } from "./protocol.ts";

/**
 * What a page's Content-Security-Policy must have in `script-src` for the widget to run: the hash of its one script. The data are
 * none, styles are set by the script, and nothing is fetched, so that `default-src 'none'` may stand.
 */
export const WIDGET_SCRIPT_SOURCE: string = `'sha256-${
  createHash("sha256").update(WIDGET_SCRIPT).digest("base64")
}'`;

/** What {@linkcode widgetFragment} puts together. */
export interface WidgetFragment {
  /** The element's id, by which links find it: it follows from the data. */
  readonly id: string;
  /** HTML. */
  readonly html: string;
}

/** The element with packed `bytes` (of `widgetData`) and the script that shows them. `height` is that of the lanes, CSS pixels. */
export function widgetFragment(bytes: Uint8Array, alt: string, height: number): WidgetFragment {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const id = `schedscope-${hash}`;
  const words = escapeHtml(visibleText(alt));
  return {
    id,
    html: `<div class="schedscope-widget" id="${id}" data-version="${VERSION}" data-height="${height}" ` +
      `data-lm-suppress-shortcuts="true" role="img" aria-label="${words}">` +
      `<p class="schedscope-fallback">${words} (It is drawn by a script: in a notebook that you trust, choose ` +
      `“Trust Notebook”.)</p>` +
      `<script type="text/plain">${bytes.toBase64()}</script><script>${WIDGET_SCRIPT}</script></div>`,
  };
}
