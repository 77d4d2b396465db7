import { existingCgroup } from "./cgroup_hierarchy.ts";
import { type Cgroups, makeCgroups } from "./cgroups.ts";
import { coreSiblings } from "./core_siblings.ts";
import { MachineLacksError } from "../trace/record/errors.ts";
import type { SpinOptions } from "./spin_options.ts";
import { allowedCpus } from "./allowed_cpus.ts";

/** Where a run's threads go, as arguments of schedscope-spin; disposing of it removes the groups made for it. */
export interface SpinPlacement extends AsyncDisposable {
  /** The arguments. */
  readonly args: readonly string[];
  /** CPUs of the threads, without the control's. */
  readonly cpus: readonly number[];
}

/**
 * Looks up CPUs and groups and makes those of its own. Throws a `MachineLacksError` for what is not there, and a RangeError for
 * options that do not go together.
 */
export async function spinPlacement(options: SpinOptions): Promise<SpinPlacement> {
  const args: string[] = [];
  const allowed = allowedCpus();
  let cpus = options.cpus ?? allowed;
  if (options.siblingsOf !== undefined) {
    cpus = coreSiblings(options.siblingsOf);
    args.push("--cpus", cpus.join(","));
  }
  if (options.control !== undefined) {
    args.push("--control", String(controlCpu(options.control, cpus, allowed)));
  }
  const existing = options.cgroup === undefined ? undefined : existingCgroup(options.cgroup);
  let own: Cgroups | undefined;
  if (options.groups !== undefined) {
    own = await makeCgroups(options.groups, existing === undefined ? {} : { parent: existing });
    if (own.hierarchy.version === 2 && options.isolation === "thread") {
      await own[Symbol.asyncDispose]();
      throw new RangeError('Expected isolation "process" for groups of cgroup v2 but found "thread"');
    }
  }
  for (const group of own?.groups ?? (existing === undefined ? [] : [existing])) args.push("--group", group);
  return {
    args,
    cpus,
    async [Symbol.asyncDispose]() {
      await own?.[Symbol.asyncDispose]();
    },
  };
}

function controlCpu(asked: number | "auto", cpus: readonly number[], allowed: readonly number[]): number {
  if (asked !== "auto") {
    if (!cpus.includes(asked)) return asked;
    throw new RangeError(`Expected control to be a CPU on which no measured thread runs but found ${asked}`);
  }
  const free = allowed.filter((cpu) => !cpus.includes(cpu));
  if (free.length > 0) return free.at(-1)!;
  throw new MachineLacksError(
    "cpu",
    `no CPU is left for the control: the measured threads may use all of ${allowed.join(",")}`,
    "name fewer CPUs for them (--cpus)",
  );
}
