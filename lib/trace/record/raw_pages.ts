import * as fs from "node:fs";
import type { CaptureCpuStats } from "../tracefs/meta.ts";
import { readKernelText } from "./kernel_file.ts";

/**
 * Takes one CPU's pages out of a tracefs instance.
 *
 * Reads `trace_pipe_raw` opened with O_NONBLOCK (by node:fs, as `Deno.open` has no flag for it): a blocking read waits
 * until the buffer is half full, also after tracing was turned off.
 */
export class RawPages implements Disposable {
  /** Number of the CPU. */
  readonly cpu: number;
  readonly #directory: string;
  readonly #pageSize: number;
  readonly #raw: number;

  /** Opens the raw pages of `cpu` in the instance at `instance`. */
  constructor(instance: string, cpu: number, pageSize: number) {
    this.cpu = cpu;
    this.#directory = `${instance}/per_cpu/cpu${cpu}`;
    this.#pageSize = pageSize;
    this.#raw = fs.openSync(
      `${this.#directory}/trace_pipe_raw`,
      fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
    );
  }

  /** Fills whole pages of `into` until it is full or there are none; returns how many. */
  read(into: Uint8Array): number {
    const size = this.#pageSize;
    const room = Math.floor(into.length / size);
    let filled = 0;
    while (filled < room && this.#readPage(into, filled * size)) filled++;
    return filled;
  }

  /** Bytes of events that wait to be read. */
  get waiting(): number {
    return counter(this.#statsText(), "bytes");
  }

  /** The CPU's counters now, verbatim and as numbers. */
  stats(): { text: string; counters: CaptureCpuStats } {
    const text = this.#statsText();
    return { text, counters: parseCpuStats(this.cpu, text) };
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    fs.closeSync(this.#raw);
  }

  #statsText(): string {
    return readKernelText(`${this.#directory}/stats`);
  }

  #readPage(into: Uint8Array, at: number): boolean {
    try {
      const length = fs.readSync(this.#raw, into, at, this.#pageSize, null);
      if (length === 0) return false;
      if (length < this.#pageSize) into.fill(0, at + length, at + this.#pageSize);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return false;
      throw error;
    }
  }
}

/** The counters in the text of a CPU's `stats`. */
export function parseCpuStats(cpu: number, text: string): CaptureCpuStats {
  return {
    cpu,
    overrun: counter(text, "overrun"),
    commitOverrun: counter(text, "commit overrun"),
    droppedEvents: counter(text, "dropped events"),
    readEvents: counter(text, "read events"),
    entries: counter(text, "entries"),
  };
}

function counter(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
}
