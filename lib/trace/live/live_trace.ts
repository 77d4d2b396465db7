import { firstAbove } from "../time_order.ts";
import { type EventFormat, parseEventFormat } from "../event_format.ts";
import type { Quality } from "../quality.ts";
import { QualityTracker } from "../quality_tracker.ts";
import { chooseCpus, chooseEvents, cpuMask } from "../record/choose.ts";
import { RecordingError } from "../record/errors.ts";
import { defaultBuffer, TracefsInstance } from "../record/instance.ts";
import { readKernelText } from "../record/kernel_file.ts";
import { lookAtMachine, type Machine } from "../record/machine.ts";
import { RawPages } from "../record/raw_pages.ts";
import { InstanceClock } from "../record/trace_clock.ts";
import { TRACEFS } from "../record/tracefs_root.ts";
import { type PageLayout, parseHeaderPage } from "../ring_buffer.ts";
import { Kind } from "../stream.ts";
import { Trace } from "../trace.ts";
import { checkFields } from "../tracefs/layouts.ts";
import { PageRecording } from "../tracefs/page_recording.ts";
import { memoryPages } from "../tracefs/page_store.ts";
import { carryOver } from "./carry_over.ts";
import {
  countRows,
  decodeRows,
  keptFormats,
  type LiveRows,
  makeRows,
  mergeRows,
  NO_ROWS,
  pickRows,
  rowsOf,
  sliceRows,
  streamOf,
} from "./live_rows.ts";

/** Options of `startLive`. */
export interface LiveOptions {
  /** Only these CPUs. Default: all. */
  cpus?: readonly number[];
  /** Buffer of each CPU in KiB. Default: 32 MiB, less where memory is short. */
  bufferKb?: number;
  /** Milliseconds between two looks into the buffers, so that these last for an interval of any length; 0: only at its end. Default: 250. */
  drainEvery?: number;
}

/** What happened since the interval before, or since the start. */
export interface LiveInterval {
  /**
   * A window: its span is the interval, and its context knows who ran and who waited for what when it began, however long before that
   * was. Analyses of a window (`states`, `gaps`, `latency`, ...) take it as it is.
   */
  readonly trace: Trace;
  /** Records of the interval. */
  readonly events: number;
  /** Events that were lost in it, by the kernel's counters. */
  readonly lost: number;
}

/** ns before now at which an interval ends: a record of before that is surely in the buffer, and not still being written. */
const SETTLE = 2_000_000;
/** A thread that slept for as long is forgotten until it wakes: it is not needed, and there may be very many. */
const FORGET = 300e9;
/** Pages that are read at once. */
const BATCH = 64;

/** A running live trace; `startLive` makes it. Disposing of it removes its instance. */
export class LiveTrace implements AsyncDisposable {
  /** The CPUs that are followed. */
  readonly cpus: readonly number[];
  /** The tracefs instance. */
  readonly instanceDir: string;
  /** Bytes that were read so far. */
  bytes = 0;
  readonly #machine: Machine;
  readonly #instance: TracefsInstance;
  readonly #layout: PageLayout;
  readonly #formats = new Map<string, EventFormat>();
  readonly #kept: ReadonlyMap<string, EventFormat>;
  readonly #sources: RawPages[] = [];
  /** Pages of each source that were read in this interval. */
  readonly #pages: Uint8Array[][] = [];
  readonly #lost = new Map<number, number>();
  readonly #unload = () => this.#release();
  #clock: InstanceClock | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #failure: unknown;
  #released = false;
  /** The clock's stamp of ts = 0: the start. */
  #epoch = 0n;
  #wallOffset = 0n;
  /** End of the interval before, ns since the epoch. */
  #end = 0;
  #carried = NO_ROWS;
  /** Rows that are newer than the end. */
  #pending = NO_ROWS;

