import assert from "node:assert/strict";
import { reflex, type ReflexOptions } from "../../lib/bench/mod.ts";

const SHORT: ReflexOptions = { children: 8, active: 4, duration: 30e6, minRuns: 2, maxRuns: 2 };

Deno.test("each run's row holds together, in a process and in threads", async () => {
  for (const isolation of ["process", "thread"] as const) {
    const result = await reflex({ ...SHORT, weight: 75, isolation });
    assert.equal(result.runs.length, 2);
    let sum = 0;
    for (const row of result.runs.rows()) {
      assert.equal(row.yields + row.passes, row.rounds);
      // Voluntary switches that nobody asked for: the few that reading the counters may cause.
      assert.ok(row.blocks <= row.passes + 8 * 4, `${row.blocks} blocks of ${row.passes}`);
      const spread = 6 * Math.sqrt(0.75 * 0.25 / row.rounds) + 1 / row.rounds;
      assert.ok(Math.abs(row.passes / row.rounds - 0.75) < spread, `${row.passes} of ${row.rounds}`);
      assert.ok(row.wall >= 30e6, `${row.wall} ns`);
      assert.ok(Math.abs(row.us_per_round * row.rounds * 1e3 / row.wall - 1) < 1e-6);
      assert.equal(row.kernel, Deno.osRelease());
      sum += row.us_per_round;
    }
    assert.ok(Math.abs(result.mean - sum / 2) < 1e-9);
    assert.ok(result.interval[0] <= result.mean && result.mean <= result.interval[1]);
    assert.equal(result.options.isolation, isolation);
    assert.match(String(result), /us\/round.*\n8 children in 4 active sets/);
    const json = JSON.parse(JSON.stringify(result));
    assert.equal(json.runs.length, 2);
    assert.equal(json.fingerprint.kernel, Deno.osRelease());
  }
});

Deno.test("sets of one never block, whatever the weight", async () => {
  const result = await reflex({ ...SHORT, active: 8, weight: 100 });
  for (const row of result.runs.rows()) {
    assert.equal(row.passes, 0);
    assert.equal(row.yields, row.rounds);
  }
  assert.match(String(result), /the weight has no effect/);
});

Deno.test("as many threads are runnable as there are active sets", async () => {
  // Steal and what else runs here move single runs: the middle one of five, and three tries.
  const seen: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const result = await reflex({
      children: 16,
      active: 8,
      weight: 80,
      compute: 20,
      duration: 150e6,
      minRuns: 5,
      maxRuns: 5,
    });
    const runnable = [...result.runs.column("runnable")].sort((a, b) => a - b);
    if (runnable.some(Number.isNaN)) return; // a kernel without schedstat says nothing
    seen.push(runnable[2]!);
    if (runnable[2]! >= 7.9 && runnable[2]! <= 8.8) return;
  }
  assert.fail(`8 sets, but runnable in the mean: ${seen.join(", ")}`);
});

Deno.test("work takes its time: us per round times the CPUs is no less than the work", async () => {
  const result = await reflex({
    children: 4,
    active: 4,
    compute: 200,
    duration: 60e6,
    minRuns: 3,
    maxRuns: 3,
  });
  // CPU time of a round: the work, and a yield. The work of one round varies by a sixteenth, the mean of hundreds does not.
  const each = [...result.runs.rows()].map((row) => row.cpu / 1e3 / row.rounds).sort((a, b) => a - b);
  assert.ok(each[1]! > 190 && each[1]! < 400, `${each.join(", ")} us of CPU time for 200 us of work`);
});

Deno.test("the stop rule: FRC is said where it was not reached, and the old rule stops sooner", async () => {
  const frc = await reflex({ ...SHORT, duration: 2e6, width: 1e-9, maxRuns: 3 });
  assert.equal(frc.verdict, "FRC");
  assert.equal(frc.runs.length, 3);
  assert.match(String(frc), /FRC, failed to reach confidence/);
  const wide = await reflex({ children: 8, active: 4, duration: 2e6, width: 100 });
  assert.equal(wide.runs.length, 10);
  const legacy = await reflex({ children: 8, active: 4, duration: 2e6, width: 100, legacyStop: true });
  assert.equal(legacy.runs.length, 2);
  assert.equal(legacy.verdict, "ok");
});

Deno.test("wrong options reject with what is wrong", async () => {
  const wrong: [ReflexOptions, RegExp][] = [
    [{ children: 3 }, /even number but found 3/],
    [{ children: 0 }, /children .* but found 0/],
    [{ active: 50 }, /40 children cannot stand in 50 active sets/],
    [{ children: 8, active: 3 }, /active must divide children/],
    [{ weight: 101 }, /weight .* from 0 to 100 but found 101/],
    [{ weight: 0.5 }, /weight/],
    [{ compute: -1 }, /compute .* but found -1/],
    [{ duration: 0 }, /duration .* but found 0/],
    [{ width: 0 }, /width/],
    [{ minRuns: 5, maxRuns: 4 }, /maxRuns/],
    [{ cpus: [] }, /CPUs/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(() => reflex(options), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("more threads than the machine allows is one sentence with a remedy", async () => {
  const pids = Number(Deno.readTextFileSync("/proc/sys/kernel/pid_max"));
  const threads = Number(Deno.readTextFileSync("/proc/sys/kernel/threads-max"));
  const children = Math.min(1e6, 2 * Math.max(1, Math.min(pids, threads)));
  for (const isolation of ["process", "thread"] as const) {
    await assert.rejects(() => reflex({ children, isolation }), (error: Error & { remedy?: string }) => {
      assert.equal(error.name, "MachineLacksError");
      assert.match(error.message, /children (are more threads|need \d+ open files)/);
      assert.match(error.remedy ?? "", /fewer/);
      return true;
    });
  }
});
