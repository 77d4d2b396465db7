import { type Column, type Columns, DictColumn } from "../frame/column.ts";
import { Frame } from "../frame/frame.ts";
import type { EventFormat } from "./event_format.ts";
import { MissingEventError } from "./errors.ts";
import { assessQuality, type KnownHole, type Quality } from "./quality.ts";
import { Kind, type KindCode, type SchedStream } from "./stream.ts";
import { type TraceWindow, windowOf } from "./window.ts";

/** The clock whose readings a trace's stamps are. */
export interface TraceClock {
  /** `mono`, `x86-tsc`, `perf` (the kernel's sched_clock-like default), `local`, ... */
  readonly name: string;
  /** Ticks in a second where the recorded stamps were ticks; undefined where they were nanoseconds. */
  readonly hz?: number;
  /** Smallest step of the stamps in ns, where it is not 1: texts often have microseconds. */
  readonly resolution?: number;
  /** Wall-clock time (ns since 1970) less this clock's time, where the file tells it. */
  readonly wallOffset?: bigint;
}

/** What a trace says of the machine that it was recorded on; absent where it says nothing. */
export interface TraceHost {
  /** Node name. */
  readonly hostname?: string;
  /** Kernel release, as `uname -r`. */
  readonly release?: string;
  /** Machine, as `uname -m`. */
  readonly arch?: string;
  /** Processor's name. */
  readonly cpu?: string;
  /** Logical CPUs that were online. */
  readonly cpusOnline?: number;
  /** Logical CPUs that the kernel had room for. */
  readonly cpusAvailable?: number;
  /** Memory in bytes. */
  readonly memory?: number;
  /** Version of the recorder. */
  readonly recorder?: string;
  /** Command line of the recorder. */
  readonly command?: readonly string[];
}

/** Which logical CPUs share what; lists of CPU numbers. Empty where the trace does not say. */
export interface TraceTopology {
  /** Each package's CPUs. */
  readonly packages: readonly (readonly number[])[];
  /** Each physical core's CPUs (SMT siblings). */
  readonly cores: readonly (readonly number[])[];
  /** The CPUs of each last-level cache; absent where the trace does not say. */
  readonly caches?: readonly (readonly number[])[];
  /** Each NUMA node's CPUs, memory-only nodes left out; absent where the trace does not say. */
  readonly nodes?: readonly (readonly number[])[];
}