  /** Use `startLive`, which sees to what must be there before. */
  constructor(options: LiveOptions) {
    this.#machine = lookAtMachine();
    this.#layout = parseHeaderPage(
      readKernelText(`${TRACEFS}/events/header_page`),
      this.#machine.littleEndian,
    );
    this.cpus = chooseCpus(options.cpus, this.#machine);
    const events = chooseEvents({});
    for (const event of events) {
      const text = readKernelText(`${TRACEFS}/events/${event.replace(":", "/")}/format`);
      const format = parseEventFormat(text, event.slice(0, event.indexOf(":")));
      checkFields(format);
      this.#formats.set(event, format);
    }
    this.#kept = keptFormats(this.#formats);
    const instance = this.#instance = new TracefsInstance();
    this.instanceDir = instance.path;
    try {
      globalThis.addEventListener("unload", this.#unload);
      instance.write("tracing_on", "0");
      instance.setBuffer(options.bufferKb ?? defaultBuffer(this.cpus.length));
      this.#clock = new InstanceClock(instance.path, "mono", this.cpus[0]!);
      if (options.cpus !== undefined) instance.write("tracing_cpumask", cpuMask(this.cpus));
      for (const cpu of this.cpus) {
        this.#sources.push(new RawPages(instance.path, cpu, this.#layout.size));
        this.#pages.push([]);
      }
      for (const event of events) instance.write(`events/${event.replace(":", "/")}/enable`, "1");
      const { clock, wall } = this.#clock.now();
      this.#epoch = BigInt(clock);
      this.#wallOffset = BigInt(wall) - this.#epoch;
      instance.write("tracing_on", "1");
      switchEveryCpu();
    } catch (error) {
      this.#release();
      throw error;
    }
    const every = options.drainEvery ?? 250;
    if (every > 0) {
      this.#timer = setInterval(() => this.#drainSome(), every);
      Deno.unrefTimer(this.#timer as unknown as number);
    }
  }

  /** Has the instance removed also when this process is gone before it could. */
  guard(): void {
    this.#instance.guard();
  }

  /** Process that waits to remove the instance; undefined where there is none. */
  get guardPid(): number | undefined {
    return this.#instance.guardPid;
  }

  /**
   * What happened from the end of the interval before to two milliseconds ago (what is newer belongs to the next).
   *
   * Throws `RecordingError` where the buffers could not be read; the instance is gone then.
   */
  take(): LiveInterval {
    if (this.#failure !== undefined) throw failed(this.#failure);
    if (this.#released) throw new RecordingError("Expected a running live trace but this one has ended");
    try {
      return this.#take();
    } catch (error) {
      this.#release();
      throw failed(error);
    }
  }

  /** Stops tracing and removes the instance. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    await this.#instance.released();
  }

  #take(): LiveInterval {
    const now = Number(BigInt(this.#clock!.now().clock) - this.#epoch);
    const from = this.#end;
    const to = Math.max(from, now - SETTLE);
    this.#drain();
    const before = this.#carried;
    const all = mergeRows([before, this.#pending, this.#fresh(now)]);
    const first = firstAbove(all.ts, 0, all.length, from);
    const end = firstAbove(all.ts, 0, all.length, to);
    const context = sliceRows(all, 0, end);
    const interval = sliceRows(all, first, end);
    const trace = this.#trace(interval, { from, to }, {
      context: this.#trace(context, { from: context.ts[0] ?? from, to }),
      quality: () => intervalQuality(before, interval, from, to),
    });
    const taken = { trace, events: end - first, lost: this.#newlyLost() };
    this.#carried = carryOver(context, { forget: to - FORGET });
    this.#pending = pickRows(all, Uint32Array.from({ length: all.length - end }, (_, row) => end + row));
    this.#end = to;
    return taken;
  }

  /** The rows of the pages that were read since the interval before. */
  #fresh(now: number): LiveRows {
    const parts = this.#sources.map(({ cpu }, i) => {
      const bytes = concatenated(this.#pages[i]!);
      this.#pages[i] = [];
      return { cpu, bytes };
    });
    this.bytes += parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const second = 1_000_000_000n;
    const recording = new PageRecording({
      store: memoryPages(parts),
      layout: this.#layout,
      bounds: { from: this.#epoch - second, to: this.#epoch + BigInt(Math.ceil(now)) + second },
      formats: this.#formats,
      processes: new Map([[0, 0]]),
      emptyAt: this.#epoch,
    });
    const { counts } = recording.survey;
    const stream = recording.stream();
    const shift = Number(recording.epoch - this.#epoch);
    return rowsOf(stream, shift, counts, (event, fields) => recording.decode(event, fields));
  }

  #trace(
    rows: LiveRows,
    span: { from: number; to: number },
    more: { context?: Trace; quality?: () => Quality } = {},
  ): Trace {
    const { host, topology } = this.#machine;
    return new Trace({
      format: "live",
      epoch: this.#epoch,
      clock: { name: "mono", wallOffset: this.#wallOffset },
      host,
      topology,
      stream: streamOf(rows),
      formats: this.#kept,
      counts: () => countRows(rows),
      holes: [],
      savedNames: new Map(),
      span,
      decode: (event, fields) => decodeRows(rows, event, fields),
      ...more,
    });
  }

  #drain(): void {
    const size = this.#layout.size;
    this.#sources.forEach((source, i) => {
      for (;;) {
        const block = new Uint8Array(BATCH * size);
        const pages = source.read(block);
        // A page that is read half full must not keep the memory of many.
        if (pages > 0) this.#pages[i]!.push(pages === BATCH ? block : block.slice(0, pages * size));
        if (pages < BATCH) return;
      }
    });
  }

  #drainSome(): void {
    try {
      this.#drain();
    } catch (error) {
      this.#failure = error;
      this.#release();
    }
  }

