import type { CgroupHierarchy } from "./cgroup_hierarchy.ts";

/** What the cpu controller is told of a group. */
export interface CgroupLimits {
  /**
   * `cpu.shares`, 2..262144. With cgroup v2 it becomes a `cpu.weight` of the same ratio, 1024 shares being weight 100.
   * Default: as the kernel makes it, 1024.
   */
  readonly shares?: number;
  /** `cpu.weight`, 1..10000. With cgroup v1 it becomes `cpu.shares`. Not beside `shares`. Default: as the kernel makes it, 100. */
  readonly weight?: number;
  /** ns that the group's threads may run in each period, at least 1e6 (`cpu.cfs_quota_us`, `cpu.max`). Default: no limit. */
  readonly quota?: number;
  /** The period, ns, 1e6..1e9. Default: 100e6. */
  readonly period?: number;
}

/** Files of a group and what to write into them for `limits`. Throws a RangeError that names the limit it cannot take. */
export function limitFiles(limits: CgroupLimits, version: CgroupHierarchy["version"]): [string, string][] {
  const { shares, weight, quota, period } = limits;
  within("shares", shares, 2, 262144);
  within("weight", weight, 1, 10000);
  within("quota", quota, 1e6, 1e15);
  within("period", period, 1e6, 1e9);
  if (shares !== undefined && weight !== undefined) {
    throw new RangeError("Expected a group to have shares or a weight but found both");
  }
  if (period !== undefined && quota === undefined) {
    throw new RangeError("Expected a group with a period to have a quota but found none");
  }
  const files: [string, string][] = [];
  // The kernel itself takes weight 100 for 1024 shares (CGROUP_WEIGHT_DFL, sched_weight_from_cgroup() in kernel/sched/core.c).
  if (version === 1) {
    const value = shares ?? (weight === undefined ? undefined : Math.max(2, Math.round(weight * 10.24)));
    if (value !== undefined) files.push(["cpu.shares", String(value)]);
  } else {
    const value = weight ??
      (shares === undefined ? undefined : Math.min(10000, Math.max(1, Math.round(shares / 10.24))));
    if (value !== undefined) files.push(["cpu.weight", String(value)]);
  }
  if (quota !== undefined) {
    const us = Math.round(quota / 1e3), periodUs = Math.round((period ?? 100e6) / 1e3);
    if (version === 2) files.push(["cpu.max", `${us} ${periodUs}`]);
    else files.push(["cpu.cfs_period_us", String(periodUs)], ["cpu.cfs_quota_us", String(us)]);
  }
  return files;
}

function within(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new RangeError(
    `Expected a group's ${name} to be an integer from ${least} to ${most} but found ${value}`,
  );
}
