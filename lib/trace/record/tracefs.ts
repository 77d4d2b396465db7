import * as fs from "node:fs";
import { parseHeaderPage } from "../ring_buffer.ts";
import type { CaptureCpuStats, CaptureMeta, CaptureMoment } from "../tracefs/meta.ts";
import { CaptureDirectory } from "./capture_directory.ts";
import { cleanStale } from "./clean_stale.ts";
import { RecordingError } from "./errors.ts";
import { chooseCpus, chooseEvents, cpuMask } from "./choose.ts";
import { defaultBuffer, TracefsInstance } from "./instance.ts";
import { readKernelFile, readKernelText } from "./kernel_file.ts";
import { lookAtMachine, type Machine } from "./machine.ts";
import { PageDrain } from "./page_drain.ts";
import { InstanceClock } from "./trace_clock.ts";
import { TRACEFS, tracefsRoot } from "./tracefs_root.ts";

/** Options of {@linkcode startTracefs}. */
export interface TracefsOptions {
  /** Directory to write, by custom `NAME.tracefs`. An older capture there is replaced when the new one is whole. */
  output: string;
  /** Events as `system:name` (or `system:*`). Default: the scheduler's; of these, ones the kernel lacks are left out. */
  events?: readonly string[];
  /** More events, beside those of `events`. Default: none. */
  extraEvents?: readonly string[];
  /** Also interrupts' entries and exits, where the kernel has them. Default: false. */
  irq?: boolean;
  /** Clock of the stamps. Default: `mono`. */
  clock?: "mono" | "x86-tsc";
  /** Ticks in a second for `x86-tsc`, where it is known better than from the recording itself. Default: measured. */
  tscHz?: number;
  /** Buffer of each CPU in KiB. Default: 32 MiB, less where memory is short; it is drained while recording. */
  bufferKb?: number;
  /** Only these CPUs. Default: all. */
  cpus?: readonly number[];
  /** Milliseconds between looks at how full the buffers are; 0 drains only at the stop. Default: 50. */
  drainEvery?: number;
}

/** What {@linkcode TracefsRecorder.stop} hands over. */
export interface TracefsCapture {
  /** The directory. */
  readonly path: string;
  /** Events that were recorded and are in the capture. */
  readonly events: number;
  /** Events that were lost. */
  readonly lost: number;
  /** Bytes of raw pages. */
  readonly bytes: number;
  /** What was noticed while recording. */
  readonly notes: readonly string[];
}

const VERSION = "schedscope 0.1.0";

/**
 * Starts recording by a tracefs instance of its own, and returns when tracing is on.
 *
 * What dead recorders left behind is removed first. Throws {@linkcode MachineLacksError} where tracefs is not there or
 * not allowed, {@linkcode RangeError} for an event or CPU that the machine does not have.
 */
