/**
 * Recording what the scheduler does, by one of two doors.
 *
 * - `tracefs`: an instance of the kernel's own tracer, in pure TypeScript. No program of its own has to run while it
 *   records unless a buffer fills, an event takes half the bytes that perf gives it, and its clock can be the time-stamp
 *   counter that a spin core reads. It is the better door for measuring, so it is taken where it is open.
 * - `perf`: `perf record`. It knows each thread's process and each new name from records of its own, and every tool of perf
 *   reads its file; it runs on the machine that it records.
 *
 * ```ts ignore
 * import { startRecording } from "@schedscope/schedscope/record";
 *
 * await using recording = await startRecording({ irq: true });
 * await work();
 * const { path, door, reason, lost } = await recording.stop();
 * ```
 *
 * @module
 */
import { defaultSignal } from "../default_signal.ts";
import { type Door, type DoorState, probeDoors } from "./doors.ts";
import { MachineLacksError } from "./errors.ts";
import { startPerf } from "./perf.ts";
import { startTracefs } from "./tracefs.ts";

export * from "./clean_stale.ts";
export * from "./doors.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "../live/mod.ts";
export * from "./perf.ts";
export * from "./tracefs.ts";

/** Options of {@linkcode startRecording}. */
export interface StartOptions {
  /** File or directory to write. Default: `trace.tracefs` or `perf.data`. */
  output?: string;
  /** How to record. Default: `auto`, the better one that this machine allows; an output named `*.data` asks for perf. */
  door?: Door | "auto";
  /** Events as `system:name`. Default: the scheduler's. */
  events?: readonly string[];
  /** More events, beside those of `events`. Default: none. */
  extraEvents?: readonly string[];
  /** Also entries and exits of interrupts and softirqs, where the kernel has them. Default: false. */
  irq?: boolean;
  /** Clock of the stamps; `x86-tsc` by tracefs only. Default: `mono`. */
  clock?: "mono" | "x86-tsc";
  /** Ticks in a second for `x86-tsc`. Default: measured while recording. */
  tscHz?: number;
  /** Buffer of each CPU in KiB. Default: 32 MiB, less where memory is short. */
  bufferKb?: number;
  /** Only these CPUs. Default: all. */
  cpus?: readonly number[];
  /** Ends the start with its reason. Default: none. */
  signal?: AbortSignal;
}

/** Options of {@linkcode record}: what is recorded ends after `duration`, with `command` or by `stopSignal`, whichever is first. */
export interface RecordOptions extends StartOptions {
  /** Nanoseconds. Default: no limit. */
  duration?: number;
  /** Program and arguments, run while recording, with this process's standard streams. Default: none. */
  command?: readonly string[];
  /** Ends the recording early and keeps it, where `signal` throws it away. Default: in a notebook the stop button's, else none. */
  stopSignal?: AbortSignal;
  /** Called about every quarter of a second with the nanoseconds gone. Default: nothing is called. */
  onProgress?: (elapsed: number) => void;
}

/** A finished recording. */
export interface Recording {
  /** The file or directory; `openTrace` reads it. */
  readonly path: string;
  /** How it is recorded. */
  readonly door: Door;
  /** Why by this door. */
  readonly reason: string;
  /** Events that were lost; the reader says where. */
  readonly lost: number;
  /** Bytes of what was recorded. */
  readonly bytes: number;
  /** What was noticed on the way, such as what dead recorders had left. */
  readonly notes: readonly string[];
  /** How the command ended, if there was one: its exit code, 128 and more where a signal ended it. */
  readonly exitCode?: number;
}

/** A running recording. Disposing of it without stop throws it away. */
export interface RunningRecording extends AsyncDisposable {
  /** How it is recorded. */
  readonly door: Door;
  /** Why by this door. */
  readonly reason: string;
  /** Name of the clock. */
  readonly clock: string;
  /** Events that are on. */
  readonly events: readonly string[];
  /** The tracefs instance; undefined by perf. */
  readonly instanceDir: string | undefined;
  /** Ends it and writes the rest. */
  stop(): Promise<Recording>;
}

/**
 * Starts to record and returns when events are being recorded.
 *
 * Throws {@linkcode MachineLacksError} where no door is open (or not the one asked for), and {@linkcode RangeError} for an event,
 * CPU or clock that there is not.
 */
