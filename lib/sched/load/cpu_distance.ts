/** Which logical CPUs share what: lists of CPU numbers. What is absent or empty is not known. */
export interface CpuGroups {
  /** Each physical core's (SMT siblings). */
  readonly cores?: readonly (readonly number[])[];
  /** Those that share a last-level cache. */
  readonly caches?: readonly (readonly number[])[];
  /** Each NUMA node's. */
  readonly nodes?: readonly (readonly number[])[];
  /** Each package's. */
  readonly packages?: readonly (readonly number[])[];
}

/**
 * The widest boundary between two CPUs that is known: `none` for SMT siblings (or the same CPU), then `core`, `cache` (last-level
 * cache), `node` (NUMA), `package`. Where only cores are known, a move that leaves the cache is `core` as well.
 */
export const DISTANCES = ["unknown", "none", "core", "cache", "node", "package"] as const;

/** One of {@linkcode DISTANCES}. */
export type CpuDistance = typeof DISTANCES[number];

/** A function that finds the code (an index into {@linkcode DISTANCES}) of the distance of two CPUs. */
export function cpuDistance(groups: CpuGroups): (x: number, y: number) => number {
  const levels = ([["package", groups.packages], ["node", groups.nodes], ["cache", groups.caches], [
    "core",
    groups.cores,
  ]] as const).filter(([, lists]) => lists !== undefined && lists.length > 0)
    .map(([name, lists]) => ({ code: DISTANCES.indexOf(name), of: indexed(lists!) }));
  const finest = levels.at(-1);
  return (x, y) => {
    for (const { code, of } of levels) {
      const [a, b] = [of.get(x), of.get(y)];
      if (a !== undefined && b !== undefined && a !== b) return code;
    }
    if (x === y) return DISTANCES.indexOf("none");
    // Within the finest that is known: only where that is the core is nothing else between them.
    const known = finest !== undefined && finest.code === DISTANCES.indexOf("core") && finest.of.has(x) &&
      finest.of.has(y);
    return DISTANCES.indexOf(known ? "none" : "unknown");
  };
}

function indexed(lists: readonly (readonly number[])[]): Map<number, number> {
  return new Map(lists.flatMap((cpus, index) => cpus.map((cpu) => [cpu, index] as const)));
}
