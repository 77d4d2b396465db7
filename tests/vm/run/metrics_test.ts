import assert from "node:assert/strict";
import { DictColumn, Frame, ns } from "../../../lib/frame/mod.ts";
import { kvmMetrics, type MeasuredUser, userMetrics } from "../../../lib/vm/run/metrics.ts";

const floats = (...values: number[]) => ns(Float64Array.of(...values));

Deno.test("what is compared of a run of target user, worked out by hand", () => {
  const threads = new Frame({
    run_gap_time: floats(30e6, 10e6),
    run_gaps: floats(3, 1),
    run_gap_max: floats(20e6, 10e6),
    wall: floats(1e9, 1e9),
    cpu_time: floats(600e6, 200e6),
    run_delay: floats(100e6, 300e6),
    forced_idle: floats(50e6, 0),
  });
  const gaps = new Frame({
    dur: floats(20e6, 5e6, 90e6, 5e6, 10e6),
    kind: DictColumn.from(["run", "run", "wake", "run", "run"]),
  });
  const ledger = { gaps: new Frame({ dur: floats(20e6, 20e6), forced_idle: floats(10e6, 0) }) };
  const measured = { spin: { threads, gaps, elapsed: 1e9 }, ledger } as unknown as MeasuredUser;
  assert.deepEqual(userMetrics(measured), {
    max_gap: 20e6,
    mean_gap: 10e6,
    p99_gap: 20e6,
    gaps_per_s: 2,
    run_share: 0.8,
    wait_share: 0.4,
    jain: 0.8,
    forced_idle_share: 0.05,
    forced_idle_of_gaps: 0.25,
  });
});

Deno.test("what is compared of a run of target kvm; without samples nothing is known but that", () => {
  const samples = new Frame({ inner: floats(10e6, 150e6), outer: floats(30e6, 20e6) });
  const vcpus = new Frame({ run: floats(2e9, 2e9), forceidle: floats(1e9, 0) });
  const vms = [{ state: "measured" }, { state: "silent" }];
  type Kvm = Parameters<typeof kvmMetrics>[0];
  assert.deepEqual(kvmMetrics({ samples, vcpus, vms, elapsed: 4e9 } as unknown as Kvm), {
    max_gap: 150e6,
    mean_gap: 90e6,
    over_100ms: 0.5,
    samples_per_s: 0.5,
    measured: 1,
    jain: 1,
    forced_idle_share: 0.25,
  });
  const none = kvmMetrics(
    { samples: samples.head(0), vcpus: vcpus.head(0), vms: [], elapsed: 1e9 } as unknown as Kvm,
  );
  assert.deepEqual([none["max_gap"], none["samples_per_s"], none["jain"]], [NaN, 0, NaN]);
});
