import type { Frame } from "../../frame/frame.ts";
import type { Trace } from "../../trace/trace.ts";
import { knownThreads } from "../known_threads.ts";
import { type StateColumns, THREAD_STATES } from "../states.ts";
import type { ThreadGroups } from "../thread_groups.ts";
import { vcpuOf } from "../vcpu_threads.ts";

/** Threads that should run together. */
export interface Gang {
  /** Name of the group. */
  readonly name: string;
  /** Its threads, ascending. */
  readonly tids: readonly number[];
  /** Rows of the states of each of them: from the first up to the last, which is not among them. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** Codes of what a member of a gang does. */
export const Member = { Gone: 0, Runs: 1, Waits: 2, Rests: 3, Unknown: 4 } as const;

/** {@linkcode Member} code of each code of the states' `state`. */
export const MEMBER_DOES: Uint8Array = Uint8Array.from(THREAD_STATES, (state) => {
  switch (state) {
    case "running":
      return Member.Runs;
    case "preempted":
    case "woken":
      return Member.Waits;
    case "unknown":
      return Member.Unknown;
    default:
      return Member.Rests;
  }
});

/**
 * The threads of each group that should run together: its virtual CPUs where it has threads called so, else all of its
 * threads. Groups with fewer than two are left out.
 */
export function gangTids(trace: Trace, groups: ThreadGroups): Map<string, number[]> {
  const known = knownThreads(trace);
  const tid = known.column("tid");
  const comm = known.column("comm");
  const isVcpu = comm.dictionary.map((name) => vcpuOf(name) >= 0);
  const all: number[][] = groups.names.map(() => []);
  const vcpus: number[][] = groups.names.map(() => []);
  for (let row = 0; row < tid.length; row++) {
    const group = groups.of(tid[row]!);
    if (group < 0) continue;
    all[group]!.push(tid[row]!);
    if (isVcpu[comm.codes[row]!]) vcpus[group]!.push(tid[row]!);
  }
  const gangs = new Map<string, number[]>();
  groups.names.forEach((name, group) => {
    const members = vcpus[group]!.length > 0 ? vcpus[group]! : all[group]!;
    if (members.length > 1) gangs.set(name, members);
  });
  return gangs;
}

/** The gangs of `tids` with the rows of their members in `lives`; members without rows are left out. */
export function gangsIn(lives: Frame<StateColumns>, tids: ReadonlyMap<string, readonly number[]>): Gang[] {
  const tid = lives.column("tid");
  const range = new Map<number, { first: number; last: number }>();
  for (let first = 0, last = 0; first < tid.length; first = last) {
    while (last < tid.length && tid[last] === tid[first]) last++;
    range.set(tid[first]!, { first, last });
  }
  return [...tids].map(([name, members]) => {
    const there = members.filter((member) => range.has(member));
    const ranges = there.map((member) => range.get(member)!);
    return {
      name,
      tids: there,
      first: ranges.map(({ first }) => first),
      last: ranges.map(({ last }) => last),
    };
  }).filter((gang) => gang.tids.length > 1);
}
