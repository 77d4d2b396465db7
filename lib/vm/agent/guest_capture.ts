import * as fs from "node:fs";
import { CaptureDirectory } from "../../trace/record/capture_directory.ts";
import type { Machine } from "../../trace/record/machine.ts";
import { parseCpuStats } from "../../trace/record/raw_pages.ts";
import { type PageLayout, parseHeaderPage } from "../../trace/ring_buffer.ts";
import type { CaptureCpuStats, CaptureMeta, CaptureMoment } from "../../trace/tracefs/meta.ts";
import { AgentError } from "./agent_error.ts";
import { type Connection, readGuestClock } from "./connection.ts";
import { list, pull, pullInto, push, writeAll } from "./files.ts";
import { lookAtGuest } from "./guest_machine.ts";
import type { AgentHello, ClockReading, PulledTrace, PullTraceOptions } from "./options.ts";

/** Where tracefs is mounted. */
const ROOTS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/** Files that are copied from the root as they are, where they are there. */
const NAMES = ["saved_cmdlines", "saved_tgids", "printk_formats"];

/** The tracefs instance of a guest, and the directory of the host that its trace goes to. */
export class GuestCapture {
  readonly notes: string[] = [];
  /** Bytes of pages so far. */
  bytes = 0;
  readonly #connection: Connection;
  readonly #hello: AgentHello;
  readonly #root: string;
  readonly #instance: string;
  readonly #directory: CaptureDirectory;
  readonly #hostDir: string;
  readonly #machine: Machine;
  readonly #layout: PageLayout;
  readonly #clock: string;
  readonly #cpus: readonly number[];
  readonly #files = new Map<number, number>();
  readonly #tscHz: number | undefined;
  readonly #events = new Set<string>();
  readonly #onProgress: PullTraceOptions["onProgress"];
  /** Where the trace clock is none that the agent reads: what it showed at the end. */
  #lastClock: bigint | undefined;
  #bufferKb = 0;
  #last: ClockReading;

