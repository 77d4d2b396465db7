import { escapeHtml } from "../frame/escape_html.ts";

const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** What a {@linkcode Figure} is made of. */
export interface FigureParts {
  /** One `<svg>` element with `xmlns`, whose text takes `currentColor`. */
  svg: string;
  /** What the figure says, in words, for those who cannot see it and for terminals. */
  alt: string;
  /** Text under the figure. Default none. */
  caption?: string;
}

/** Text is dark, and light where the reader's system is dark; only for an image that stands alone. */
const STANDALONE_STYLE =
  "<style>:root{color:#1b1f24;background:transparent}@media(prefers-color-scheme:dark){:root{color:#e6e8eb}}</style>";

/**
 * A picture that shows itself in a notebook, goes into a page as text, and says in a terminal what it shows.
 */
export class Figure {
  /** The figure as a file of its own (`image/svg+xml`): readable on light and on dark. */
  readonly svg: string;
  /** The figure for a page: a `<figure>` element with inline SVG, which takes the colour of the text around it. */
  readonly html: string;
  /** What the figure says, in words. */
  readonly alt: string;

  /** Takes over `parts`, whose SVG is trusted; `alt` and `caption` are escaped here. */
  constructor(parts: FigureParts) {
    this.alt = parts.alt;
    this.svg = parts.svg.replace(/^(<svg\b[^>]*>)/, `$1${STANDALONE_STYLE}`);
    const caption = parts.caption === undefined
      ? ""
      : `<figcaption>${escapeHtml(parts.caption)}</figcaption>`;
    this.html = `<figure class="schedscope-figure" style="margin:0">${parts.svg}${caption}</figure>`;
  }

  /** What a notebook shows: inline SVG first, the words for a terminal, and an image for front ends without HTML. */
  [jupyterDisplay](): Record<string, string> {
    return { "text/html": this.html, "text/plain": this.alt, "image/svg+xml": this.svg };
  }

  /** The figure in words. */
  toString(): string {
    return this.alt;
  }
}
