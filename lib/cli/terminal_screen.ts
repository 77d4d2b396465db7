/** Alternate screen, cursor off, no wrapping of long lines; and back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/**
 * The whole terminal for a live view: keys come as they are pressed, pictures take the place of one another, and what was there
 * before comes back at the end, also where that is a signal, an error or the end of the process.
 *
 * Ctrl-C stays SIGINT. Ctrl-Z gives the terminal back while the process is stopped.
 */
export class TerminalScreen implements Disposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #restore = () => this[Symbol.dispose]();
  readonly #suspend = () => {
    this.#leave();
    Deno.kill(Deno.pid, "SIGSTOP");
  };
  readonly #resume = () => {
    this.#enter();
    this.#onResize();
  };
  readonly #onResize: () => void;
  #entered = false;
  #done = false;

  /** Takes the terminal of standard input and output; `onKey` gets each key, `onResize` is called when the picture must be made anew. */
  constructor(onKey: (key: string) => void, onResize: () => void) {
    this.#onResize = onResize;
    this.#reader = Deno.stdin.readable.getReader();
    this.#enter();
    globalThis.addEventListener("unload", this.#restore);
    Deno.addSignalListener("SIGWINCH", this.#onResize);
    Deno.addSignalListener("SIGTSTP", this.#suspend);
    Deno.addSignalListener("SIGCONT", this.#resume);
    this.#read(onKey);
  }

  /** Columns and lines. */
  get size(): { columns: number; rows: number } {
    try {
      const { columns, rows } = Deno.consoleSize();
      // A terminal that does not know its size says 0.
      return { columns: columns || 80, rows: rows || 24 };
    } catch {
      return { columns: 80, rows: 24 };
    }
  }

  /** Shows `lines` in place of what was there. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  }

  /** Gives the terminal back as it was. */
  [Symbol.dispose](): void {
    if (this.#done) return;
    this.#done = true;
    globalThis.removeEventListener("unload", this.#restore);
    Deno.removeSignalListener("SIGWINCH", this.#onResize);
    Deno.removeSignalListener("SIGTSTP", this.#suspend);
    Deno.removeSignalListener("SIGCONT", this.#resume);
    this.#leave();
    this.#reader.cancel().catch(() => {});
  }

  #enter(): void {
    if (this.#entered || this.#done) return;
    Deno.stdin.setRaw(true, { cbreak: true });
    this.#entered = true;
    write(ENTER);
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    try {
      write(LEAVE);
    } catch {
      // The terminal is gone.
    }
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // Likewise.
    }
  }

  async #read(onKey: (key: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (this.#done) return;
        if (done) return onKey("q");
        const text = decoder.decode(value, { stream: true });
        // The sequence of an arrow or function key is no Esc.
        if (text.length > 1 && text.startsWith("\x1b")) continue;
        for (const key of text) onKey(key);
      }
    } catch {
      if (!this.#done) onKey("q");
    }
  }
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