  private constructor(parts: {
    connection: Connection;
    hello: AgentHello;
    root: string;
    instance: string;
    hostDir: string;
    machine: Machine;
    headerPage: string;
    clock: string;
    cpus: readonly number[];
    options: PullTraceOptions;
  }) {
    this.#connection = parts.connection;
    this.#hello = parts.hello;
    this.#root = parts.root;
    this.#instance = parts.instance;
    this.#machine = parts.machine;
    this.#layout = parseHeaderPage(parts.headerPage, parts.machine.littleEndian);
    this.#clock = parts.clock;
    this.#cpus = parts.cpus;
    this.#tscHz = parts.options.tscHz;
    this.#onProgress = parts.options.onProgress;
    this.#last = parts.hello.clock;
    this.#hostDir = parts.hostDir.replace(/(.)\/+$/, "$1");
    this.#directory = new CaptureDirectory(this.#hostDir);
    try {
      this.#directory.write("header_page", parts.headerPage);
      for (const cpu of this.#cpus) {
        this.#files.set(cpu, fs.openSync(`${this.#directory.path}/per_cpu/cpu${cpu}.raw`, "wx"));
      }
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Looks at the guest's tracefs and makes the directory. */
  static async open(
    connection: Connection,
    hostDir: string,
    options: PullTraceOptions,
    signal: AbortSignal,
  ): Promise<GuestCapture> {
    const hello = await connection.hello;
    const { root, instance, cpus } = await findInstance(connection, options.instance, signal);
    const text = async (path: string) => new TextDecoder().decode(await pull(connection, path, { signal }));
    const [headerPage, clocks, machine] = await Promise.all([
      text(`${root}/events/header_page`),
      text(`${instance}/trace_clock`),
      lookAtGuest(connection, signal),
    ]);
    const clock = /\[(.+?)\]/.exec(clocks)?.[1];
    if (clock === undefined) {
      throw new AgentError(
        `Expected the guest's trace clock in brackets but found ${JSON.stringify(clocks)}`,
      );
    }
    const capture = new GuestCapture({
      connection,
      hello,
      root,
      instance,
      hostDir,
      machine,
      headerPage,
      clock,
      cpus,
      options,
    });
    try {
      await capture.#copyLayouts(options.events, signal);
      return capture;
    } catch (error) {
      capture.discard();
      throw error;
    }
  }

  /** Turns tracing off. */
  async stopTracing(signal: AbortSignal): Promise<void> {
    await push(this.#connection, `${this.#instance}/tracing_on`, "0", { signal, inPlace: true });
  }

  /** Moves the pages of all CPUs; with `follow` until what is handed to `onOpen` is called, once for each CPU. */
  async pages(signal: AbortSignal, follow: boolean, onOpen?: (end: () => void) => void): Promise<void> {
    const unit = this.#layout.size;
    await Promise.all(this.#cpus.map((cpu) => {
      const file = this.#files.get(cpu)!;
      return pullInto(
        this.#connection,
        `${this.#instance}/per_cpu/cpu${cpu}/trace_pipe_raw`,
        (bytes) => {
          writeAll(file, bytes);
          this.bytes += bytes.length;
          this.#onProgress?.({ bytes: this.bytes });
        },
        { signal },
        { unit, follow, ...(onOpen === undefined ? {} : { onOpen }) },
      );
    }));
  }

  /** Copies what is known at the end, and moves the directory to its place. */
  async finish(signal: AbortSignal): Promise<PulledTrace> {
    const stats: CaptureCpuStats[] = [];
    let nowTs = "";
    for (const cpu of this.#cpus) {
      const text = await this.#text(`${this.#instance}/per_cpu/cpu${cpu}/stats`, signal);
      this.#directory.write(`per_cpu/cpu${cpu}.stats`, text);
      stats.push(parseCpuStats(cpu, text));
      nowTs = /^now ts:\s*(\d+(?:\.\d{6})?)$/m.exec(text)?.[1] ?? nowTs;
    }
    this.#last = await readGuestClock(this.#connection, { signal });
    await Promise.all([
      ...NAMES.map((name) => this.#copy(`${this.#root}/${name}`, name, signal)),
      this.#copy(`${this.#instance}/trace_options`, "trace_options", signal),
      this.#copy(`${this.#instance}/trace_clock`, "trace_clock", signal),
    ]);
    await this.#copyLayouts(undefined, signal);
    return this.#publish(stats, nowTs, true);
  }

  /** Makes a trace of what has come: the guest is gone. */
  salvage(why: string): PulledTrace {
    this.notes.push(`the guest was gone before its buffers were read to the end: ${why}`);
    return this.#publish([], "", false);
  }

  /** Removes what was written. */
  discard(): void {
    this.#closeFiles();
    this.#directory.discard();
  }

  #publish(stats: readonly CaptureCpuStats[], nowTs: string, whole: boolean): PulledTrace {
    const { first, last } = this.#stamps();
    this.#closeFiles();
    const hz = this.#clock === "x86-tsc" ? this.#hz() : undefined;
    const stopped = this.#moment(this.#clockAtEnd(nowTs, last), hz);
    const started = this.#moment(first ?? BigInt(stopped.clock), hz);
    const meta: CaptureMeta = {
      format: "schedscope-tracefs",
      version: 1,
      recorder: this.#hello.agent,
      clock: this.#clock,
      ...(hz === undefined ? {} : { tscHz: hz }),
      littleEndian: this.#machine.littleEndian,
      pageSize: this.#machine.pageSize,
      host: { ...this.#machine.host, recorder: this.#hello.agent },
      topology: this.#machine.topology,
      cpus: { online: this.#machine.online, possible: this.#machine.possible },
      started,
      stopped,
      bufferKb: this.#bufferKb,
      events: [...this.#events],
      stats,
      notes: this.notes,
    };
    this.#directory.write("meta.json", `${JSON.stringify(meta, null, 2)}\n`);
    this.#directory.publish();
    const sum = (of: (row: CaptureCpuStats) => number) => stats.reduce((total, row) => total + of(row), 0);
    return {
      path: this.#hostDir,
      events: sum((row) => row.readEvents),
      lost: sum((row) => row.overrun + row.commitOverrun + row.droppedEvents + row.entries),
      bytes: this.bytes,
      whole,
      notes: this.notes,
    };
  }

  /** The trace clock's reading after the last event, as good as it is known. */
  #clockAtEnd(nowTs: string, last: bigint | undefined): bigint {
    const { tsc, mono, raw, boot } = this.#last;
    const own = { mono, mono_raw: raw, boot, "x86-tsc": tsc }[this.#clock];
    const [whole, micro] = nowTs.split(".");
    const told = !whole
      ? undefined
      : micro === undefined
      ? BigInt(whole)
      : BigInt(whole + micro) * 1000n + 999n;
    this.#lastClock = told;
    const reading = own ?? told ?? last ?? 0n;
    return last !== undefined && last > reading ? last : reading;
  }

  /** The moment at which the trace clock shows `clock`, reckoned from the last reading of all clocks. */
  #moment(clock: bigint, hz: number | undefined): CaptureMoment {
    const { tsc, mono, wall, raw, boot } = this.#last;
    const now = { mono, mono_raw: raw, boot, "x86-tsc": tsc }[this.#clock] ?? this.#lastClock ?? clock;
    const since = hz === undefined ? clock - now : BigInt(Math.round(Number(clock - now) * 1e9 / hz));
    const at = (time: bigint) => String(time + since < 0n ? 0n : time + since);
    return { wall: at(wall), mono: at(mono), clock: String(clock) };
  }

  /** Ticks in a second of the guest's TSC, between the agent's first word and its last. */
  #hz(): number | undefined {
    if (this.#tscHz !== undefined) return Math.round(this.#tscHz * 1000) / 1000;
    const { tsc, mono } = this.#hello.clock;
    const ns = this.#last.mono - mono;
    return ns <= 0n ? undefined : Number((this.#last.tsc - tsc) * 1_000_000_000_000n / ns) / 1000;
  }

  /** Stamps of the first page and of the last of all CPUs. */
  #stamps(): { first: bigint | undefined; last: bigint | undefined } {
    const { size, stampOffset } = this.#layout;
    let first: bigint | undefined;
    let last: bigint | undefined;
    for (const cpu of this.#cpus) {
      const path = `${this.#directory.path}/per_cpu/cpu${cpu}.raw`;
      using file = Deno.openSync(path);
      const pages = Math.floor(file.statSync().size / size);
      for (const page of pages === 0 ? [] : [0, pages - 1]) {
        const stamp = new DataView(new ArrayBuffer(8));
        file.seekSync(page * size + stampOffset, Deno.SeekMode.Start);
        file.readSync(new Uint8Array(stamp.buffer));
        const value = stamp.getBigUint64(0, this.#machine.littleEndian);
        if (first === undefined || value < first) first = value;
        if (last === undefined || value > last) last = value;
      }
    }
    return { first, last };
  }

  /** Layouts of the events that are on, of `more`, and of the tracer's own. */
  async #copyLayouts(more: readonly string[] | undefined, signal: AbortSignal): Promise<void> {
    const enabled = (await this.#text(`${this.#instance}/set_event`, signal)).split("\n")
      .filter((line) => /^[\w-]+:[\w-]+$/.test(line));
    const wanted = new Set([...enabled, ...more ?? []]);
    if (wanted.size === 0 && this.#events.size === 0) {
      this.notes.push("no event is on in the guest: the layouts of all were copied");
      for (const event of await this.#allEvents(signal)) wanted.add(event);
    }
    const own = (await list(this.#connection, `${this.#root}/events/ftrace`, { signal }))
      .filter(({ isDirectory }) => isDirectory).map(({ name }) => `ftrace:${name}`);
    const missing = [...wanted, ...own].filter((event) => !this.#events.has(event));
    const copied = await Promise.all(missing.map(async (event) => {
      const path = `events/${event.replace(":", "/")}`;
      return await this.#copy(`${this.#root}/${path}/format`, `${path}.format`, signal) ? event : undefined;
    }));
    for (const event of copied) if (event !== undefined && wanted.has(event)) this.#events.add(event);
    const lacking = more?.filter((event) => !this.#events.has(event)) ?? [];
    if (lacking.length > 0) {
      throw new AgentError(`The guest's kernel has no event ${lacking.join(", ")}`);
    }
    if (this.#bufferKb === 0) {
      this.#bufferKb = Number(
        /\d+/.exec(await this.#text(`${this.#instance}/buffer_size_kb`, signal))?.[0] ?? 0,
      );
      await this.#copy(`${this.#root}/events/header_event`, "header_event", signal);
    }
  }

  async #allEvents(signal: AbortSignal): Promise<string[]> {
    return (await this.#text(`${this.#root}/available_events`, signal)).split("\n")
      .filter((line) => /^[\w-]+:[\w-]+$/.test(line));
  }

  async #text(path: string, signal: AbortSignal): Promise<string> {
    return new TextDecoder().decode(await pull(this.#connection, path, { signal }));
  }

  /** Whether the guest has it. */
  async #copy(path: string, name: string, signal: AbortSignal): Promise<boolean> {
    let content: Uint8Array;
    try {
      content = await pull(this.#connection, path, { signal });
    } catch (error) {
      if (error instanceof AgentError && error.errno !== 0) return false;
      throw error;
    }
    this.#directory.write(name, content);
    return true;
  }

  #closeFiles(): void {
    for (const file of this.#files.values()) fs.closeSync(file);
    this.#files.clear();
  }
}

async function findInstance(
  connection: Connection,
  name: string | undefined,
  signal: AbortSignal,
): Promise<{ root: string; instance: string; cpus: number[] }> {
  for (const root of ROOTS) {
    const names = async (path: string) => {
      try {
        return (await list(connection, path, { signal })).map(({ name }) => name);
      } catch (error) {
        if (error instanceof AgentError && error.errno !== 0) return [];
        throw error;
      }
    };
    const instances = await names(`${root}/instances`);
    const instance = name === undefined ? root : `${root}/instances/${name}`;
    const perCpu = name === undefined || instances.includes(name) ? await names(`${instance}/per_cpu`) : [];
    const cpus = perCpu.flatMap((entry) => /^cpu(\d+)$/.exec(entry)?.[1] ?? []).map(Number).sort((x, y) =>
      x - y
    );
    if (cpus.length > 0) return { root, instance, cpus };
    if (instances.length > 0) {
      throw new AgentError(
        `The guest's tracefs has no instance ${JSON.stringify(name)}; it has: ${instances.join(", ")}`,
      );
    }
  }
  throw new AgentError(
    name === undefined
      ? `The guest has no tracefs at ${
        ROOTS.join(" or ")
      }: mount it there, or boot a kernel with CONFIG_FTRACE`
      : `The guest has no tracefs instance ${JSON.stringify(name)} at ${ROOTS.join(" or ")}`,
  );
}
