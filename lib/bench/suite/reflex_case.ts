import { jainIndex } from "../../sched/fairness/jain.ts";
import { reflexSettings } from "../reflex/reflex_options.ts";
import { reflexRun } from "../reflex/reflex_run.ts";
import type { SuiteCase, SuiteMeasurement } from "./suite_case.ts";

/** Children and active sets of the reflex cases: four runnable threads for each of two CPUs, as in the tables of 2001. */
const CHILDREN = 16;
const ACTIVE = 8;
/** Threads of the yield case, all on one CPU. */
const YIELDERS = 4;

/** reflex with `weight` percent of hand-overs: what a round of switching costs. */
export function reflexCase(weight: number): SuiteCase {
  return {
    name: `reflex-w${weight}`,
    about:
      `${CHILDREN} threads in ${ACTIVE} active sets, ${weight} % of the rounds hand the token on, the others yield`,
    metrics: {
      us_per_round: { better: "lower", about: "wall time by the rounds of all threads, us" },
      jain: { better: "higher", about: "Jain's index of the sets' rounds" },
    },
    precise: "us_per_round",
    parameters: ({ duration }) => ({
      children: CHILDREN,
      active: ACTIVE,
      weight,
      compute_us: 0,
      duration,
    }),
    measure: ({ cpus, duration }, signal) =>
      rounds({ children: CHILDREN, active: ACTIVE, weight, duration, cpus }, signal),
  };
}

/** Threads on one CPU that do nothing but yield: what a yield costs, and whether each gets as many. */
export function yieldCase(): SuiteCase {
  return {
    name: "yield",
    about: `${YIELDERS} threads on one CPU that only yield: what that costs, and whether each gets as many`,
    metrics: {
      us_per_round: { better: "lower", about: "wall time by the yields of all threads, us" },
      jain: { better: "higher", about: "Jain's index of the threads' yields" },
    },
    precise: "us_per_round",
    parameters: ({ duration }) => ({ children: YIELDERS, active: YIELDERS, weight: 0, duration }),
    measure: ({ cpus, duration }, signal) =>
      rounds({ children: YIELDERS, active: YIELDERS, weight: 0, duration, cpus: cpus.slice(0, 1) }, signal),
  };
}

interface Rounds {
  readonly children: number;
  readonly active: number;
  readonly weight: number;
  readonly duration: number;
  readonly cpus: readonly number[];
}

async function rounds(options: Rounds, signal: AbortSignal | undefined): Promise<SuiteMeasurement> {
  const run = await reflexRun(reflexSettings(options), 0, 0, signal);
  signal?.throwIfAborted();
  const each = run.per_child.map(({ rounds }) => rounds);
  // The members of a set share one token, so that the sets compete and not the threads; set s is s, s + a, s + 2a, ...
  const sets = new Float64Array(options.active);
  for (const [child, rounds] of each.entries()) sets[child % options.active]! += rounds;
  return {
    metrics: { us_per_round: run.rounds > 0 ? run.us_per_round : NaN, jain: jainIndex(sets) },
    raw: {
      rounds: each,
      blocks: run.per_child.map(({ nvcsw }) => nvcsw),
      other_switches: run.per_child.map(({ nivcsw }) => nivcsw),
      run_delay: run.per_child.map(({ run_delay_ns }) => run_delay_ns),
      runnable: [run.runnable],
    },
  };
}
