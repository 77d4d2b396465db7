import { niceWeight } from "../nice_weight.ts";

/** Kernel priorities from here on are of the fair class: 120 is nice 0. */
export const FAIR_PRIO = 100;
const UNKNOWN_PRIO = -1000;

/** Whether a thread of kernel priority `prio` is of a class above the fair one: deadline or rt (stop shows as rt). */
export function isAboveFair(prio: number): boolean {
  return prio < FAIR_PRIO && prio !== UNKNOWN_PRIO;
}

/**
 * The fair class's weight by kernel priority, 100 to 139; that of nice 0 for any other. A trace does not tell SCHED_IDLE, whose
 * weight is 3, and a cgroup's weight from it.
 */
export function prioWeight(prio: number): number {
  return prio >= FAIR_PRIO && prio < FAIR_PRIO + 40 ? niceWeight(prio - 120) : niceWeight(0);
}

/** All weights that occur among rows of `prio`, and by thread the one that `weights` gives; 0 where none is. Throws a RangeError for one that is not above 0. */
export function weightsOf(
  prio: Int32Array,
  tids: Int32Array,
  weights: ReadonlyMap<number, number> | undefined,
): { all: Set<number>; given: Float64Array } {
  const prios = new Set<number>();
  for (let row = 0, last = NaN; row < prio.length; row++) {
    if (prio[row] !== last) prios.add(last = prio[row]!);
  }
  const all = new Set([...prios].filter((one) => !isAboveFair(one)).map(prioWeight));
  const given = Float64Array.from(tids, (tid) => weights?.get(tid) ?? 0);
  for (const [tid, weight] of weights ?? []) {
    if (!(weight > 0 && weight < Infinity)) {
      throw new RangeError(`Expected the weight of thread ${tid} to be above 0 but found ${weight}`);
    }
    all.add(weight);
  }
  return { all, given };
}
