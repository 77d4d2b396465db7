import * as fs from "node:fs";
import type { CaptureCpuStats } from "../tracefs/meta.ts";
import { readKernelText } from "./kernel_file.ts";

/** Pages that are written at once. */
const BATCH = 64;

/**
 * Moves one CPU's pages out of a tracefs instance into a file.
 *
 * Reads `trace_pipe_raw` opened with O_NONBLOCK (by node:fs, as `Deno.open` has no flag for it): a blocking read waits
 * until the buffer is half full, also after tracing was turned off.
 */
export class PageDrain implements Disposable {
  readonly cpu: number;
  readonly #directory: string;
  readonly #pageSize: number;
  readonly #pages: Uint8Array;
  readonly #raw: number;
  readonly #out: number;
  readonly #path: string;
  /** Bytes written so far. */
  written = 0;

  /** Opens the raw pages of `cpu` in the instance at `instance`, and the file at `path` to be made. */
  constructor(instance: string, cpu: number, path: string, pageSize: number) {
    this.cpu = cpu;
    this.#directory = `${instance}/per_cpu/cpu${cpu}`;
    this.#pageSize = pageSize;
    this.#pages = new Uint8Array(pageSize * BATCH);
    this.#path = path;
    this.#raw = fs.openSync(
      `${this.#directory}/trace_pipe_raw`,
      fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
    );
    try {
      this.#out = fs.openSync(path, "wx");
    } catch (error) {
      fs.closeSync(this.#raw);
      throw error;
    }
  }

  /** Bytes of events that wait to be read. */
  get waiting(): number {
    return counter(this.#statsText(), "bytes");
  }

  /** Moves at most `pages` pages (none that is not there yet is waited for); returns how many it moved. */
  drain(pages: number): number {
    let moved = 0;
    while (moved < pages) {
      let filled = 0;
      const wanted = Math.min(BATCH, pages - moved);
      while (filled < wanted && this.#readPage(filled * this.#pageSize)) filled++;
      if (filled > 0) this.#write(this.#pages.subarray(0, filled * this.#pageSize));
      moved += filled;
      if (filled < wanted) break;
    }
    return moved;
  }

  /** The CPU's counters now, verbatim and as numbers. */
  stats(): { text: string; counters: CaptureCpuStats } {
    const text = this.#statsText();
    return {
      text,
      counters: {
        cpu: this.cpu,
        overrun: counter(text, "overrun"),
        commitOverrun: counter(text, "commit overrun"),
        droppedEvents: counter(text, "dropped events"),
        readEvents: counter(text, "read events"),
        entries: counter(text, "entries"),
      },
    };
  }

  /** Closes both files. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#raw);
    fs.closeSync(this.#out);
  }

  #statsText(): string {
    return readKernelText(`${this.#directory}/stats`);
  }

  #readPage(at: number): boolean {
    try {
      const length = fs.readSync(this.#raw, this.#pages, at, this.#pageSize, null);
      if (length === 0) return false;
      if (length < this.#pageSize) this.#pages.fill(0, at + length, at + this.#pageSize);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return false;
      throw error;
    }
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

function counter(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
}
