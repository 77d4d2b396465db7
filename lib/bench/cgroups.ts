import { MachineLacksError } from "../trace/record/errors.ts";
import { ownedName } from "../trace/record/owner.ts";
import { CgroupGuard } from "./cgroup_guard.ts";
import { type CgroupHierarchy, cpuHierarchy, words } from "./cgroup_hierarchy.ts";
import { type CgroupLimits, limitFiles } from "./cgroup_limits.ts";

/** Options of {@linkcode makeCgroups}. */
export interface MakeCgroupsOptions {
  /** Directory of the group below which they are made. Default: this process's own with cgroup v1, the root with v2. */
  parent?: string;
  /** The hierarchy. Default: that with the cpu controller. */
  hierarchy?: CgroupHierarchy;
}

/** Groups of one's own: a group for each limits, side by side in one more that no one else uses. Disposing of it removes them. */
export class Cgroups implements AsyncDisposable {
  /** Directory of the group around them. */
  readonly path: string;
  /** Directory of each. */
  readonly groups: readonly string[];
  /** The hierarchy they are in. */
  readonly hierarchy: CgroupHierarchy;
  readonly #undo: () => Promise<void>;

  /** For {@linkcode makeCgroups}. */
  constructor(
    path: string,
    groups: readonly string[],
    hierarchy: CgroupHierarchy,
    undo: () => Promise<void>,
  ) {
    this.path = path;
    this.groups = groups;
    this.hierarchy = hierarchy;
    this.#undo = undo;
  }

  /** Removes them; waits up to five seconds for threads that are ending. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo();
  }
}

/**
 * Makes a cgroup for each of `limits`. They go away with the object, and when this process dies; what even that leaves (a machine on
 * which no shell runs) `schedscope doctor --clean` removes.
 *
 * With cgroup v2 they are threaded groups: threads of one process that is a member of `path` may be in different ones. Throws a
 * RangeError for limits out of range and a `MachineLacksError` where no group can be made.
 */
export async function makeCgroups(
  limits: readonly CgroupLimits[],
  options: MakeCgroupsOptions = {},
): Promise<Cgroups> {
  const hierarchy = options.hierarchy ?? cpuHierarchy();
  const { version, mount } = hierarchy;
  const files = limits.map((each) => limitFiles(each, version));
  if (files.length === 0) throw new RangeError("Expected limits of at least one group but found none");
  const parent = options.parent ?? (version === 1 ? ownGroup(mount) : mount);
  const path = `${parent}/${ownedName()}`;
  const groups = files.map((_, i) => `${path}/${i}`);
  let enabled = false;
  await using cleanup = new AsyncDisposableStack();
  const undo = async () => {
    for (const group of [...groups, path]) await removeGroup(group);
    if (enabled) await Deno.writeTextFile(`${parent}/cgroup.subtree_control`, "-cpu").catch(() => {});
  };
  try {
    await Deno.mkdir(path);
    cleanup.use(new CgroupGuard(path));
    cleanup.defer(undo); // first
    const limited = version === 2 && files.some((each) => each.length > 0);
    if (limited) {
      if (!words(`${parent}/cgroup.subtree_control`).includes("cpu")) {
        await Deno.writeTextFile(`${parent}/cgroup.subtree_control`, "+cpu");
        enabled = true;
      }
      await Deno.writeTextFile(`${path}/cgroup.subtree_control`, "+cpu");
    }
    for (const [i, group] of groups.entries()) {
      await Deno.mkdir(group);
      if (version === 2) await Deno.writeTextFile(`${group}/cgroup.type`, "threaded");
      for (const [file, value] of files[i]!) await Deno.writeTextFile(`${group}/${file}`, value);
    }
  } catch (cause) {
    throw new MachineLacksError(
      "cgroup",
      `cannot make a cgroup below ${parent}: ${cause instanceof Error ? cause.message : cause}`,
      "run as root, or name a group of your own in which cgroups may be made",
      { cause },
    );
  }
  const keep = cleanup.move();
  return new Cgroups(path, groups, hierarchy, () => keep.disposeAsync());
}

/** This process's group of the hierarchy at `mount`; its root where that cannot be told (in a container). */
function ownGroup(mount: string): string {
  try {
    const name = /^\d+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:(\S*)$/m.exec(Deno.readTextFileSync("/proc/self/cgroup"))
      ?.[1];
    const path = `${mount}${name === undefined || name === "/" ? "" : name}`;
    return Deno.statSync(path).isDirectory ? path : mount;
  } catch {
    return mount;
  }
}

async function removeGroup(path: string): Promise<void> {
  for (let left = 50;; left--) {
    try {
      return await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (left === 0) throw error; // threads that are ending may be in it a little longer
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
