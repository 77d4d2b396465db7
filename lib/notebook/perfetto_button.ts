import { escapeHtml } from "../frame/escape_html.ts";
import { visibleText } from "../frame/visible_text.ts";

const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** Options of {@linkcode perfettoButton}. */
export interface PerfettoButtonOptions {
  /** Name of the trace in Perfetto. Default: `schedscope`. */
  title?: string;
  /** Where the Perfetto UI is served. Default: `https://ui.perfetto.dev`; a copy of one's own works as well. */
  ui?: string;
  /** Most bytes that are put into the notebook. Default: 32 MiB. */
  limit?: number;
}

/** See {@linkcode perfettoButton}. */
export class PerfettoButton {
  /** The button with its script and the trace, for a page. */
  readonly html: string;
  readonly #size: number;

  /** Use {@linkcode perfettoButton}. */
  constructor(html: string, size: number) {
    this.html = html;
    this.#size = size;
  }

  /** What a notebook shows. */
  [jupyterDisplay](): Record<string, string> {
    return { "text/html": this.html, "text/plain": this.toString() };
  }

  /** What a terminal shows. */
  toString(): string {
    return `[a Perfetto trace of ${
      this.#size.toLocaleString("en-US")
    } bytes: shown in a notebook, or written by schedscope export --to perfetto]`;
  }
}

/**
 * A button that opens `trace` (a Perfetto protobuf, as `perfettoBytes` makes it) in the Perfetto UI.
 *
 * The trace stays in the browser: the page of the UI is opened when the button is pressed, not before, and is handed the bytes
 * by `postMessage`, the UI's documented way. The bytes are part of the notebook. Throws a RangeError where they are more than
 * `limit`: open a window of the trace, or write a file and open that.
 */
export function perfettoButton(trace: Uint8Array, options: PerfettoButtonOptions = {}): PerfettoButton {
  const { title = "schedscope", ui = "https://ui.perfetto.dev", limit = 32 << 20 } = options;
  if (trace.length > limit) {
    throw new RangeError(
      `The trace has ${trace.length} bytes, more than the ${limit} that go into a notebook: ` +
        "take a window of it, or write it to a file with writePerfetto() and open that in the UI",
    );
  }
  const origin = new URL(ui).origin;
  const facts = { origin, ui, title: visibleText(title) };
  return new PerfettoButton(
    `<div class="schedscope-perfetto"><button type="button">Open in Perfetto: ${
      escapeHtml(visibleText(title))
    }</button> <span role="status"></span>` +
      `<script type="text/plain">${trace.toBase64()}</script>` +
      `<script>(${SCRIPT})(document.currentScript,${inScript(JSON.stringify(facts))})</script></div>`,
    trace.length,
  );
}

/** JSON that cannot end the script element it stands in. */
function inScript(json: string): string {
  return json.replaceAll("<", "\\u003c");
}

/** Runs in the reader's browser: asks the opened UI until it answers, then hands it the bytes. */
const SCRIPT = `function (script, facts) {
  var box = script ? script.parentElement : [].slice.call(document.querySelectorAll(".schedscope-perfetto")).pop();
  var status = box.querySelector("span");
  box.querySelector("button").onclick = function () {
    var bytes = Uint8Array.from(atob(box.querySelector('script[type="text/plain"]').textContent), function (c) {
      return c.charCodeAt(0);
    });
    var ui = window.open(facts.ui);
    if (!ui) { status.textContent = "The browser blocked the new window: allow pop-ups for this page."; return; }
    var asked = 0;
    var timer = setInterval(function () {
      if (++asked > 600 || ui.closed) { clearInterval(timer); removeEventListener("message", answer);
        status.textContent = "Perfetto did not answer."; return; }
      ui.postMessage("PING", facts.origin);
    }, 100);
    function answer(event) {
      if (event.source !== ui || event.origin !== facts.origin || event.data !== "PONG") return;
      clearInterval(timer);
      removeEventListener("message", answer);
      ui.postMessage({ perfetto: { buffer: bytes.buffer, title: facts.title } }, facts.origin);
      status.textContent = "Opened.";
    }
    addEventListener("message", answer);
  };
}`;
