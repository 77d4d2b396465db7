import { chooseEvents } from "./choose.ts";
import { cleanStale } from "./clean_stale.ts";
import { MachineLacksError, RecordingError } from "./errors.ts";
import { IRQ_EVENTS, SCHED_EVENTS } from "./events.ts";
import { isAlive, ownedName, ownerOf } from "./owner.ts";
import { PerfControl } from "./perf_control.ts";
import { lostInPerfData } from "./perf_lost.ts";
import { tracefsState } from "./tracefs_root.ts";

/** Options of {@linkcode startPerf}. */
export interface PerfOptions {
  /** The perf.data file to write. An older perf.data there is replaced when the new one is whole. */
  output: string;
  /** Events as `system:name`. Default: the scheduler's (without `sched_stat_runtime`, half of all samples). */
  events?: readonly string[];
  /** More events, beside those of `events`. Default: none. */
  extraEvents?: readonly string[];
  /** Also interrupts' entries and exits, where the kernel has them. Default: false. */
  irq?: boolean;
  /** Buffer of each CPU in KiB, a power of two. Default: 32 MiB, less where it is not allowed or memory is short. */
  bufferKb?: number;
  /** Only these CPUs. Default: all. */
  cpus?: readonly number[];
  /** The program. Default: `perf`. */
  perf?: string;
}

/** What {@linkcode PerfRecorder.stop} hands over. */
export interface PerfRecording {
  /** The file. */
  readonly path: string;
  /** Events that were lost. */
  readonly lost: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** What was noticed while recording. */
  readonly notes: readonly string[];
}

const LARGEST = 32 << 10;
const SMALLEST = 512;
/** Of all CPUs together, in KiB. */
const MOST_IN_ALL = 1 << 20;

/**
 * Starts `perf record` over the whole machine on CLOCK_MONOTONIC, and returns when perf has said that its events are on.
 *
 * Throws {@linkcode MachineLacksError} where perf is not there or not allowed, {@linkcode RecordingError} with perf's own words
 * where it fails otherwise.
 */
export async function startPerf(options: PerfOptions): Promise<PerfRecorder> {
  cleanStale();
  const program = options.perf ?? "perf";
  const events = perfEvents(options);
  const notes: string[] = [];
  let bufferKb = options.bufferKb ?? firstBuffer();
  if (!Number.isSafeInteger(bufferKb) || bufferKb < 4 || !Number.isInteger(Math.log2(bufferKb))) {
    throw new RangeError(
      `Expected bufferKb to be a power of two and at least 4 but found ${options.bufferKb}`,
    );
  }
  for (;;) {
    const recorder = new PerfRecorder(program, options.output, events, bufferKb, options.cpus, notes);
    try {
      await recorder.begin();
      return recorder;
    } catch (error) {
      await recorder[Symbol.asyncDispose]();
      const tooLarge = error instanceof RecordingError &&
        /mmap|mlock|rounding|--mmap_pages|-m\/--/i.test(error.message);
      if (!tooLarge || options.bufferKb !== undefined || bufferKb <= SMALLEST) throw error;
      bufferKb /= 2;
      notes[0] = `perf was given a buffer of ${bufferKb} KiB for each CPU: more was refused`;
    }
  }
}

/** A running `perf record`. Disposing of it without {@linkcode PerfRecorder.stop} throws the recording away. */
export class PerfRecorder implements AsyncDisposable {
  /** Events that are on. */
  readonly events: readonly string[];
  /** Buffer of each CPU in KiB. */
  readonly bufferKb: number;
  readonly #program: string;
  readonly #output: string;
  readonly #partial: string;
  readonly #cpus: readonly number[] | undefined;
  readonly #notes: string[];
  #control: PerfControl | undefined;
  #child: Deno.ChildProcess | undefined;
  #said: Promise<string> | undefined;
  #exited = false;
  #ended = false;

  /** Use {@linkcode startPerf}. */
  constructor(
    program: string,
    output: string,
    events: readonly string[],
    bufferKb: number,
    cpus: readonly number[] | undefined,
    notes: string[],
  ) {
    this.#program = program;
    this.#output = output;
    this.events = events;
    this.bufferKb = bufferKb;
    this.#cpus = cpus;
    this.#notes = notes;
    refuseOthers(output);
    removeUnfinished(output);
    this.#partial = `${output}.${ownedName()}`;
  }

