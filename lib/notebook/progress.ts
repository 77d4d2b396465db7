import { escapeHtml } from "../frame/escape_html.ts";
import { visibleText } from "../frame/visible_text.ts";
import { interruptSignal } from "./interrupt_signal.ts";
import { kernel } from "./kernel.ts";
import { progressLine, progressShare, type ProgressState } from "./progress_line.ts";

/** Options of {@linkcode progress}. */
export interface ProgressOptions {
  /** What the job is called (default: nothing). */
  label?: string;
  /** Steps in all, for an iterable that does not tell its length (default: its `length` or `size`). */
  total?: number;
  /** Ends the iteration over an iterable when aborted (default: the notebook's, see `interruptSignal`). */
  signal?: AbortSignal;
}

/** Pause between two updates in milliseconds: in a notebook and on a terminal, and in a log. */
const livePause = 100, logPause = 10_000;

/**
 * The progress of a job, shown while it runs: one display updated in place in a notebook, one line on a terminal's
 * stderr, and otherwise a line every ten seconds, so that a log of a short job stays empty.
 */
export class Progress implements Disposable {
  readonly #label: string;
  readonly #start: number = performance.now();
  readonly #id: string = `schedscope-progress-${crypto.randomUUID()}`;
  readonly #sink: "notebook" | "terminal" | "log";
  #total: number | undefined;
  #done = 0;
  #drawn: number;
  #displayed = false;
  #closed = false;

  /** Starts the clock. `total` is the number of steps, undefined if nobody knows. Nothing is shown before 0.1 s. */
  constructor(total?: number, options: ProgressOptions = {}) {
    this.#total = total;
    this.#label = options.label ?? "";
    this.#sink = kernel() !== undefined ? "notebook" : Deno.stderr.isTerminal() ? "terminal" : "log";
    this.#drawn = this.#start;
  }

  /** How far the job is now. */
  get state(): ProgressState {
    const elapsed = (performance.now() - this.#start) * 1e6;
    return { label: this.#label, done: this.#done, total: this.#total, elapsed };
  }

  /** Says that `done` steps are done, of `total` if that has become known. Bound, so that it serves as `onProgress`. */
  readonly update = (done: number, total?: number): void => {
    this.#done = done;
    if (total !== undefined) this.#total = total;
    const now = performance.now();
    if (this.#closed || now - this.#drawn < (this.#sink === "log" ? logPause : livePause)) return;
    this.#drawn = now;
    this.#draw();
  };

  /** Says that `steps` more are done (default 1). */
  add(steps = 1): void {
    this.update(this.#done + steps);
  }

  /** Shows the last state and ends the line. Further updates show nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#displayed) this.#draw();
    if (this.#displayed && this.#sink === "terminal") write("\n");
  }

  /** Closes it: `using bar = progress(n)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #draw(): void {
    const state = this.state;
    const text = progressLine({ ...state, label: visibleText(state.label) });
    const again = this.#displayed;
    this.#displayed = true;
    if (this.#sink === "terminal") return write(`\r\x1b[K${text}`);
    if (this.#sink === "log") return write(`${text}\n`);
    const share = progressShare(state);
    const value = share === undefined ? this.#closed ? ' value="1"' : "" : ` value="${share}"`;
    void kernel()?.broadcast(again ? "update_display_data" : "display_data", {
      data: {
        "text/html": `<div><progress${value}></progress> ${escapeHtml(text)}</div>`,
        "text/plain": text,
      },
      metadata: {},
      transient: { display_id: this.#id },
    });
  }
}

/**
 * Shows how far a job of `total` steps is, with the time left: call `add` or `update`, then `close`.
 *
 * @example
 * ```ts
 * import { progress } from "@schedscope/schedscope/notebook";
 *
 * using bar = progress(3, { label: "reading" });
 * for (let file = 0; file < 3; file++) bar.add();
 * ```
 */
export function progress(total: number | undefined, options?: ProgressOptions): Progress;
/**
 * Iterates over `items` and shows how far it is. It lets the event loop turn every 0.1 s, so that an interrupt gets
 * through even if the loop's body never waits.
 *
 * @throws The signal's reason, at the first item after it was aborted
 */
export function progress<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options?: ProgressOptions,
): AsyncGenerator<T, void>;
export function progress<T>(
  work: number | undefined | Iterable<T> | AsyncIterable<T>,
  options: ProgressOptions = {},
): Progress | AsyncGenerator<T, void> {
  if (work === undefined || typeof work === "number") return new Progress(work, options);
  return iterate(work, options);
}

async function* iterate<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: ProgressOptions,
): AsyncGenerator<T, void> {
  const signal = options.signal ?? interruptSignal();
  const sized = items as { length?: unknown; size?: unknown };
  const total = [options.total, sized.length, sized.size].find((n): n is number => typeof n === "number");
  using bar = new Progress(total, options);
  let turned = performance.now();
  for await (const item of items) {
    if (performance.now() - turned >= livePause) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      turned = performance.now();
    }
    signal.throwIfAborted();
    yield item;
    bar.add();
  }
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
