import { loadNative, nativeProgram, unwrap } from "../../native/mod.ts";
import { MachineLacksError } from "../../trace/record/errors.ts";
import { reflexArguments, type ReflexSettings } from "./reflex_options.ts";

/** What one child did in a run. */
export interface ReflexChild {
  /** Thread id. */
  readonly tid: number;
  /** Rounds. */
  readonly rounds: number;
  /** Calls of sched_yield(). */
  readonly yields: number;
  /** Tokens handed on. */
  readonly passes: number;
  /** Voluntary switches: real blocks. */
  readonly nvcsw: number;
  /** Involuntary switches: yields that switched, and preemptions. */
  readonly nivcsw: number;
  /** CPU time. */
  readonly cpu_ns: number;
  /** Wait on run queues. */
  readonly run_delay_ns: number;
}

/** What one run gave: the JSON of schedscope-reflex, whose names these are. Times are ns, `start_ns` and `stop_ns` of CLOCK_MONOTONIC. */
export interface ReflexRun {
  /** Children. */
  readonly children: number;
  /** Active sets. */
  readonly active: number;
  /** Percent of the rounds that hand the token on. */
  readonly weight: number;
  /** us of work in a round. */
  readonly compute_us: number;
  /** Steps of the work for each us, as calibrated; 0 without work. */
  readonly loops_per_us: number;
  /** What ended it. */
  readonly stopped: "duration" | "signal";
  /** When the children were let go. */
  readonly start_ns: number;
  /** When they were told to stop. */
  readonly stop_ns: number;
  /** Rounds. */
  readonly rounds: number;
  /** Calls of sched_yield(). */
  readonly yields: number;
  /** Tokens handed on. */
  readonly passes: number;
  /** Voluntary switches: real blocks. */
  readonly nvcsw: number;
  /** Involuntary switches: yields that switched, and preemptions. */
  readonly nivcsw: number;
  /** CPU time. */
  readonly cpu_ns: number;
  /** Wait on run queues. */
  readonly run_delay_ns: number;
  /** Whether the kernel counts the waits on run queues. */
  readonly schedstat: boolean;
  /** Mean number of runnable children, by Little's law. */
  readonly runnable: number;
  /** Wall time in us / rounds. */
  readonly us_per_round: number;
  /** Each child. */
  readonly per_child: readonly ReflexChild[];
}

/** Exit code of the program where the machine allows less than was asked for. */
const LACKING = 3;

const lacking = (why: string) => new MachineLacksError("threads", `reflex: ${why}`, "use fewer children");

async function inProcess(args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  const child = new Deno.Command(nativeProgram("schedscope-reflex"), {
    args: [...args, "--parent", String(Deno.pid)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let over = false;
  const stop = () => {
    if (!over) child.kill("SIGTERM");
  };
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const { success, code, signal: by, stdout, stderr } = await child.output();
    over = true;
    signal?.throwIfAborted();
    if (success) return new TextDecoder().decode(stdout);
    const why = new TextDecoder().decode(stderr).trim().replace(/^schedscope-reflex: /, "");
    if (code === LACKING) throw lacking(why);
    if (stdout.length > 0) {
      // Ctrl-C reaches the child as well as us, and may be heard there first.
      await new Promise((resolve) => setTimeout(resolve, 100));
      signal?.throwIfAborted();
      throw new Error("schedscope-reflex was ended by a signal");
    }
    throw new Error(`schedscope-reflex failed: ${why || `it ended with ${by ?? code}`}`);
  } finally {
    over = true;
    signal?.removeEventListener("abort", stop);
  }
}

/** Errors of the library that mean that the machine allows less: EAGAIN, ENOMEM, ENFILE, EMFILE. */
const LIMITS: ReadonlySet<number> = new Set([-11, -12, -23, -24]);

async function inThreads(
  args: readonly string[],
  children: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  using native = loadNative();
  const { symbols } = native;
  const text = new TextEncoder().encode(args.map((arg) => `${arg}\0`).join(""));
  const message = new Uint8Array(512);
  const said = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const rc = symbols.schedscope_reflex_open(text, text.length, message, message.length);
  const reason = said(message.subarray(0, message.indexOf(0)));
  if (LIMITS.has(rc)) throw lacking(reason);
  const handle = unwrap(rc, "reflex", reason || undefined);
  const stop = () => void symbols.schedscope_reflex_stop(handle);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const ended = await symbols.schedscope_reflex_run(handle);
    // Each child takes some 200 bytes of JSON.
    const json = new Uint8Array(1024 + 300 * children);
    const length = unwrap(symbols.schedscope_reflex_result(handle, json, json.length), "reflex");
    const answer = said(json.subarray(0, length));
    if (LIMITS.has(ended)) throw lacking(answer);
    unwrap(ended, "reflex", answer);
    signal?.throwIfAborted();
    return answer;
  } finally {
    signal?.removeEventListener("abort", stop);
    symbols.schedscope_reflex_close(handle);
  }
}

/**
 * One run, in a process of its own or in threads of this one. `loops` is the calibration of an earlier run, 0 for none.
 *
 * Rejects with `signal.reason` when it aborts, with a `MachineLacksError` for more threads or files than the machine allows,
 * and with a RangeError where no round was finished.
 */
export async function reflexRun(
  settings: ReflexSettings,
  run: number,
  loops: number,
  signal?: AbortSignal,
): Promise<ReflexRun> {
  signal?.throwIfAborted();
  const args = reflexArguments(settings, run, loops);
  const text = settings.isolation === "process"
    ? await inProcess(args, signal)
    : await inThreads(args, settings.children, signal);
  const found = JSON.parse(text) as ReflexRun;
  if (found.rounds === 0) {
    throw new RangeError(
      `Expected a duration in which a round is finished but found ${settings.duration} ns: take a longer one`,
    );
  }
  return found;
}
