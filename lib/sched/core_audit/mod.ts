export { type CoreAuditOptions, KERNEL, OTHERS, type Trust } from "./audit_input.ts";
export * from "./core_audit.ts";
export {
  type CollectiveCoreColumns,
  type CollectiveSwitchColumns,
  type CollectiveSwitches,
  collectiveSwitches,
} from "./collective_switch.ts";
export {
  type CoreExposureColumns,
  type Exposure,
  exposure,
  type ExposureColumns,
  type ExposureEpisodeColumns,
} from "./exposure.ts";
export {
  type ForcedIdle,
  forcedIdle,
  type ForcedIdleColumns,
  type ForcedIdleGroupColumns,
  type ForcedIdleOptions,
  type ForcedIdleThreadColumns,
} from "./forced_idle.ts";
export {
  gang,
  type GangColumns,
  type GangHistogramColumns,
  type GangOptions,
  type GangReport,
} from "./gang.ts";
export * from "./parse_cookies.ts";
export { stealMismatch, type StealMismatchColumns, type StealMismatchOptions } from "./steal_mismatch.ts";