/** A guest whose events were recorded together with its host's. */
export interface TraceGuest {
  /** Process on the host that ran it: what the option `guest` of `openTrace` takes. */
  readonly machinePid: number;
  /** Its CPUs, as far as the recording tells them. */
  readonly vcpus: readonly number[];
  /** Records by event. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Columns of {@linkcode Trace.switches}: `sched:sched_switch` with the kernel's field names. */
export type SwitchColumns = {
  /** ns since the epoch. */
  ts: Float64Array;
  /** CPU that switched. */
  cpu: Uint16Array;
  prev_comm: DictColumn;
  prev_pid: Int32Array;
  prev_prio: Int32Array;
  /** Raw bits; 0 and 0x100 (preempted) are both runnable. */
  prev_state: Int32Array;
  next_comm: DictColumn;
  next_pid: Int32Array;
  next_prio: Int32Array;
};

/** Columns of {@linkcode Trace.wakeups}: waking, wakeup and wakeup_new in one table. */
export type WakeupColumns = {
  /** ns since the epoch. */
  ts: Float64Array;
  /** CPU of the waker. */
  cpu: Uint16Array;
  /** Which of the three events. */
  kind: DictColumn<"waking" | "wakeup" | "wakeup_new">;
  /** Thread that is woken. */
  pid: Int32Array;
  /** Its CPU: for `waking` the one it last ran on, for the others the one it was placed on. */
  target_cpu: Int32Array;
  /** Thread in whose context the wakeup was made. */
  waker_tid: Int32Array;
  /** The record's `common_flags`: 0x08 hard interrupt, 0x10 softirq. */
  common_flags: Int32Array;
};

/** Columns of {@linkcode Trace.migrations}: `sched:sched_migrate_task`. */
export type MigrationColumns = {
  /** ns since the epoch. */
  ts: Float64Array;
  /** CPU that moved the task. */
  cpu: Uint16Array;
  /** Thread that is moved. */
  pid: Int32Array;
  orig_cpu: Int32Array;
  dest_cpu: Int32Array;
};

/** What a reader hands over to {@linkcode Trace}. */
export interface TraceParts {
  /** Name of the format that was read. */
  readonly format: string;
  /** Where it was read from, if from a file. */
  readonly path?: string;
  /** Stamp of ts = 0 in ns of the clock. */
  readonly epoch: bigint;
  /** The clock of the stamps. */
  readonly clock: TraceClock;
  /** The machine. */
  readonly host: TraceHost;
  /** Its CPUs. */
  readonly topology: TraceTopology;
  /** Scheduler events in time order, or what makes them: then it is called when they are first asked for. */
  readonly stream: SchedStream | (() => SchedStream);
  /** Layouts by `system:name`, of all events that the trace may hold. */
  readonly formats: ReadonlyMap<string, EventFormat>;
  /** How many records of each event there are, or what counts them when they are first asked for. */
  readonly counts: ReadonlyMap<string, number> | (() => ReadonlyMap<string, number>);
  /** Holes that the recorder or the reader knows of. */
  readonly holes: readonly KnownHole[];
  /** Names of threads known apart from the stream (saved_cmdlines), by tid. */
  readonly savedNames: ReadonlyMap<number, string>;
  /** First and last stamp of the stream, where the reader knows them without it. Default: the stream is made and asked. */
  readonly span?: { readonly from: number; readonly to: number };
  /** What `assessQuality` says of the stream and the holes, where the reader knows it without the stream. Default: the stream is made. */
  readonly quality?: () => Quality;
  /** Guests whose events were recorded as well. Default: none. */
  readonly guests?: readonly TraceGuest[];
  /** Which of them the trace is of. Default: the host. */
  readonly guest?: number;
  /** For a window: see {@linkcode Trace.context}. */
  readonly context?: Trace;
  /**
   * Decodes fields of all records of `event`, rows in the order of the stream (time, ties as recorded). Besides the
   * event's own field names it takes `ts`, `cpu` and `common_pid`. With `exact`, text is as `decodeTaskName` has it
   * (every byte can be had back) and not made safe to print.
   */
  readonly decode: (event: string, fields: readonly string[], exact?: boolean) => Record<string, Column>;
}

/** A recording of what the scheduler did, however it was made. Tables are decoded on first use. */
export class Trace {
  /** Name of the format that was read, such as `perf.data`. */
  readonly format: string;
  /** Where it was read from; undefined where it came from memory. */
  readonly path: string | undefined;
  /** Stamp of ts = 0, in ns of {@linkcode Trace.clock}. */
  readonly epoch: bigint;
  /** The clock of the stamps. */
  readonly clock: TraceClock;
  /** The machine. */
  readonly host: TraceHost;
  /** Its CPUs. */
  readonly topology: TraceTopology;
  /**
   * Guests of the machine whose events the recording has as well. None of them is in the trace, unless it was opened as one
   * guest's (option `guest` of `openTrace`).
   */
  readonly guests: readonly TraceGuest[];
  /** The guest that the trace is of (its `machinePid`); undefined where it is the host's. */
  readonly guest: number | undefined;
  /** Layouts by `system:name`. */
  readonly formats: ReadonlyMap<string, EventFormat>;
  /**
   * Of a window: the same with the time before it that leads up to it. Analyses run over it and give what lies in the
   * window's span, so that they know at its start who ran and who waited for what. Undefined for a whole recording.
   */
  readonly context: Trace | undefined;
  /** Names of threads known apart from the events, by tid. */
  readonly savedNames: ReadonlyMap<number, string>;
  /** Holes that the recorder or the reader told; {@linkcode Trace.quality} has those that were found as well. */
  readonly knownHoles: readonly KnownHole[];
  readonly #decode: TraceParts["decode"];
  readonly #rows = new Map<KindCode, Uint32Array>();
  readonly #span: TraceParts["span"];
  readonly #assess: TraceParts["quality"];
  #counts: TraceParts["counts"];
  #stream: SchedStream | (() => SchedStream);
  #switches: Frame<SwitchColumns> | undefined;
  #wakeups: Frame<WakeupColumns> | undefined;
  #migrations: Frame<MigrationColumns> | undefined;
  #quality: Quality | undefined;