export async function startRecording(options: StartOptions = {}): Promise<RunningRecording> {
  const { signal, door: asked = "auto", output, clock = "mono", tscHz, ...rest } = options;
  signal?.throwIfAborted();
  const { door, reason } = await chooseDoor(asked, output, clock);
  if (door === "tracefs") {
    const path = output ?? "trace.tracefs";
    const recorder = await startTracefs({
      ...rest,
      output: path,
      clock,
      ...(tscHz === undefined ? {} : { tscHz }),
    });
    return await unlessAborted(signal, {
      door,
      reason,
      clock,
      events: recorder.events,
      instanceDir: recorder.instanceDir,
      async stop() {
        const { path, lost, bytes, notes } = await recorder.stop();
        return { path, door, reason, lost, bytes, notes };
      },
      [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
    });
  }
  const recorder = await startPerf({ ...rest, output: output ?? "perf.data" });
  return await unlessAborted(signal, {
    door,
    reason,
    clock,
    events: recorder.events,
    instanceDir: undefined,
    async stop() {
      const { path, lost, bytes, notes } = await recorder.stop();
      return { path, door, reason, lost, bytes, notes };
    },
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  });
}

/**
 * Records for a time or while a command runs.
 *
 * When `signal` aborts, the recording is thrown away, the command ended, and the signal's reason thrown. Otherwise throws
 * what {@linkcode startRecording} throws, and what `Deno.Command` throws for a command that cannot be run.
 */
export async function record(options: RecordOptions): Promise<Recording> {
  const { duration, command, onProgress, signal, stopSignal = defaultSignal(), ...start } = options;
  if (duration === undefined && command === undefined && stopSignal === undefined) {
    throw new RangeError(
      "Expected a duration, a command or a stopSignal, so that the recording has an end, but found none",
    );
  }
  if (duration !== undefined && !(duration > 0)) {
    throw new RangeError(`Expected the duration in ns to be greater than 0 but found ${duration}`);
  }
  await using recording = await startRecording(signal === undefined ? start : { ...start, signal });
  const began = performance.now();
  using progress = every(250, () => onProgress?.((performance.now() - began) * 1e6));
  void progress;
  const exitCode = await waitForEnd(duration, command, signal, stopSignal);
  const result = await recording.stop();
  return exitCode === undefined ? result : { ...result, exitCode };
}

async function waitForEnd(
  duration: number | undefined,
  command: readonly string[] | undefined,
  signal: AbortSignal | undefined,
  stopSignal: AbortSignal | undefined,
): Promise<number | undefined> {
  const ended = Promise.withResolvers<void>();
  const timer = duration === undefined ? undefined : setTimeout(() => ended.resolve(), duration / 1e6);
  const abort = () => ended.reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const stop = () => ended.resolve();
  stopSignal?.addEventListener("abort", stop, { once: true });
  if (stopSignal?.aborted === true) stop();
  let child: Deno.ChildProcess | undefined;
  try {
    signal?.throwIfAborted();
    if (command === undefined) {
      await ended.promise;
      return undefined;
    }
    child = new Deno.Command(command[0] ?? "", { args: command.slice(1), stdin: "inherit" }).spawn();
    const first = await Promise.race([child.status, ended.promise]);
    if (first === undefined) return undefined;
    child = undefined;
    return first.code;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    stopSignal?.removeEventListener("abort", stop);
    ended.promise.catch(() => {});
    if (child !== undefined) {
      child.kill("SIGTERM");
      await child.status;
    }
  }
}

function every(ms: number, call: () => void): Disposable {
  const timer = setInterval(call, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function unlessAborted(
  signal: AbortSignal | undefined,
  recording: RunningRecording,
): Promise<RunningRecording> {
  if (signal?.aborted !== true) return recording;
  await recording[Symbol.asyncDispose]();
  throw signal.reason;
}

async function chooseDoor(
  asked: Door | "auto",
  output: string | undefined,
  clock: string,
): Promise<{ door: Door; reason: string }> {
  if (asked === "perf" && clock === "x86-tsc") {
    throw new RangeError("Expected the clock mono by perf but found x86-tsc, which only tracefs has");
  }
  if (asked !== "auto") return { door: asked, reason: "it was asked for" };
  const [tracefs, perf] = await probeDoors();
  const named = output?.endsWith(".data") === true && clock === "mono";
  if (named && perf.usable) {
    return { door: "perf", reason: `the output ${output} is named as perf's files are` };
  }
  if (tracefs.usable) {
    return {
      door: "tracefs",
      reason: "it needs half the bytes of perf, runs no program on the measured CPUs, and is open here",
    };
  }
  if (perf.usable && clock === "mono") {
    return { door: "perf", reason: `tracefs is not open: ${tracefs.found}` };
  }
  throw noDoor(tracefs, perf);
}

function noDoor(tracefs: DoorState, perf: DoorState): MachineLacksError {
  return new MachineLacksError(
    tracefs.remedy?.includes("sudo") === true ? "root" : "tracefs",
    `this machine lets no one record here: tracefs: ${tracefs.found}; perf: ${perf.found}`,
    tracefs.remedy ?? perf.remedy ?? "record as root",
  );
}
