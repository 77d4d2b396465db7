import type { ConsoleLine } from "./options.ts";
import { readLines } from "./read_lines.ts";

/** Lines that are kept. */
const KEPT = 10_000;

/** Bytes of a line; a longer one is cut into several. */
const MOST = 4096;

/** Lines that an error shows. */
const LAST = 80;

/** What the guest wrote to its serial console. */
export class ConsoleLog {
  readonly #lines: ConsoleLine[] = [];
  readonly #waiting = new Set<{ pattern: RegExp; resolve(line: ConsoleLine): void }>();
  readonly #onLine: ((line: ConsoleLine) => void) | undefined;
  #origin = performance.now();

  /** Calls `onLine` with each line. */
  constructor(onLine?: (line: ConsoleLine) => void) {
    this.#onLine = onLine;
  }

  /** The last 10 000 lines. */
  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  /** Time stamps count from now on. */
  start(): void {
    this.#origin = performance.now();
  }

  /** Reads `conn` to its end. */
  async read(conn: Deno.Conn): Promise<void> {
    for await (const text of readLines(conn, { most: MOST })) {
      const line: ConsoleLine = { ts: Math.round((performance.now() - this.#origin) * 1e6), text };
      this.#lines.push(line);
      if (this.#lines.length > 2 * KEPT) this.#lines.splice(0, KEPT);
      for (const waiting of [...this.#waiting]) {
        if (!waiting.pattern.test(text)) continue;
        this.#waiting.delete(waiting);
        waiting.resolve(line);
      }
      this.#onLine?.(line);
    }
  }

  /** The first line from now on that matches `pattern`; never rejects, and resolves only where there is one. */
  line(pattern: RegExp): Promise<ConsoleLine> {
    const { promise, resolve } = Promise.withResolvers<ConsoleLine>();
    this.#waiting.add({ pattern, resolve });
    return promise;
  }

  /** The texts of the last lines, at most 80. */
  last(): string[] {
    return this.#lines.slice(-LAST).map((line) => line.text);
  }
}