  /** Wraps what a reader made. Users call `openTrace`. */
  constructor(parts: TraceParts) {
    this.format = parts.format;
    this.path = parts.path;
    this.epoch = parts.epoch;
    this.clock = parts.clock;
    this.host = parts.host;
    this.topology = parts.topology;
    this.guests = parts.guests ?? [];
    this.guest = parts.guest;
    this.#stream = parts.stream;
    this.formats = parts.formats;
    this.#counts = parts.counts;
    this.context = parts.context;
    this.savedNames = parts.savedNames;
    this.#decode = parts.decode;
    this.knownHoles = parts.holes;
    this.#span = parts.span;
    this.#assess = parts.quality;
  }

  /** Records of each event by `system:name`. */
  get counts(): ReadonlyMap<string, number> {
    if (typeof this.#counts === "function") this.#counts = this.#counts();
    return this.#counts;
  }

  /** The scheduler's events in time order: what the analyses run over. */
  get stream(): SchedStream {
    if (typeof this.#stream === "function") this.#stream = this.#stream();
    return this.#stream;
  }

  /** First and last stamp of a scheduler event, ns since the epoch. */
  get span(): { from: number; to: number } {
    if (this.#span !== undefined) return { ...this.#span };
    const { ts, length } = this.stream;
    return length === 0 ? { from: 0, to: 0 } : { from: ts[0]!, to: ts[length - 1]! };
  }

  /**
   * What was recorded in `window`, its ends among it, with the same epoch. Tables, counts and the stream have nothing from outside
   * of it. Analyses (`timehist`, `runs`, `gaps`, ...) take the state at its start from the `lead` before it (1 s by default): within
   * the window they say what they say of the whole recording; what reaches over an edge is cut there or left out, and what
   * began before the lead is not known: both are marked as censored.
   *
   * Throws RangeError where the window's `from` is after its `to`.
   */
  window(window: TraceWindow): Trace {
    return windowOf(this, window);
  }

  /** Every `sched:sched_switch`. */
  get switches(): Frame<SwitchColumns> {
    return this.#switches ??= this.#makeSwitches();
  }

  /** Every wakeup event, in time order. */
  get wakeups(): Frame<WakeupColumns> {
    return this.#wakeups ??= this.#makeWakeups();
  }

  /** Every `sched:sched_migrate_task`. */
  get migrations(): Frame<MigrationColumns> {
    return this.#migrations ??= this.#makeMigrations();
  }

  /** What is missing from the trace, and how much of each CPU's time it covers. */
  get quality(): Quality {
    return this.#quality ??= this.#assess?.() ?? assessQuality(this.stream, this.knownHoles);
  }

  /** Whether at least one record of `event` (`system:name`) is there. */
  has(event: string): boolean {
    return (this.counts.get(event) ?? 0) > 0;
  }

  /** Throws {@linkcode MissingEventError} where none of `events` was recorded. */
  requireEvent(analysis: string, ...events: string[]): void {
    if (!events.some((event) => this.has(event))) throw new MissingEventError(analysis, events);
  }

  /** Any recorded event as a frame: `ts`, `cpu`, `common_pid`, and a column for each field of its format. */
  event(name: string): Frame<Columns> {
    const format = this.formats.get(name);
    const length = this.counts.get(name) ?? 0;
    if (format === undefined) {
      const known = [...this.counts.keys()].join(", ") || "none";
      throw new RangeError(`The trace has no event ${JSON.stringify(name)}; it has: ${known}`);
    }
    const columns: Record<string, () => Column> = {};
    const own = format.fields.filter((field) => !field.name.startsWith("common_")).map((field) => field.name);
    for (const field of ["ts", "cpu", "common_pid", ...own]) {
      columns[field] = () => this.#decode(name, [field])[field]!;
    }
    return new Frame<Columns>(columns, length);
  }

  /**
   * Columns `fields` of every record of `event` in one pass over the recording, where {@linkcode Trace.event} makes one for
   * each column. With `exact`, text is as {@linkcode Trace.exactNames} has it.
   */
  eventColumns(event: string, fields: readonly string[], exact = false): Record<string, Column> {
    return this.#decode(event, fields, exact);
  }

  /**
   * The text field `field` of every record of `event`, exactly as recorded: each name is what `decodeTaskName` makes of
   * its bytes. Not safe to print; {@linkcode Trace.event} has the same made harmless.
   */
  exactNames(event: string, field: string): DictColumn {
    return this.#decode(event, [field], true)[field] as DictColumn;
  }

  /** Rows of the stream that have one of `kinds`, in time order. */
  rowsOf(...kinds: KindCode[]): Uint32Array {
    const key = kinds.length === 1 ? kinds[0]! : undefined;
    const known = key === undefined ? undefined : this.#rows.get(key);
    if (known !== undefined) return known;
    const { kind, length } = this.stream;
    const wanted = new Uint8Array(256);
    for (const k of kinds) wanted[k] = 1;
    let count = 0;
    for (let i = 0; i < length; i++) count += wanted[kind[i]!]!;
    const rows = new Uint32Array(count);
    for (let i = 0, row = 0; i < length; i++) if (wanted[kind[i]!] === 1) rows[row++] = i;
    if (key !== undefined) this.#rows.set(key, rows);
    return rows;
  }

  #makeSwitches(): Frame<SwitchColumns> {
    const rows = this.rowsOf(Kind.Switch);
    const { ts, cpu, a, b, c } = this.stream;
    const event = "sched:sched_switch";
    // Without a switch the recording may not know the event at all, and its table has the columns nevertheless.
    const texts = (field: string) => () =>
      rows.length === 0 ? DictColumn.from([]) : this.#decode(event, [field])[field] as DictColumn;
    const priorities = (field: string) => () =>
      rows.length === 0 ? new Int32Array() : this.#decode(event, [field])[field] as Int32Array;
    return new Frame<SwitchColumns>({
      ts: () => gather(ts, rows),
      cpu: () => gather(cpu, rows),
      prev_comm: texts("prev_comm"),
      prev_pid: () => gather(a, rows),
      prev_prio: priorities("prev_prio"),
      prev_state: () => gather(b, rows),
      next_comm: texts("next_comm"),
      next_pid: () => gather(c, rows),
      next_prio: priorities("next_prio"),
    }, rows.length);
  }

  #makeWakeups(): Frame<WakeupColumns> {
    const rows = this.rowsOf(Kind.Waking, Kind.Wakeup, Kind.WakeupNew);
    const { ts, cpu, kind, tid, a, b, c } = this.stream;
    return new Frame<WakeupColumns>({
      ts: () => gather(ts, rows),
      cpu: () => gather(cpu, rows),
      kind: () => {
        const codes = gather(kind, rows);
        for (let i = 0; i < codes.length; i++) codes[i]! -= Kind.Waking;
        return new DictColumn(codes, ["waking", "wakeup", "wakeup_new"]);
      },
      pid: () => gather(a, rows),
      target_cpu: () => gather(b, rows),
      waker_tid: () => gather(tid, rows),
      common_flags: () => gather(c, rows),
    }, rows.length);
  }

  #makeMigrations(): Frame<MigrationColumns> {
    const rows = this.rowsOf(Kind.Migrate);
    const { ts, cpu, a, b, c } = this.stream;
    return new Frame<MigrationColumns>({
      ts: () => gather(ts, rows),
      cpu: () => gather(cpu, rows),
      pid: () => gather(a, rows),
      orig_cpu: () => gather(b, rows),
      dest_cpu: () => gather(c, rows),
    }, rows.length);
  }
}

/** The values of `source` at `rows`. */
export function gather<A extends Float64Array | Int32Array | Uint16Array | Uint8Array>(
  source: A,
  rows: Uint32Array,
): A {
  const out = new (source.constructor as new (length: number) => A)(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = source[rows[i]!]!;
  return out;
}
