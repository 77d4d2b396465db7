import { jainIndex } from "../../sched/fairness/jain.ts";
import { spin } from "../spin.ts";
import type { SuiteCase, SuiteMeasurement } from "./suite_case.ts";

/** Shortest stall that counts as a gap, ns: above what an interrupt takes, below a slice. */
const SHORTEST_GAP = 10_000;

/**
 * Gaps and fairness where `overcommit` threads share each CPU: pinned evenly, all of them spinning for the whole run, so that every thread is
 * due the same share of its CPU, and every gap is the scheduler's doing or the machine's.
 */
export function gapCase(overcommit: number): SuiteCase {
  const threadsOf = (cpus: readonly number[]) => overcommit * cpus.length;
  return {
    name: `gaps-${overcommit}x`,
    about: overcommit === 1
      ? "a spinning thread on each CPU: what the machine takes"
      : `${overcommit} spinning threads pinned to each CPU: how long each waits, and whether they get the same`,
    metrics: {
      p99_gap: { better: "lower", about: `99th percentile of its gaps over ${SHORTEST_GAP / 1000} us` },
      worst_gap: { better: "lower", about: "longest gap of a run" },
      jain: { better: "higher", about: "Jain's index of the threads' shares of their CPU" },
    },
    precise: "p99_gap",
    parameters: ({ cpus, duration }) => ({ threads: threadsOf(cpus), duration, shortest_gap: SHORTEST_GAP }),
    async measure({ cpus, duration }, signal): Promise<SuiteMeasurement> {
      const result = await spin({
        threads: threadsOf(cpus),
        cpus,
        pin: true,
        burst: duration,
        maxSleep: 0,
        duration,
        threshold: SHORTEST_GAP,
        maxGap: 0,
        // The counter's rate is measured over the whole run besides.
        brackets: 1,
        bracket: 20e6,
        ...(signal === undefined ? {} : { signal }),
      });
      signal?.throwIfAborted();
      const { threads, gaps } = result;
      const lengths = Float64Array.from(gaps.column("dur")).sort();
      const wall = threads.column("wall");
      // A thread that came to the end of no burst has neither.
      const shares = Array.from(threads.column("cpu_time"), (time, i) => wall[i]! > 0 ? time / wall[i]! : 0);
      return {
        metrics: {
          p99_gap: lengths[Math.ceil(0.99 * lengths.length) - 1] ?? NaN,
          worst_gap: Math.max(...threads.column("run_gap_max")),
          jain: jainIndex(shares),
        },
        raw: {
          cpu_share: shares,
          longest_gap: Array.from(threads.column("run_gap_max")),
          gaps: Array.from(threads.column("run_gaps")),
        },
      };
    },
  };
}
