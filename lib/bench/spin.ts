import { allowedCpus } from "./cpu_list.ts";
import { fingerprint } from "./fingerprint.ts";
import { type InterruptCounters, interruptsBetween, readInterrupts } from "./interrupts.ts";
import { spinArguments, type SpinOptions } from "./spin_options.ts";
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

/** Resolves after `ms`, when `ended` settles, or when `signal` aborts, whichever is first. */
function pause(ms: number, ended: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const done = () => resolve();
  ended.then(done, done);
  signal.addEventListener("abort", done, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", done);
  });
}

/** Follows a run to its end; returns the counters as of when the threads were let go. */
async function follow(
  run: SpinRun,
  region: SpinRegionFile,
  options: SpinOptions,
  failed: AbortSignal,
): Promise<Counters | undefined> {
  let before: Counters | undefined, over = false, started = 0;
  const ended = run.ended.finally(() => over = true);
  ended.catch(() => over = true);
  const interval = (options.progressInterval ?? 250e6) / 1e6;
  while (!over && !failed.aborted) {
    if (!before) {
      const head = region.head();
      if (head.ready) region.unlink();
      if (head.ready && head.state === "running") {
        before = readCounters();
        started = performance.now();
      }
    } else if (options.onProgress) {
      const head = region.head();
      options.onProgress(spinSnapshot(head, region.bytes(), (performance.now() - started) * 1e6));
    }
    await pause(before ? (options.onProgress ? interval : 60_000) : 5, ended, failed);
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
 * `NativeLoadError` if the child cannot be built, an Error with what the child said if it cannot run so (a CPU that is not there, a policy
 * that is not permitted), and with `signal.reason` if the signal was aborted before the start.
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
  options.signal?.throwIfAborted();
  const isolation = options.isolation ?? "process";
  const args = spinArguments(options);
  const cpus = options.cpus ?? allowedCpus();

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
  const stop = () => run.stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  callback.signal.addEventListener("abort", stop, { once: true });
  let before: Counters | undefined;
  try {
    const onProgress = options.onProgress && guarded(options.onProgress);
    before = await follow(run, region, onProgress ? { ...options, onProgress } : options, callback.signal);
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
  callback.signal.throwIfAborted();
  const after = readCounters();

  const bytes = region.bytes();
  const head = region.head();
  const since = before ?? after;
  const steal = cpus.reduce((sum, cpu) => sum + (after.steal.get(cpu) ?? 0) - (since.steal.get(cpu) ?? 0), 0);
  return new SpinResult(head, bytes, {
    interrupts: interruptsBetween(since.interrupts, after.interrupts, cpus),
    steal,
    fingerprint: await fingerprint(head.text(256, 32)),
    isolation,
  });
}
