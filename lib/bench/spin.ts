import { nativeProgram } from "../native/mod.ts";
import { defaultSignal } from "../trace/default_signal.ts";
import { fingerprint } from "./fingerprint.ts";
import { type InterruptCounters, interruptsBetween, readInterrupts } from "./interrupts.ts";
import { spinArguments, type SpinOptions } from "./spin_options.ts";
import { spinPlacement } from "./spin_placement.ts";
import { SpinRegionFile } from "./spin_region_file.ts";
import { SpinResult } from "./spin_result.ts";
import { spinInProcess, spinInThreads, type SpinRun } from "./spin_runner.ts";
import { spinSnapshot } from "./spin_snapshot.ts";
import { readSteal } from "./steal.ts";

interface Counters {
  readonly interrupts: InterruptCounters;
  readonly steal: ReadonlyMap<number, number>;
}

const readCounters = (): Counters => ({ interrupts: readInterrupts(), steal: readSteal() });

/** Resolves after `ms` or when `ended` settles, whichever is first. */
function pause(ms: number, ended: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const done = () => resolve();
  ended.then(done, done);
  return promise.finally(() => clearTimeout(timer));
}

/** Follows a run to its end; returns the counters as of when the threads were let go. */
async function follow(
  run: SpinRun,
  region: SpinRegionFile,
  options: SpinOptions,
  stop: AbortSignal,
): Promise<Counters | undefined> {
  let before: Counters | undefined, over = false, ready = false, started = 0;
  const ended = run.ended.finally(() => over = true);
  ended.catch(() => over = true);
  const interval = (options.progressInterval ?? 250e6) / 1e6;
  // The other side takes a stop from when its region is laid out.
  const pass = () => ready && run.stop();
  stop.addEventListener("abort", pass, { once: true });
  try {
    while (!over) {
      const head = before && !options.onProgress ? undefined : region.head();
      if (!ready && head?.ready) {
        ready = true;
        region.unlink();
        if (stop.aborted) pass();
      }
      if (!before && ready && head?.state === "running") {
        before = readCounters();
        started = performance.now();
      } else if (before && head) {
        options.onProgress?.(spinSnapshot(head, region.counters(head), (performance.now() - started) * 1e6));
      }
      await pause(!before ? 5 : options.onProgress ? interval : 60_000, ended);
    }
  } finally {
    stop.removeEventListener("abort", pass);
  }
  await ended;
  return before;
}

/**
 * Finds the moments in which threads that wanted to run did not.
 *
 * Each of `threads` threads watches the cycle counter for a `burst`, then sleeps a random time of its own below `maxSleep`, again and
 * again. A jump of the counter over `threshold` is a gap of kind run, a wake-up that is late by as much a gap of kind wake. The run ends
 * after `duration`, at the first gap over `maxGap`, or by `signal`; each of them gives a result, nothing measured is lost.
 *
 * The threads run in a child process that ends with this one. Rejects with a RangeError for options out of range, a
 * `NativeLoadError` if the child cannot be built, a `MachineLacksError` that says what would help where the machine does not let it run so
 * (a CPU or a cgroup that is not there, a policy that is not permitted, more threads than the limits allow), and with `signal.reason` if the signal was aborted before the start.
 *
 * @example
 * ```ts
 * import { spin } from "@schedscope/schedscope/bench";
 * import assert from "node:assert/strict";
 *
 * const result = await spin({ threads: 2, duration: 300e6, burst: 100e6, maxSleep: 10e6, maxGap: 0 });
 * assert.equal(result.stopped.reason, "duration");
 * console.log(String(result));
 * ```
 */
export async function spin(options: SpinOptions = {}): Promise<SpinResult> {
  const signal = options.signal ?? defaultSignal();
  signal?.throwIfAborted();
  const isolation = options.isolation ?? "process";
  const plain = spinArguments(options);
  if (isolation === "process") nativeProgram("schedscope-spin"); // compiled, if need be, before anything is waited for
  const machine = await fingerprint(); // before the run: nothing but the result is left to do after it
  signal?.throwIfAborted();

  await using placement = await spinPlacement(options);
  const args = [...plain, ...placement.args], { cpus } = placement;
  using region = new SpinRegionFile();
  const callback = new AbortController(); // an exception in a callback ends the run and is thrown
  const guarded = <A>(call: ((argument: A) => void) | undefined) => (argument: A) => {
    try {
      call?.(argument);
    } catch (error) {
      callback.abort(error);
    }
  };
  await using run = isolation === "process"
    ? spinInProcess(args, region.path, guarded(options.onLine))
    : spinInThreads(args, region.path, () => region.head().text(1352, 256));
  const stop = signal ? AbortSignal.any([signal, callback.signal]) : callback.signal;
  const onProgress = options.onProgress && guarded(options.onProgress);
  const before = await follow(run, region, onProgress ? { ...options, onProgress } : options, stop);
  callback.signal.throwIfAborted();
  const after = readCounters();

  const head = region.head();
  const since = before ?? after;
  const steal = cpus.reduce((sum, cpu) => sum + (after.steal.get(cpu) ?? 0) - (since.steal.get(cpu) ?? 0), 0);
  return new SpinResult(head, region.threads(head), {
    interrupts: interruptsBetween(since.interrupts, after.interrupts, cpus),
    steal,
    fingerprint: { ...machine, tsc_method: head.text(256, 32) },
    isolation,
    args,
  });
}