export async function startTracefs(options: TracefsOptions): Promise<TracefsRecorder> {
  const { mounted } = await tracefsRoot();
  const notes: string[] = [];
  if (mounted) notes.push(`mounted tracefs at ${TRACEFS}`);
  const { removed, failed } = cleanStale();
  for (const path of removed) notes.push(`removed ${path}, left by a process that is gone`);
  for (const { path, reason } of failed) {
    notes.push(`could not remove ${path}, left by a process that is gone: ${reason}`);
  }
  const recorder = new TracefsRecorder(options, notes);
  try {
    recorder.guard();
    return recorder;
  } catch (error) {
    await recorder[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running recording by tracefs. Disposing of it without {@linkcode TracefsRecorder.stop} throws the recording away. */
export class TracefsRecorder implements AsyncDisposable {
  /** The instance's directory: `trace_marker`, `tracing_on` and all else is there. */
  readonly instanceDir: string;
  /** Name of the clock. */
  readonly clock: string;
  /** Events that are on. */
  readonly events: readonly string[];
  /** Buffer of each CPU in KiB. */
  readonly bufferKb: number;
  readonly #notes: string[];
  readonly #machine: Machine;
  readonly #output: string;
  readonly #instance: TracefsInstance;
  readonly #directory: CaptureDirectory;
  readonly #drains: PageDrain[] = [];
  readonly #pageSize: number;
  readonly #pageData: number;
  readonly #tscHz: number | undefined;
  readonly #unload = () => this.#abandon();
  #clockReader: InstanceClock | undefined;
  #started: CaptureMoment | undefined;
  #marker: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #failure: unknown;
  #released = false;

  /** Use {@linkcode startTracefs}, which sees to what must be there before. */
  constructor(options: TracefsOptions, notes: string[]) {
    this.#notes = notes;
    this.#machine = lookAtMachine();
    this.#output = options.output.replace(/(.)\/+$/, "$1");
    this.clock = options.clock ?? "mono";
    this.#tscHz = options.tscHz === undefined ? undefined : Math.round(options.tscHz * 1000) / 1000;
    const headerPage = readKernelText(`${TRACEFS}/events/header_page`);
    const layout = parseHeaderPage(headerPage, this.#machine.littleEndian);
    this.#pageSize = layout.size;
    this.#pageData = layout.size - layout.dataOffset;
    this.events = chooseEvents(options);
    const cpus = chooseCpus(options.cpus, this.#machine);
    this.#directory = new CaptureDirectory(this.#output);
    try {
      this.#instance = new TracefsInstance();
    } catch (error) {
      this.#directory.discard();
      throw error;
    }
    const instance = this.#instance;
    this.instanceDir = instance.path;
    try {
      globalThis.addEventListener("unload", this.#unload);
      instance.write("tracing_on", "0");
      this.bufferKb = instance.setBuffer(options.bufferKb ?? defaultBuffer(cpus.length));
      instance.refuseUnknownClock(this.clock);
      this.#clockReader = new InstanceClock(this.instanceDir, this.clock, cpus[0]!);
      if (options.cpus !== undefined) instance.write("tracing_cpumask", cpuMask(cpus));
      instance.tryWrite("options/record-tgid", "1");
      this.#copyLayouts(headerPage);
      for (const cpu of cpus) {
        const path = `${this.#directory.path}/per_cpu/cpu${cpu}.raw`;
        this.#drains.push(new PageDrain(this.instanceDir, cpu, path, this.#pageSize));
      }
      for (const event of this.events) instance.write(`events/${event.replace(":", "/")}/enable`, "1");
      this.#started = this.#clockReader.now();
      instance.write("tracing_on", "1");
    } catch (error) {
      this.#abandon();
      throw error;
    }
    const every = options.drainEvery ?? 50;
    if (every > 0) {
      this.#timer = setInterval(() => this.#drainSome(), every);
      Deno.unrefTimer(this.#timer as unknown as number);
    }
  }

  /** Has the instance removed also when this process is gone before it could; see {@linkcode TracefsInstance}. */
  guard(): void {
    this.#instance.guard();
  }

  /** Writes `text` into the trace, where it becomes an `ftrace:print` event. */
  marker(text: string): void {
    if (this.#released) throw new RecordingError("Expected a running recording but this one has ended");
    this.#marker ??= fs.openSync(`${this.instanceDir}/trace_marker`, "w");
    fs.writeSync(this.#marker, text);
  }

  /**
   * Turns tracing off, writes the rest of the capture and removes the instance.
   *
   * Throws {@linkcode RecordingError} where the capture could not be written (a full disk); the instance is gone all the same.
   */
  async stop(): Promise<TracefsCapture> {
    try {
      return this.#finish();
    } catch (error) {
      this.#abandon();
      throw error;
    } finally {
      await this.#removeBusy();
    }
  }

  /** Removes the instance, and what was recorded unless {@linkcode TracefsRecorder.stop} has finished it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#released) this.#abandon();
    await this.#removeBusy();
  }

  #finish(): TracefsCapture {
    if (this.#failure !== undefined) throw this.#failed(this.#failure);
    if (this.#released) throw new RecordingError("Expected a running recording but this one has ended");
    clearInterval(this.#timer);
    let bytes = 0;
    const stats: CaptureCpuStats[] = [];
    try {
      this.#instance.write("tracing_on", "0");
      const stopped = this.#clockReader!.now();
      this.#instance.write("events/enable", "0");
      for (const drain of this.#drains) {
        drain.drain(Infinity);
        const { text, counters } = drain.source.stats();
        this.#directory.write(`per_cpu/cpu${drain.source.cpu}.stats`, text);
        stats.push(counters);
        bytes += drain.written;
      }
      for (const name of ["saved_cmdlines", "saved_tgids", "printk_formats"]) this.#copy(name);
      this.#directory.write("meta.json", `${JSON.stringify(this.#meta(stopped, stats), null, 2)}\n`);
      this.#release();
      this.#directory.publish();
    } catch (error) {
      throw this.#failed(error);
    }
    const sum = (of: (row: CaptureCpuStats) => number) => stats.reduce((total, row) => total + of(row), 0);
    return {
      path: this.#output,
      events: sum((row) => row.readEvents),
      lost: sum((row) => row.overrun + row.commitOverrun + row.droppedEvents + row.entries),
      bytes,
      notes: this.#notes,
    };
  }

  #meta(stopped: CaptureMoment, stats: CaptureMeta["stats"]): CaptureMeta {
    const { host, topology, online, possible, pageSize, littleEndian } = this.#machine;
    const hz = this.clock === "x86-tsc" ? this.#tscHz ?? this.#clockReader!.hz : undefined;
    return {
      format: "schedscope-tracefs",
      version: 1,
      recorder: VERSION,
      clock: this.clock,
      ...(hz === undefined ? {} : { tscHz: hz }),
      littleEndian,
      pageSize,
      host: { ...host, recorder: VERSION },
      topology,
      cpus: { online, possible },
      started: this.#started!,
      stopped,
      bufferKb: this.bufferKb,
      events: this.events,
      stats,
      notes: this.#notes,
    };
  }

  /** Moves whole pages out of every buffer that is a quarter full. */
  #drainSome(): void {
    try {
      for (const drain of this.#drains) {
        const { waiting } = drain.source;
        if (waiting < this.bufferKb * 1024 / 4) continue;
        // The last pages may still be written to; a page that is read half full wastes the rest of it.
        drain.drain(Math.max(0, Math.floor(waiting / this.#pageData) - 2));
      }
    } catch (error) {
      this.#failure = error;
      this.#abandon();
    }
  }

  #failed(cause: unknown): RecordingError {
    if (cause instanceof RecordingError) return cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    return new RecordingError(`The recording to ${this.#output} failed and was removed: ${message}`, {
      cause,
    });
  }

  #abandon(): void {
    try {
      this.#release();
    } finally {
      this.#directory.discard();
    }
  }

  /** Closes everything and removes the instance. */
  #release(): void {
    if (this.#released) return;
    this.#released = true;
    globalThis.removeEventListener("unload", this.#unload);
    clearInterval(this.#timer);
    for (const drain of this.#drains) drain[Symbol.dispose]();
    this.#clockReader?.[Symbol.dispose]();
    if (this.#marker !== undefined) fs.closeSync(this.#marker);
    this.#instance.release();
  }

  /** Waits until the instance is gone. */
  async #removeBusy(): Promise<void> {
    const note = await this.#instance.released();
    if (note !== undefined) this.#notes.push(note);
  }

  #copyLayouts(headerPage: string): void {
    this.#directory.write("header_page", headerPage);
    this.#directory.write("header_event", readKernelText(`${TRACEFS}/events/header_event`));
    const own = [...Deno.readDirSync(`${TRACEFS}/events/ftrace`)].map(({ name }) => `ftrace:${name}`);
    for (const event of [...this.events, ...own]) {
      const path = `events/${event.replace(":", "/")}`;
      let text: string;
      try {
        text = readKernelText(`${TRACEFS}/${path}/format`);
      } catch (error) {
        if (!event.startsWith("ftrace:")) throw error;
        continue;
      }
      this.#directory.write(`${path}.format`, text);
    }
  }

  #copy(name: string): void {
    let content: Uint8Array;
    try {
      content = readKernelFile(`${TRACEFS}/${name}`);
    } catch {
      return;
    }
    this.#directory.write(name, content);
  }
}
