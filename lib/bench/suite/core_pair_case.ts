import { loadNative } from "../../native/mod.ts";
import { jainIndex } from "../../sched/fairness/jain.ts";
import { coreSiblings } from "../core_siblings.ts";
import { spin } from "../spin.ts";
import type { SuiteCase, SuiteMeasurement, SuiteSetting } from "./suite_case.ts";

/** PR_SCHED_CORE_GET, and the scope of one thread. */
const GET = 0;
const ONE_THREAD = 0;
const SHORTEST_GAP = 10_000;
const PAIRS = 2;

/**
 * Pairs of spinning threads on the hardware threads of one core, each pair with a core-scheduling cookie of its own, so that only one pair may
 * run at a time: how long each waits for the other, and whether they get the same.
 */
export function corePairCase(): SuiteCase {
  return {
    name: "core-pairs",
    about:
      `${PAIRS} pairs of spinning threads with cookies on one core: how long each waits, and whether they get the same`,
    metrics: {
      p99_gap: { better: "lower", about: `99th percentile of its gaps over ${SHORTEST_GAP / 1000} us` },
      worst_gap: { better: "lower", about: "longest gap of a run" },
      jain: { better: "higher", about: "Jain's index of the threads' CPU time" },
    },
    precise: "p99_gap",
    parameters: ({ duration }) => ({ pairs: PAIRS, duration, shortest_gap: SHORTEST_GAP }),
    lacking,
    async measure(setting, signal): Promise<SuiteMeasurement> {
      const result = await spin({
        pairs: PAIRS,
        cookies: true,
        cpus: siblings(setting)!,
        burst: setting.duration,
        maxSleep: 0,
        duration: setting.duration,
        threshold: SHORTEST_GAP,
        maxGap: 0,
        brackets: 1,
        bracket: 20e6,
        ...(signal === undefined ? {} : { signal }),
      });
      signal?.throwIfAborted();
      for (const { state, reason } of result.cookies.rows()) {
        if (state !== "has") throw new Error(`a thread got no cookie: ${reason}`);
      }
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
        raw: { cpu_share: shares, longest_gap: Array.from(threads.column("run_gap_max")) },
      };
    },
  };
}

function lacking(setting: SuiteSetting): string | undefined {
  using native = loadNative();
  const rc = native.symbols.schedscope_core_sched(GET, 0, ONE_THREAD, new BigUint64Array(1));
  if (rc === -22) return "kernel without CONFIG_SCHED_CORE";
  if (rc === -19) return "no SMT, or it is off";
  if (rc < 0) return `core scheduling cannot be asked for: errno ${-rc}`;
  return siblings(setting) === undefined ? "no core of which all hardware threads may be used" : undefined;
}

/** The hardware threads of the first core that may be used as a whole. */
function siblings({ cpus }: SuiteSetting): number[] | undefined {
  for (const cpu of cpus) {
    try {
      const found = coreSiblings(cpu);
      if (found.every((each) => cpus.includes(each))) return found;
    } catch {
      continue; // a core with one thread, or none that is online
    }
  }
  return undefined;
}
