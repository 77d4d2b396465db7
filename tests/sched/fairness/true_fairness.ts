import { entitlement } from "../../../lib/sched/entitlement.ts";
import type { TrueMoment } from "../true_moments.ts";

/** What somebody had got and was entitled to at a time. */
export interface TruePoint {
  readonly ts: number;
  readonly service: number;
  readonly entitled: number;
  readonly demand: number;
}

/** Who competes for what in a made-up schedule. */
export interface TrueCompetition {
  /** Weight of each thread. */
  readonly weight: (tid: number) => number;
  /** Who it counts for. */
  readonly entity: (tid: number) => string | undefined;
  readonly cpus: readonly number[];
}

/**
 * Service and entitlement of everybody at the end of each moment, by solving each moment anew: the slow way to what is computed
 * by following changes.
 */
export function trueCurves(
  moments: readonly TrueMoment[],
  { weight, entity, cpus }: TrueCompetition,
): Map<string, TruePoint[]> {
  const curves = new Map<string, TruePoint[]>();
  const start = moments[0]!.from;
  const point = (name: string) => {
    const known = curves.get(name);
    if (known !== undefined) return known.at(-1)!;
    const first = { ts: start, service: 0, entitled: 0, demand: 0 };
    curves.set(name, [first]);
    return first;
  };
  for (const { running, waiting } of moments) {
    for (const tid of [...running, ...waiting.map((one) => one.tid)]) {
      const name = tid > 0 ? entity(tid) : undefined;
      if (name !== undefined) point(name);
    }
  }
  for (const { from, to, running, waiting } of moments) {
    const runs = cpus.map((cpu) => running[cpu]!).filter((tid) => tid > 0);
    const there = [...runs, ...waiting.filter((one) => cpus.includes(one.cpu)).map((one) => one.tid)];
    const shares = entitlement(there.map(weight), cpus.length).tasks.column("share");
    const time = to - from;
    for (const [name, points] of curves) {
      const last = points.at(-1)!;
      let { service, entitled, demand } = last;
      there.forEach((tid, i) => {
        if (entity(tid) !== name) return;
        entitled += shares[i]! * time;
        demand += time;
        if (i < runs.length) service += time;
      });
      points.push({ ts: to, service, entitled, demand });
    }
  }
  return curves;
}

/** A curve's value at a time between its points: everything is linear there. */
export function valueAt(
  points: readonly TruePoint[],
  ts: number,
  of: "service" | "entitled" | "demand",
): number {
  const after = points.findIndex((point) => point.ts >= ts);
  const b = points[after]!;
  if (after === 0 || b.ts === ts) return b[of];
  const a = points[after - 1]!;
  return a[of] + (b[of] - a[of]) * (ts - a.ts) / (b.ts - a.ts);
}
