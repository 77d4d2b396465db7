import { MachineLacksError } from "../trace/record/errors.ts";

/** The tree of cgroups that has the cpu controller. */
export interface CgroupHierarchy {
  /** 1: `cpu.shares` and `tasks`; 2: `cpu.weight` and `cgroup.threads`. */
  readonly version: 1 | 2;
  /** Directory of its root. */
  readonly mount: string;
}

/** Where cgroup trees are mounted, by /proc/self/mountinfo; `text` is for one taken elsewhere. */
export function cgroupMounts(text: string = readMounts()): { v1cpu: string[]; v2: string[] } {
  const v1cpu: string[] = [], v2: string[] = [];
  for (const line of text.split("\n")) {
    const [mount, file] = line.split(" - ");
    const at = mount?.split(" ")[4]?.replace(/\\040/g, " ");
    const [type, , options] = file?.split(" ") ?? [];
    if (at === undefined) continue;
    if (type === "cgroup" && options?.split(",").includes("cpu")) v1cpu.push(at);
    if (type === "cgroup2") v2.push(at);
  }
  return { v1cpu, v2 };
}

/**
 * The hierarchy with the cpu controller, of which a machine has one. Throws a `MachineLacksError` where none is mounted.
 */
export function cpuHierarchy(text?: string): CgroupHierarchy {
  const { v1cpu, v2 } = cgroupMounts(text);
  if (v1cpu[0] !== undefined) return { version: 1, mount: v1cpu[0] };
  const mount = v2.find((at) => words(`${at}/cgroup.controllers`).includes("cpu"));
  if (mount !== undefined) return { version: 2, mount };
  throw new MachineLacksError(
    "cgroup",
    "no cgroup hierarchy with the cpu controller is mounted",
    "mount -t cgroup2 none /sys/fs/cgroup",
  );
}

/** The words of a small file; none where it cannot be read. */
export function words(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

/**
 * The directory of an existing cgroup: `name` is a path, or a name below the hierarchy with the cpu controller. Throws a
 * `MachineLacksError` where there is none.
 */
export function existingCgroup(name: string): string {
  const path = name.startsWith("/") ? name : `${cpuHierarchy().mount}/${name}`;
  const isGroup = ["tasks", "cgroup.procs"].some((file) => isThere(`${path}/${file}`));
  if (isGroup) return path.replace(/\/+$/, "");
  throw new MachineLacksError("cgroup", `there is no cgroup ${path}`, `mkdir ${path}`);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function readMounts(): string {
  try {
    return Deno.readTextFileSync("/proc/self/mountinfo");
  } catch {
    return "";
  }
}
