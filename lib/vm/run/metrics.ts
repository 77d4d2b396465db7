import type { SpinResult } from "../../bench/spin_result.ts";
import { jainIndex } from "../../sched/fairness/jain.ts";
import type { GapLedger } from "../../sched/gaps.ts";
import type { KvmResult } from "../kvm/mod.ts";

/** What {@linkcode userMetrics} reads. */
export interface MeasuredUser {
  /** The measurement. */
  readonly spin: Pick<SpinResult, "threads" | "gaps" | "elapsed" | "histogram">;
  /** Its gaps with their causes. */
  readonly ledger: Pick<GapLedger, "gaps">;
}

/**
 * What of a run of target `user` can be compared. Times are ns.
 *
 * `max_gap`, `mean_gap`, `p99_gap`: of the gaps over the threshold while the threads spun (p99 of those that were kept); `gaps_per_s`: of
 * each thread; `run_share`: CPU time of all threads for each ns of wall time, so CPUs' worth; `wait_share`: time on run queues likewise;
 * `jain`: Jain's index of the threads' CPU times; `forced_idle_share`: time for which threads kept hardware threads of their core idle
 * (core_forceidle_sum) for each ns of wall time; `forced_idle_of_gaps`: share of the gaps' time whose cause is forced idle.
 */
export function userMetrics({ spin, ledger }: MeasuredUser): Record<string, number> {
  const { threads, elapsed } = spin;
  const sum = (column: ArrayLike<number>) => Array.from(column).reduce((all, each) => all + each, 0);
  const time = sum(threads.column("run_gap_time"));
  const gaps = sum(threads.column("run_gaps"));
  const lengths = Float64Array.from(
    Array.from(spin.gaps.column("dur")).filter((_, row) => spin.gaps.column("kind").at(row) === "run"),
  ).sort();
  const wall = sum(threads.column("wall"));
  const parts = sum(ledger.gaps.column("dur"));
  return {
    max_gap: Math.max(...threads.column("run_gap_max")),
    mean_gap: gaps === 0 ? NaN : time / gaps,
    p99_gap: lengths[Math.ceil(0.99 * lengths.length) - 1] ?? NaN,
    gaps_per_s: wall === 0 ? NaN : gaps / (wall / 1e9),
    run_share: elapsed === 0 ? NaN : sum(threads.column("cpu_time")) / elapsed,
    wait_share: elapsed === 0 ? NaN : sum(threads.column("run_delay")) / elapsed,
    jain: jainIndex(threads.column("cpu_time")),
    forced_idle_share: elapsed === 0 ? NaN : sum(threads.column("forced_idle")) / elapsed,
    forced_idle_of_gaps: parts === 0 ? NaN : sum(ledger.gaps.column("forced_idle")) / parts,
  };
}

/**
 * What of a run of target `kvm` can be compared. Times are ns.
 *
 * `max_gap`, `mean_gap`: of all samples of all inner guests (a sample's gap is the longer of `inner` and `outer`); `over_100ms`: share of the samples
 * over 100 ms; `samples_per_s`: of all inner guests; `measured`: inner guests that told a sample; `jain`: Jain's index of the vCPU threads' CPU
 * times; `forced_idle_share`: time for which they kept hardware threads idle for each ns measured.
 */
export function kvmMetrics(
  result: Pick<KvmResult, "samples" | "vcpus" | "elapsed" | "vms">,
): Record<string, number> {
  const { samples, vcpus, elapsed, vms } = result;
  const inner = samples.column("inner");
  const outer = samples.column("outer");
  const gaps = Float64Array.from(inner, (each, row) => Math.max(each, outer[row]!));
  const sum = (column: ArrayLike<number>) => Array.from(column).reduce((all, each) => all + each, 0);
  return {
    max_gap: gaps.length === 0 ? NaN : gaps.reduce((most, gap) => Math.max(most, gap), 0),
    mean_gap: gaps.length === 0 ? NaN : sum(gaps) / gaps.length,
    over_100ms: gaps.length === 0 ? NaN : gaps.filter((gap) => gap > 100e6).length / gaps.length,
    samples_per_s: elapsed === 0 ? NaN : gaps.length / (elapsed / 1e9),
    measured: vms.filter(({ state }) => state === "measured").length,
    jain: vcpus.length === 0 ? NaN : jainIndex(vcpus.column("run")),
    forced_idle_share: vcpus.length === 0 || elapsed === 0 ? NaN : sum(vcpus.column("forceidle")) / elapsed,
  };
}
