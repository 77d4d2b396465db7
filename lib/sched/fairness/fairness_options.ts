import type { Trace } from "../../trace/trace.ts";
import { type GroupBy, type ThreadGroups, threadGroups } from "../thread_groups.ts";

/** Who competes for what: options that all analyses of fairness share. */
export interface FairnessOptions {
  /** What gets a row: each thread, or a group of threads. A group is entitled to what its threads are. Default `thread`. */
  by?: GroupBy;
  /**
   * Only these CPUs, and the threads that run or wait on them: a cpuset, or one CPU where threads are pinned. Default: all CPUs that
   * switched in the trace, which any thread may use, because a trace does not tell affinities.
   */
  cpus?: Iterable<number>;
  /**
   * Groups among which the kernel shares CPU time first, before nice values count inside of each: cgroups with the cpu controller,
   * or autogroups (`/proc/PID/autogroup`: where `kernel.sched_autogroup_enabled` is 1 each session is a group, all of weight
   * 1024 unless their nice values were changed). Threads of no group stand beside the groups. Default: none, all threads stand side by side.
   */
  shares?: GroupShares;
  /** Weights by tid, where they are not those of the priority: of SCHED_IDLE (3), of cgroups. Default: by nice value. */
  weights?: ReadonlyMap<number, number>;
}

/** Groups that share CPU time by weights of their own: {@linkcode FairnessOptions.shares}. */
export interface GroupShares {
  /** What makes threads a group. */
  by: GroupBy;
  /**
   * Weights by the group's name, on the scale of threads' weights: `cpu.shares` as it is, `cpu.weight` times 10.24. Default 1024, for
   * each that is not in it.
   */
  weights?: ReadonlyMap<string, number>;
}

/** The groups of `shares` and the weight of each. Throws a RangeError for a weight that is not above 0. */
export function sharesOf(
  trace: Trace,
  { by, weights }: GroupShares,
): { groups: ThreadGroups; weights: Float64Array } {
  const groups = threadGroups(trace, by);
  for (const [name, weight] of weights ?? []) {
    if (!(weight > 0 && weight < Infinity)) {
      throw new RangeError(
        `Expected the weight of group ${JSON.stringify(name)} to be above 0 but found ${weight}`,
      );
    }
  }
  return { groups, weights: Float64Array.from(groups.names, (name) => weights?.get(name) ?? 1024) };
}