  #newlyLost(): number {
    let lost = 0;
    for (const source of this.#sources) {
      const { overrun, commitOverrun, droppedEvents } = source.stats().counters;
      const now = overrun + commitOverrun + droppedEvents;
      lost += now - (this.#lost.get(source.cpu) ?? 0);
      this.#lost.set(source.cpu, now);
    }
    return lost;
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    globalThis.removeEventListener("unload", this.#unload);
    clearInterval(this.#timer);
    for (const source of this.#sources) source[Symbol.dispose]();
    this.#clock?.[Symbol.dispose]();
    this.#instance.release();
  }
}

/**
 * Makes every CPU switch once, so that it is known from the start on who runs there: a thread that has its CPU for itself may
 * not be switched for minutes. Reading this file has a kernel thread of each CPU gather its counters (`schedule_on_each_cpu`), which
 * takes microseconds, as resizing the trace buffer did just before; root only.
 */
function switchEveryCpu(): void {
  try {
    Deno.readTextFileSync("/proc/sys/vm/stat_refresh");
  } catch {
    // Who runs there is known from the CPU's first switch on, then.
  }
}

/** What is missing from `interval`, also between a CPU's last switch before it and its first one in it. */
function intervalQuality(carried: LiveRows, interval: LiveRows, from: number, to: number): Quality {
  const last = new Map<number, number>();
  for (let row = 0; row < carried.length; row++) {
    if (carried.kind[row] === Kind.Switch) last.set(carried.cpu[row]!, row);
  }
  const edge = pickRows(carried, [...last.values()]);
  edge.ts.fill(from);
  const tracker = new QualityTracker();
  tracker.take(edge, edge.length);
  tracker.take(interval, interval.length);
  // The interval ends where it ends, and not with its last record: a row of no kind says so.
  const close = makeRows(1, [""]);
  close.ts[0] = to;
  close.cpu[0] = 65535;
  tracker.take(close, 1);
  return tracker.finish([]);
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function failed(cause: unknown): RecordingError {
  if (cause instanceof RecordingError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RecordingError(`The live trace failed: ${message}`, { cause });
}
