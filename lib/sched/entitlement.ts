import { Frame } from "../frame/frame.ts";

/** Columns of {@linkcode Entitlement.tasks}, one row for each task in the order given. */
export type EntitlementColumns = {
  /** The weight as given. */
  weight: Float64Array;
  /** CPUs that the task would use if it never waited, 0 to 1. */
  demand: Float64Array;
  /** CPUs that it is entitled to, at most its demand. */
  share: Float64Array;
  /** The weight that gives just that: no more than `lambda`. */
  feasible_weight: Float64Array;
  /** 1 where the weight asks for more than the task can use. */
  infeasible: Uint8Array;
  /** `demand` less `share`. */
  shortfall: Float64Array;
};

/** What each task is entitled to. */
export interface Entitlement {
  /** A row for each task, in the order given. */
  readonly tasks: Frame<EntitlementColumns>;
  /**
   * The weight above which a task's weight is of no more use: it has all of its demand. Infinity where the CPUs suffice for
   * everybody, and no weight matters.
   */
  readonly lambda: number;
  /** CPUs that are in use: the sum of the shares. */
  readonly used: number;
}

/**
 * What tasks of `weights` are entitled to on `cpus` CPUs, when each can use no more than its `demand` (one CPU by default).
 *
 * On one CPU the shares are as the weights. On several a weight may be infeasible: a task cannot use more than one CPU
 * however heavy it is, and what it cannot use belongs to the others. The entitlement is the generalized-multiprocessor-sharing
 * fluid: share_i = demand_i * min(1, weight_i / lambda), with the lambda at which the shares fill the CPUs. The weight
 * readjustment is that of Surplus Fair Scheduling (Chandra et al., OSDI 2000), with duty cycles as sched_ext's
 * `scx_utils::infeasible` has them; where the demands leave CPUs idle everybody gets the demand.
 *
 * Throws a RangeError for a weight or a number of CPUs that is not above 0, or a demand out of 0 to 1.
 *
 * @example
 * ```ts
 * import { entitlement } from "@schedscope/schedscope/sched";
 * import assert from "node:assert/strict";
 *
 * // One task of weight 10000 among seven of weight 1 gets its one CPU; the others share three.
 * const { tasks, lambda } = entitlement([10000, 1, 1, 1, 1, 1, 1, 1], 4);
 * assert.equal(tasks.row(0).share, 1);
 * assert.ok(Math.abs(tasks.row(1).share - 3 / 7) < 1e-12);
 * assert.ok(Math.abs(lambda - 7 / 3) < 1e-12);
 * ```
 */
export function entitlement(
  weights: ArrayLike<number>,
  cpus: number,
  demands?: ArrayLike<number>,
): Entitlement {
  const weight = Float64Array.from(weights);
  const demand = demands === undefined ? new Float64Array(weight.length).fill(1) : Float64Array.from(demands);
  check(weight, demand, cpus);
  const lambda = saturation(weight, demand, cpus);
  const share = demand.map((d, i) => (lambda === Infinity ? d : d * Math.min(1, weight[i]! / lambda)));
  return {
    tasks: new Frame<EntitlementColumns>({
      weight,
      demand,
      share,
      feasible_weight: weight.map((w) => Math.min(w, lambda)),
      infeasible: Uint8Array.from(weight, (w) => w > lambda ? 1 : 0),
      shortfall: demand.map((d, i) => d - share[i]!),
    }),
    lambda,
    used: share.reduce((sum, each) => sum + each, 0),
  };
}

/** The lambda at which the shares fill the CPUs; Infinity where the demands do not. */
function saturation(weight: Float64Array, demand: Float64Array, cpus: number): number {
  const total = demand.reduce((sum, d) => sum + d, 0);
  if (total <= cpus) return Infinity;
  // From the heaviest on: those that have all of their demand leave CPUs and load to the others.
  const order = Array.from(weight.keys()).sort((x, y) => weight[y]! - weight[x]!);
  let left = cpus;
  let load = 0;
  // Added up from the lightest, so that the sum of what remains is not the small difference of large ones.
  const loadFrom = new Float64Array(order.length + 1);
  for (let i = order.length - 1; i >= 0; i--) {
    load += weight[order[i]!]! * demand[order[i]!]!;
    loadFrom[i] = load;
  }
  for (let i = 0; i < order.length; i++) {
    const lambda = loadFrom[i]! / left;
    if (weight[order[i]!]! <= lambda) return lambda;
    left -= demand[order[i]!]!;
  }
  // Not reached: the demands are more than the CPUs, so the lightest task's weight is below its lambda at the latest.
  throw new Error("no lambda fills the CPUs");
}

function check(weight: Float64Array, demand: Float64Array, cpus: number): void {
  if (!(cpus > 0 && cpus < Infinity)) throw new RangeError(`Expected CPUs above 0 but found ${cpus}`);
  if (demand.length !== weight.length) {
    throw new RangeError(
      `Expected ${weight.length} demands, one for each weight, but found ${demand.length}`,
    );
  }
  weight.forEach((w, i) => {
    if (!(w > 0 && w < Infinity)) throw new RangeError(`Expected weight ${i} to be above 0 but found ${w}`);
    const d = demand[i]!;
    if (!(d >= 0 && d <= 1)) throw new RangeError(`Expected demand ${i} to be from 0 to 1 but found ${d}`);
  });
}
