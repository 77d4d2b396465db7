import assert from "node:assert/strict";
import { ClockMapping, spin } from "../../lib/bench/mod.ts";

Deno.test("a mapping goes through its ends, and says how far others are off", () => {
  const start = { tsc: 10n ** 15n, mono: 5_000_000_000n },
    end = { tsc: 10n ** 15n + 26_000_000_000n, mono: 15_000_000_000n };
  const clock = new ClockMapping(
    start,
    end,
    [{ tsc: 10n ** 15n + 13_000_000_000n, mono: 10_000_000_250n }],
    20,
  );
  assert.equal(clock.toMono(start.tsc), start.mono);
  assert.equal(clock.toMono(end.tsc), end.mono);
  assert.equal(clock.toTsc(10_000_000_000n), 10n ** 15n + 13_000_000_000n);
  assert.equal(clock.toMono(start.tsc - 2600n), start.mono - 1000n);
  assert.equal(clock.maxError, 250);
  assert.throws(() => new ClockMapping(end, start), RangeError);
});

Deno.test("a gap's ticks, its ts and the mapping give the same time", async () => {
  const result = await spin({
    threads: 4,
    cpus: [0],
    duration: 500e6,
    maxSleep: 20e6,
    burst: 100e6,
    maxGap: 0,
    threshold: 50e3,
  });
  const { gaps, clock, epoch, tsc } = result;
  assert.ok(gaps.length > 0);
  for (let row = 0; row < gaps.length; row++) {
    const { ts, dur, start_tsc, end_tsc } = gaps.row(row);
    assert.ok(Math.abs(Number(clock.toMono(start_tsc) - epoch) - ts) <= clock.maxError + 200, `row ${row}`);
    assert.ok(Math.abs(Number(end_tsc - start_tsc) * 1e9 / tsc.hz - dur) < 1);
    assert.ok(!row || ts >= gaps.column("ts")[row - 1]!, "rows are in order");
    assert.ok(ts > -1e6 && ts + dur < result.elapsed + 1e6, `row ${row} lies in the run`);
  }
  assert.ok(clock.maxError < 20e3, `the clocks agree to ${clock.maxError} ns`);
  assert.ok(tsc.residualPpm < 100 && tsc.hz > 1e6);
});
