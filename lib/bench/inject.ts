import { Frame } from "../frame/frame.ts";
import { type Ns, ns } from "../frame/units.ts";
import { nativeProgram } from "../native/mod.ts";

/** Options of {@linkcode inject}. Durations are ns. */
export interface InjectOptions {
  /** How many windows. Default: 40. */
  windows?: number;
  /** The shortest. Default: 1e6. */
  min?: number;
  /** The longest; lengths are drawn evenly. Default: 8e6. */
  max?: number;
  /** Least time from the end of one to the start of the next. Default: 5e6. */
  pauseMin?: number;
  /** The most. Default: 20e6. */
  pauseMax?: number;
  /** Of lengths and pauses. Default: 1. */
  seed?: number;
  /** Time before the first. Default: 50e6. */
  delay?: number;
  /** Instead of all these: windows at times counted from the start. Default: none. */
  at?: readonly { readonly after: number; readonly length: number }[];
  /** SCHED_FIFO priority, 1..99. Default: 50. */
  priority?: number;
  /** Name of the thread, at most 15 bytes. Default: `"sched-inject"`. */
  comm?: string;
  /** Ends it; the promise rejects with the signal's reason. Default: none. */
  signal?: AbortSignal;
}

/** Columns of the stolen windows, as the thief itself measured them. */
export type WindowColumns = {
  /** Start, ns of CLOCK_MONOTONIC after the injection's `epoch`. */
  ts: Ns;
  /** Length, ns. */
  dur: Ns;
  /** The CPU. */
  cpu: Uint16Array;
  /** Cycle counter when it was due: its timer's interrupt takes the CPU from whoever runs. */
  due_tsc: BigUint64Array;
  /** Cycle counter at the thief's first instruction, a wake-up later. */
  start_tsc: BigUint64Array;
  /** Cycle counter when it gave it back. */
  end_tsc: BigUint64Array;
  /** The length that was asked for, ns. The real one is longer where the hypervisor or an interrupt kept the thief itself waiting. */
  asked: Ns;
  /** How late it began, ns. */
  late: Ns;
};

/** What was injected. */
export interface Injection {
  /** Kernel id of the thief. */
  readonly tid: number;
  /** Its name. */
  readonly comm: string;
  /** The CPU. */
  readonly cpu: number;
  /** CLOCK_MONOTONIC when it began, ns. */
  readonly epoch: bigint;
  /** The windows in order. */
  readonly windows: Frame<WindowColumns>;
}

function injectArguments(cpu: number, options: InjectOptions): string[] {
  const args = ["--cpu", String(cpu), "--parent", String(Deno.pid)];
  const add = (flag: string, value: number | string | undefined) => {
    if (value !== undefined) args.push(flag, String(value));
  };
  add("--windows", options.windows);
  add("--min", options.min);
  add("--max", options.max);
  add("--pause-min", options.pauseMin);
  add("--pause-max", options.pauseMax);
  add("--seed", options.seed);
  add("--delay", options.delay);
  add("--priority", options.priority);
  add("--comm", options.comm);
  add("--at", options.at?.map(({ after, length }) => `${after}:${length}`).join(","));
  return args;
}

/** A JSON line without its 64-bit integers, and those. */
function parseLine(line: string): { record: Record<string, number | string>; big: (name: string) => bigint } {
  return {
    record: JSON.parse(line),
    big: (name) => BigInt(line.match(new RegExp(`"${name}":(\\d+)`))![1]!),
  };
}

/**
 * Steals CPU `cpu` for known stretches of time, by a SCHED_FIFO thread in a child process: the truth to hold a detector against.
 *
 * To hold a spin run against it, start it when the run's first `onProgress` has come: only then the threads spin.
 *
 * Resolves after the last window. Needs root, CAP_SYS_NICE or RLIMIT_RTPRIO; rejects with an Error that says so, and with the signal's
 * reason when aborted.
 */
export async function inject(cpu: number, options: InjectOptions = {}): Promise<Injection> {
  options.signal?.throwIfAborted();
  const command = new Deno.Command(nativeProgram("schedscope-inject"), {
    args: injectArguments(cpu, options),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const { success, stdout, stderr, signal, code } = await command.output();
  options.signal?.throwIfAborted();
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim().replace(/^schedscope-inject: /, "");
    throw new Error(`schedscope-inject failed: ${said || `it ended with ${signal ?? code}`}`);
  }
  const lines = new TextDecoder().decode(stdout).trim().split("\n").map(parseLine);
  const head = lines[0]!, windows = lines.filter(({ record }) => record.type === "window");
  const epoch = head.big("mono_ns");
  const column = (name: string) => ns(Float64Array.from(windows, ({ record }) => Number(record[name])));
  return {
    tid: Number(head.record.tid),
    comm: String(head.record.comm),
    cpu,
    epoch,
    windows: new Frame<WindowColumns>({
      ts: ns(Float64Array.from(windows, ({ big }) => Number(big("start_ns") - epoch))),
      dur: column("dur_ns"),
      cpu: Uint16Array.from(windows, ({ record }) => Number(record.cpu)),
      due_tsc: BigUint64Array.from(windows, ({ big }) => big("due_tsc")),
      start_tsc: BigUint64Array.from(windows, ({ big }) => big("start_tsc")),
      end_tsc: BigUint64Array.from(windows, ({ big }) => big("end_tsc")),
      asked: column("asked_ns"),
      late: column("late_ns"),
    }),
  };
}
