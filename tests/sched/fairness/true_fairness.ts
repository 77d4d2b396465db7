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
  /** Groups that share the CPUs first; undefined for a thread beside them. Default: none. */
  readonly share?: (tid: number) => string | undefined;
  readonly shareWeight?: (name: string) => number;
}

/** What each of some that want at most `most` CPUs gets of `cpus`, by bisection of the water's level. */
function filled(wants: readonly { weight: number; most: number }[], cpus: number): number[] {
  const at = (level: number) => wants.map(({ weight, most }) => Math.min(most, weight * level));
  const sum = (level: number) => at(level).reduce((total, each) => total + each, 0);
  let [low, high] = [0, 1];
  if (wants.reduce((total, { most }) => total + most, 0) <= cpus) return wants.map(({ most }) => most);
  while (sum(high) < cpus) high *= 2;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (sum(middle) < cpus) low = middle;
    else high = middle;
  }
  return at(high);
}

/** CPUs of each of `there`: of the groups first, then in each. */
function sharesOf(there: readonly number[], competition: TrueCompetition): Float64Array | number[] {
  const { weight, cpus, share, shareWeight } = competition;
  if (share === undefined) return entitlement(there.map(weight), cpus.length).tasks.column("share");
  const groups = Map.groupBy(there.keys(), (i) => share(there[i]!) ?? i);
  const wants = [...groups].map(([name, members]) => ({
    members,
    weight: typeof name === "string" ? shareWeight!(name) : weight(there[name]!),
    most: members.length,
  }));
  const out: number[] = there.map(() => 0);
  filled(wants, cpus.length).forEach((room, at) => {
    const { members } = wants[at]!;
    const own = filled(members.map((i) => ({ weight: weight(there[i]!), most: 1 })), room);
    members.forEach((i, k) => out[i] = own[k]!);
  });
  return out;
}

/**
 * Service and entitlement of everybody at the end of each moment, by solving each moment anew: the slow way to what is computed
 * by following changes.
 */
export function trueCurves(
  moments: readonly TrueMoment[],
  competition: TrueCompetition,
): Map<string, TruePoint[]> {
  const { entity, cpus } = competition;
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
    const shares = sharesOf(there, competition);
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
