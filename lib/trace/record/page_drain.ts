import * as fs from "node:fs";
import { RawPages } from "./raw_pages.ts";

/** Pages that are written at once. */
const BATCH = 64;

/** Moves one CPU's pages out of a tracefs instance into a file. */
export class PageDrain implements Disposable {
  /** Where the pages come from: the CPU, its counters. */
  readonly source: RawPages;
  readonly #pageSize: number;
  readonly #pages: Uint8Array;
  readonly #out: number;
  readonly #path: string;
  /** Bytes written so far. */
  written = 0;

  /** Opens the raw pages of `cpu` in the instance at `instance`, and the file at `path` to be made. */
  constructor(instance: string, cpu: number, path: string, pageSize: number) {
    this.#pageSize = pageSize;
    this.#pages = new Uint8Array(pageSize * BATCH);
    this.#path = path;
    this.source = new RawPages(instance, cpu, pageSize);
    try {
      this.#out = fs.openSync(path, "wx");
    } catch (error) {
      this.source[Symbol.dispose]();
      throw error;
    }
  }

  /** Moves at most `pages` pages (none that is not there yet is waited for); returns how many it moved. */
  drain(pages: number): number {
    let moved = 0;
    while (moved < pages) {
      const wanted = Math.min(BATCH, pages - moved);
      const filled = this.source.read(this.#pages.subarray(0, wanted * this.#pageSize));
      if (filled > 0) this.#write(this.#pages.subarray(0, filled * this.#pageSize));
      moved += filled;
      if (filled < wanted) break;
    }
    return moved;
  }

  /** Closes both files. */
  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
    fs.closeSync(this.#out);
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      try {
        done += fs.writeSync(this.#out, bytes, done, bytes.length - done, null);
      } catch (cause) {
        const code = (cause as { code?: string }).code ?? String(cause);
        const why = code === "ENOSPC" || code === "EDQUOT" ? `the disk is full (${code})` : String(cause);
        throw new Error(`${this.#path}: after ${this.written + done} bytes: ${why}`, { cause });
      }
    }
    this.written += bytes.length;
  }
}
