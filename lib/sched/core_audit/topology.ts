import type { Trace } from "../../trace/trace.ts";

/**
 * The machine's SMT cores, each with at least two CPUs: `cores` where they are given, else those that the trace's header tells.
 *
 * Throws RangeError where neither has any, saying how to find and give them, and where `cores` makes no sense.
 */
export function smtCores(
  trace: Trace,
  cores?: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  if (cores !== undefined) return checked(cores);
  const known = trace.topology.cores.filter((cpus) => cpus.length > 1);
  if (known.length > 0) return known;
  const found = trace.topology.cores.length === 0
    ? "the trace does not tell which CPUs share a core"
    : `the trace tells of ${trace.topology.cores.length} cores with one CPU each: no SMT`;
  throw new RangeError(
    `The audit needs cores of several CPUs, and ${found}. Give them, as in cores: [[0, 2], [1, 3]] (--cores 0,2 --cores 1,3); ` +
      "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list of the recorded machine has them",
  );
}

function checked(cores: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const seen = new Set<number>();
  for (const cpus of cores) {
    if (cpus.length < 2) throw new RangeError(`Expected at least two CPUs in a core but found [${cpus}]`);
    for (const cpu of cpus) {
      if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < 65536)) {
        throw new RangeError(`Expected the number of a CPU but found ${cpu}`);
      }
      if (seen.has(cpu)) throw new RangeError(`Expected each CPU once in the cores but found ${cpu} again`);
      seen.add(cpu);
    }
  }
  if (cores.length === 0) throw new RangeError("Expected at least one core but found none");
  return cores;
}
