import type { Fingerprint } from "../../../lib/bench/fingerprint.ts";
import { SUITE_SCHEMA, type SuiteResult } from "../../../lib/bench/suite/suite_result.ts";

/** A machine that never was. */
export const MACHINE: Fingerprint = {
  kernel: "6.19.0",
  kernel_version: "Linux version 6.19.0 #1",
  arch: "x86_64",
  cpu_model: "Made Up 9000",
  cpus_online: "0-3",
  cpus_allowed: "0-3",
  hz: 1000,
  preempt: "full",
  sched_features: ["PLACE_LAG", "RUN_TO_PARITY"],
  base_slice: 2_800_000,
  sched_ext: "none",
  sched_core: true,
  autogroup: true,
  rt_runtime_us: 950_000,
  smt: "on",
  mitigations: { meltdown: "Not affected" },
  clocksource: "tsc",
  tsc_method: null,
  hypervisor: "none",
  cpu_quota: "max",
  governor: "performance",
  cpufreq_driver: "intel_pstate",
  cpuidle_driver: "intel_idle",
  cmdline: "BOOT_IMAGE=/vmlinuz-6.19.0 ro quiet",
};

/** A result with the given runs of made-up metrics: `NAME: { METRIC: [value of each run] }`. */
export function madeResult(
  cases: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>,
  machine: Partial<Fingerprint> = {},
): SuiteResult {
  return {
    schema: SUITE_SCHEMA,
    started: "2026-01-01T00:00:00.000Z",
    ended: "2026-01-01T00:01:40.250Z",
    complete: true,
    options: { duration: 1e9, minRuns: 10, maxRuns: 30, confidence: 0.95, width: 0.02 },
    fingerprint: { ...MACHINE, ...machine },
    cases: Object.entries(cases).map(([name, metrics]) => ({
      name,
      about: `what ${name} does`,
      verdict: "ok",
      why: null,
      precise: Object.keys(metrics)[0]!,
      parameters: { threads: 8, duration: 1e9 },
      metrics: Object.fromEntries(
        Object.keys(metrics).map((metric) => [
          metric,
          { better: metric === "jain" ? "higher" : "lower", about: metric },
        ]),
      ),
      runs: Object.values(metrics)[0]!.map((_, run) => ({
        started: "2026-01-01T00:00:00.000Z",
        load: 0.5,
        metrics: Object.fromEntries(
          Object.entries(metrics).map(([metric, values]) => [metric, values[run]!]),
        ),
      })),
    })),
  };
}