  /** Starts perf and waits until it records. */
  async begin(): Promise<void> {
    this.#control = await PerfControl.make();
    const args = ["record", "-a", "-k", "CLOCK_MONOTONIC", "-B", "-N", "-D", "-1", "-m", `${this.bufferKb}K`];
    args.push("--control", this.#control.option, "-o", this.#partial);
    if (this.#cpus !== undefined) args.push("-C", this.#cpus.join(","));
    for (const event of this.events) args.push("-e", event);
    args.push("--", "cat", this.#control.lifeline);
    try {
      this.#child = new Deno.Command(this.#program, { args, stdin: "null", stdout: "null", stderr: "piped" })
        .spawn();
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) throw perfLacking(cause);
      throw cause;
    }
    this.#child.status.then(() => this.#exited = true);
    this.#said = new Response(this.#child.stderr).text();
    if (await this.#control.send("enable", () => this.#exited)) return;
    throw explain(this.#program, await this.#said);
  }

  /** Turns the events off and lets perf finish its file. Throws {@linkcode RecordingError} where it did not. */
  async stop(): Promise<PerfRecording> {
    if (this.#ended || this.#child === undefined) {
      throw new RecordingError("Expected a running perf but it has ended");
    }
    try {
      // Where perf has no time to read this, the end of its command makes it turn the events off as well, a little later.
      await this.#control!.send("disable", () => this.#exited, 3000);
      this.#control!.letGo();
      const { success, code } = await this.#child.status;
      const said = await this.#said!;
      // Where the disk is full, some versions of perf end well all the same, with a file that has no data section.
      const full = /No space left|Disk quota/i.test(said);
      if (!success || full || /failed to write perf data/i.test(said)) {
        const why = full
          ? "the disk is full"
          : `perf ended with ${code}: ${said.trim() || "it said nothing"}`;
        throw new RecordingError(`The recording to ${this.#output} failed and was removed: ${why}`);
      }
      refuseOthers(this.#output);
      await Deno.rename(this.#partial, this.#output);
      const lost = await lostInPerfData(this.#output);
      const { size } = await Deno.stat(this.#output);
      return { path: this.#output, lost, bytes: size, notes: this.#notes };
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Ends perf and removes what it wrote unless {@linkcode PerfRecorder.stop} has finished it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#child !== undefined && !this.#exited) this.#child.kill("SIGKILL");
    this.#control?.[Symbol.dispose]();
    await this.#child?.status;
    await this.#said;
    try {
      await Deno.remove(this.#partial);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The error for a machine without perf. */
export function perfLacking(cause?: unknown): MachineLacksError {
  return new MachineLacksError(
    "perf",
    "there is no perf on this machine",
    "sudo apt-get install linux-perf",
    { cause },
  );
}

function explain(program: string, said: string): Error {
  const lines = said.trim().split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const advice = lines.findIndex((line) => /^(Hint|Usage|Run 'perf|Initial error):?/.test(line));
  const words = (advice > 0 ? lines.slice(0, advice) : lines).slice(0, 6).join(" ");
  const forbidden =
    /permission|not permitted|access to performance|paranoid|EACCES|EPERM|can't access trace events/i;
  if (Deno.uid() !== 0 && forbidden.test(said)) {
    return new MachineLacksError(
      "root",
      `perf may not trace the machine as uid ${Deno.uid()} (${words})`,
      "run the same command with sudo, or allow it: sudo sysctl kernel.perf_event_paranoid=-1 && " +
        "sudo mount -o remount,mode=755 /sys/kernel/tracing",
    );
  }
  if (/WARNING: perf not found for kernel|not found for kernel/i.test(said)) {
    return perfLacking(new Error(words));
  }
  return new RecordingError(`${program} record did not start: ${words || "it said nothing"}`);
}

function perfEvents(options: PerfOptions): readonly string[] {
  if (tracefsState() === "usable") return chooseEvents(options);
  const irq = options.irq === true ? IRQ_EVENTS : [];
  return [...new Set([...options.events ?? SCHED_EVENTS, ...options.extraEvents ?? [], ...irq])];
}

function firstBuffer(): number {
  const free = Number(
    /^MemAvailable:\s*(\d+)/m.exec(Deno.readTextFileSync("/proc/meminfo"))?.[1] ?? MOST_IN_ALL,
  );
  const share = Math.min(MOST_IN_ALL, free / 8) / Math.max(1, navigator.hardwareConcurrency);
  return Math.max(SMALLEST, Math.min(LARGEST, 2 ** Math.floor(Math.log2(share))));
}

function refuseOthers(path: string): void {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (stat.isFile) {
    if (stat.size === 0) return;
    using file = Deno.openSync(path);
    const magic = new Uint8Array(8);
    file.readSync(magic);
    if (String.fromCharCode(...magic) === "PERFILE2") return;
  }
  throw new RecordingError(
    `${path} is there already and is no perf.data; name another output or remove it`,
  );
}

function removeUnfinished(output: string): void {
  const slash = output.lastIndexOf("/");
  const parent = slash < 0 ? "." : output.slice(0, slash) || "/";
  const prefix = `${output.slice(slash + 1)}.`;
  let names: string[];
  try {
    names = [...Deno.readDirSync(parent)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch {
    return;
  }
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const owner = ownerOf(name.slice(prefix.length));
    if (owner !== undefined && !isAlive(owner)) Deno.removeSync(`${parent}/${name}`);
  }
}
