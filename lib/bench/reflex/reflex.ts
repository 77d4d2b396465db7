import { nativeProgram } from "../../native/mod.ts";
import { defaultSignal } from "../../trace/default_signal.ts";
import { allowedCpus } from "../allowed_cpus.ts";
import { fingerprint } from "../fingerprint.ts";
import { runUntilPrecise } from "../statistics/run_until_precise.ts";
import { readSteal } from "../steal.ts";
import { type ReflexOptions, reflexSettings } from "./reflex_options.ts";
import { type MeasuredRun, reflexFrame, ReflexResult } from "./reflex_result.ts";
import { reflexRun } from "./reflex_run.ts";
import { traceReflex } from "./reflex_trace.ts";

/**
 * What a round of the scheduler costs when so many threads are runnable: Nagar's benchmark of 2001, made to prove what it claims.
 *
 * `children` threads stand in `active` sets; in each set one holds the token. Who holds it works for `compute` us, and then either
 * yields, or, in `weight` percent of the rounds, hands the token to the next of its set through a pipe and blocks until it comes back.
 * The metric is the wall time in us by the rounds of all children, so it falls with the number of CPUs.
 *
 * Runs are repeated until the 95 % interval of their mean is within ± `width` of it. Each run says how many of the blocks were real, how
 * many switches there were for each wake-up, and how many threads were runnable, from the kernel's counters and without any permission.
 *
 * Rejects with a RangeError for options that make no sense, a `MachineLacksError` for more threads than the machine allows (or, with
 * `trace`, no tracing), a `NativeLoadError` if the program cannot be built, and with `signal.reason` if no run was done when it aborted.
 *
 * @example
 * ```ts
 * import { reflex } from "@schedscope/schedscope/bench";
 * import assert from "node:assert/strict";
 *
 * const result = await reflex({ children: 8, active: 4, duration: 20e6, minRuns: 3, maxRuns: 3 });
 * assert.equal(result.runs.length, 3);
 * assert.ok(result.mean > 0);
 * console.log(String(result));
 * ```
 */
export async function reflex(options: ReflexOptions = {}): Promise<ReflexResult> {
  const settings = reflexSettings(options);
  const signal = options.signal ?? defaultSignal();
  signal?.throwIfAborted();
  if (settings.isolation === "process") nativeProgram("schedscope-reflex"); // compiled, if need be, before anything is measured
  const machine = await fingerprint();
  const cpus = settings.cpus ?? allowedCpus();
  const runs: MeasuredRun[] = [];
  const stealing = () => {
    const steal = readSteal();
    return cpus.reduce((sum, cpu) => sum + (steal.get(cpu) ?? 0), 0);
  };
  const known = await runUntilPrecise(async (k) => {
    const before = stealing();
    // The same work in every run: the first one measures how much that is.
    const run = await reflexRun(settings, k, runs[0]?.loops_per_us ?? 0, signal);
    runs.push({ ...run, steal: stealing() - before });
    return run.us_per_round;
  }, {
    minRuns: settings.minRuns,
    maxRuns: settings.maxRuns,
    width: settings.width,
    ...(signal === undefined ? {} : { signal }),
    ...(options.onProgress === undefined ? {} : {
      onProgress: ({ runs: done, values, mean, relative }) =>
        options.onProgress!({ runs: done, last: values.at(-1)!, mean, relative }),
    }),
  });
  const trace = options.trace && !signal?.aborted
    ? await traceReflex(settings, runs[0]!.loops_per_us, signal)
    : null;
  return new ReflexResult(known, reflexFrame(runs, cpus.length, machine.kernel), settings, machine, trace);
}
